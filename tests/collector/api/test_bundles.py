"""Bundles by the API: whole zips, to whoever may read the readings of every day in them, a few at a time."""

import io
import zipfile
from datetime import date, timedelta

import httpx
import pytest

from collector.api import bundles
from collector.config import Config
from collector.keys import ensure_export_key
from collector.registry import instruments, units
from collector.registry.access import Access, Scope
from protocol.note import verify
from tests.collector.conftest import make_key
from tests.collector.province import DOMAIN, RUN, USCC, MovableClock, Piece, Province

MONDAY = date(2026, 11, 16)
TUESDAY = MONDAY + timedelta(days=1)
OTHER_USCC = "12100000400000624D"
WEEK = f"/api/v1/instruments/A001/bundle?from={MONDAY}&to={TUESDAY}"


@pytest.fixture
def observed(province: Province) -> Province:
    """A001, whose owner changes on Tuesday."""
    units.register_unit(province.connection, OTHER_USCC, name_zh="清华大学")
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    for day in (MONDAY, TUESDAY):
        province.observe(origin, Piece(day, 0, 3600, RUN))
    instruments.register_owner(province.connection, "A001", uscc=OTHER_USCC, from_day=TUESDAY)
    province.derive(TUESDAY + timedelta(days=3))
    return province


def test_a_bundle_comes_as_a_zip_that_the_export_key_signed(
    api: httpx.Client, observed: Province, config: Config
) -> None:
    answer = api.get(WEEK)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="jishi-bundle-{MONDAY}-{TUESDAY}.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        text = verify(opened.read("MANIFEST"), ensure_export_key(config.data_dir, DOMAIN).verifier)
        named = [line.split(" ")[2] for line in text.splitlines() if len(line.split(" ")) == 3]
        assert opened.namelist() == [*named, "MANIFEST"]
        assert len(opened.read("hours/records.jsonl").splitlines()) == 2
    [line] = observed.rows("SELECT actor, via, target FROM audit WHERE action = 'bundle.write'")
    assert line == ("approver", "api", f"A001 {MONDAY} {TUESDAY}")


def test_a_unit_has_the_bundles_of_the_days_on_which_it_owned_the_instrument(
    api: httpx.Client, observed: Province, clock: MovableClock
) -> None:
    def ask(uscc: str, first: date, last: date) -> int:
        key = make_key(observed, clock, access=Access("reader", Scope("unit", uscc)), label=f"{uscc} {first} {last}")
        path = f"/api/v1/instruments/A001/bundle?from={first}&to={last}"
        return api.get(path, headers={"Authorization": f"Bearer {key}"}).status_code

    assert ask(USCC, MONDAY, MONDAY) == 200
    assert ask(USCC, MONDAY, TUESDAY) == 404
    assert ask(OTHER_USCC, MONDAY, TUESDAY) == 404
    assert ask(OTHER_USCC, TUESDAY, TUESDAY) == 200


def test_no_more_than_a_few_are_made_at_a_time(api: httpx.Client, observed: Province) -> None:
    for _ in range(bundles.AT_ONCE):
        assert bundles._places.acquire(blocking=False)
    try:
        answer = api.get(WEEK)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    finally:
        bundles._places.release(bundles.AT_ONCE)
    assert api.get(WEEK).status_code == 200
    assert api.get(WEEK).status_code == 200, "places are given back"


def test_what_cannot_be_a_bundle_is_told(api: httpx.Client, observed: Province) -> None:
    assert api.get(f"/api/v1/instruments/B009/bundle?from={MONDAY}&to={MONDAY}").status_code == 404
    assert api.get(f"/api/v1/instruments/A001/bundle?from={TUESDAY}&to={MONDAY}").status_code == 400
    assert api.get(f"/api/v1/instruments/A001/bundle?from=2025-01-01&to={MONDAY}").status_code == 400
    assert api.get("/api/v1/instruments/A001/bundle").status_code == 422
    observed.observe(f"{DOMAIN}/a/em-01/1", Piece(TUESDAY, 3600, 7200, RUN))
    answer = api.get(WEEK)
    assert answer.status_code == 409
    assert "wait to be derived again" in answer.json()["detail"]
