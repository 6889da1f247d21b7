"""Anybody may see a year's hours where somebody decided so: no person, nothing exempt, nothing that runs."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import httpx
import pytest

from collector.api.rates import FIXED, Kind
from collector.app import create_app
from collector.config import Config, Public
from collector.evaluation.publication import publish_round
from tests import browser
from tests.collector.conftest import MovableWindow
from tests.collector.evaluation import following
from tests.collector.evaluation.world import XIAN, by, generate
from tests.collector.province import MovableClock, Province
from tests.collector.rollups.places import HOUR, OTHERS, OURS, Places, Served
from tests.serving import serving

EVIL = "<script>alert(1)</script>"
SECRET = {"value_fen": 30_000_000, "shareable": False, "exempt_document": "文", "exempt_reason": "保密"}


@pytest.fixture
def published(province: Province) -> Places:
    """A year that is over: an open instrument, one that is not, and one that was exempt for a while."""
    places = Places(province)
    places.unit(OURS, division="610113", name=f"大学{EVIL}")
    places.instrument("A001", value_fen=30_000_000, shareable=True)
    places.instrument("A&2<", value_fen=30_000_000)
    places.instrument("S001", **SECRET)
    places.instrument("S001", owner=None, from_day=date(2025, 6, 1), value_fen=30_000_000, shareable=True)
    for asset_no in ("A001", "A&2<", "S001"):
        places.work(
            asset_no, date(2025, 7, 1), 5 * HOUR, served=[Served(OTHERS, HOUR), Served(OTHERS, HOUR, "claimed")]
        )
    return places


@pytest.fixture
def stranger(config: Config, clock: MovableClock, published: Places) -> Iterator[httpx.Client]:
    """Somebody without a key or a password, of a collector that publishes."""
    app = create_app(replace(config, public=Public(figures=True)), now=clock)
    with serving(app) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as opened:
        yield opened


def rows(answer: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.mark.parametrize("path", ["/public", "/public/units.csv", "/public/instruments.csv", f"/public/units/{OURS}"])
def test_nothing_is_public_unless_somebody_decided_so(client: httpx.Client, path: str) -> None:
    absent = client.get("/no-such-page")
    answer = client.get(path)
    assert (answer.status_code, answer.headers["cache-control"]) == (404, absent.headers["cache-control"])


def test_a_year_that_is_over_is_shown_by_unit_and_instrument(stranger: httpx.Client) -> None:
    page = stranger.get("/public?lang=en").text
    assert "Hours of large research instruments in 2025" in page
    assert [tuple(row.values())[2:] for row in rows(stranger.get("/public/units.csv"))] == [
        ("2", "1", "10.0", "2.0", "0.0027", "", ""),
    ]  # fmt: skip
    assert [tuple(row.values())[1:6] for row in rows(stranger.get("/public/instruments.csv?year=2025"))] == [
        ("A&2<", "仪器A&2<", "否", "5.0", "1.0"),
        ("A001", "仪器A001", "是", "5.0", "1.0"),
    ]
    unit = stranger.get(f"/public/units/{OURS}?year=2025&lang=en").text
    assert "A001" in unit
    assert "Not open" in unit


def test_how_units_were_rated_is_shown_once_it_is_published(
    config: Config, clock: MovableClock, province: Province
) -> None:
    world = generate(province, 7)
    world.freeze()
    app = create_app(replace(config, public=Public(figures=True)), now=clock)
    with (
        serving(app) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as anybody,
    ):
        following.announced(world, **{f"u{XIAN}": "poor"})
        assert {row["评价等次"] for row in rows(anybody.get("/public/units.csv"))} == {""}
        assert "Rating" not in anybody.get("/public?lang=en").text
        with world.connection.transaction():
            result = publish_round(world.connection, "2025", by=by("notice 9", now=following.AFTER))
        told = {row["统一社会信用代码"]: row for row in rows(anybody.get("/public/units.csv"))}
        ranked = {unit.uscc: str(unit.rank) for unit in result.published.units}
        assert {uscc: row["评价排名"] for uscc, row in told.items() if row["评价排名"]} == ranked
        assert told[XIAN]["评价等次"] == "较差（示例评分方案）"
        page = anybody.get("/public?lang=en").text
        assert "Poor" in page
        assert result.sha256 in page
        assert "Its scoring scheme is an example" in page


def test_what_was_exempt_in_the_year_is_nowhere_and_cannot_be_subtracted(stranger: httpx.Client) -> None:
    for path in ("/public", "/public/units.csv", "/public/instruments.csv", f"/public/units/{OURS}"):
        assert "S001" not in stranger.get(path).text
    listed = rows(stranger.get("/public/instruments.csv"))
    [unit] = rows(stranger.get("/public/units.csv"))
    assert float(unit["有效工作机时(h)"]) == sum(float(row["有效工作机时(h)"]) for row in listed)


def test_names_are_text_and_never_markup_or_formulas(stranger: httpx.Client, published: Places) -> None:
    published.instrument("=1+1", value_fen=30_000_000, shareable=True)
    for path in ("/public", f"/public/units/{OURS}"):
        assert EVIL not in stranger.get(path).text
        assert "&lt;script&gt;" in stranger.get(path).text
    assert "A&amp;2&lt;" in stranger.get(f"/public/units/{OURS}").text
    assert "'=1+1" in [row["资产编号"] for row in rows(stranger.get("/public/instruments.csv"))]


def test_the_year_under_way_and_years_to_come_are_not_public(stranger: httpx.Client) -> None:
    assert stranger.get("/public?year=2026").status_code == 404
    assert stranger.get("/public?year=2027").status_code == 404
    assert "没有机时记录" in stranger.get("/public?year=2019").text
    assert stranger.get("/public?year=x").status_code == 422
    assert stranger.get("/public/units/91110000000000000X").status_code == 404
    assert stranger.get("/public/units/x").status_code == 422


def test_answers_may_be_kept_and_are_told_by_their_tag(stranger: httpx.Client) -> None:
    for path in ("/public?lang=en", "/public/units.csv", f"/public/units/{OURS}"):
        first = stranger.get(path)
        assert first.headers["cache-control"] == "public, max-age=300"
        assert "set-cookie" not in first.headers
        again = stranger.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    assert (
        stranger.get("/public?lang=en").text == stranger.get("/public?lang=en", headers={"Accept-Language": "zh"}).text
    )


def test_one_address_may_ask_so_often_and_no_more(stranger: httpx.Client, window: MovableWindow) -> None:
    for _ in range(FIXED[Kind.PUBLIC].amount):
        assert stranger.get("/public/units.csv").status_code == 200
    refused = stranger.get("/public")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert stranger.get("/readyz").status_code == 200, "the rest goes on"
    window.move(timedelta(minutes=2))
    assert stranger.get("/public").status_code == 200


@pytest.mark.skipif(browser.PROGRAM is None, reason="Chromium is missing: apt-get install chromium")
def test_a_browser_walks_from_the_units_to_the_instruments_of_one(stranger: httpx.Client) -> None:
    with browser.browsing() as page:
        page.open(f"{stranger.base_url}/public?lang=en").click("main tbody a")
        page.await_true("location.pathname.startsWith('/public/units/') && document.readyState == 'complete'")
        assert "A001" in page.text()
        assert page.complaints == []
        assert page.hosts() == {"127.0.0.1"}
