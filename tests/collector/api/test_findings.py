"""Findings by the API and on the page: handed in by inspectors, seen in their scope, never in the way of hours."""

import hashlib
from datetime import date
from typing import Any

import httpx
import pytest

from collector.registry.access import Access, Scope
from protocol.findings import Deed, Findings, Nonced, Row, Sample, Step, sign_findings
from protocol.interval import day_bounds_ms
from protocol.keys import SigningKey
from tests.collector.conftest import make_key
from tests.collector.person_keys import register_key
from tests.collector.province import OFF, RUN, MovableClock, Piece, Province
from tests.collector.web.conftest import visitor as visitor
from tests.light_agent import LightAgent

MONDAY = date(2026, 11, 16)
STEPS: tuple[tuple[Deed, int], ...] = (("off", 0), ("run", 600_000), ("end", 1_200_000))
START_MS = day_bounds_ms(MONDAY)[0] + 36_000_000


@pytest.fixture
def wang(province: Province) -> SigningKey:
    return register_key(province.connection)


def make_note(wang: SigningKey, **changes: Any) -> bytes:
    row = Row(day="2026-11-16", stratum="high", record="ab" * 32, effective_s=3600, external_s=0, found="differs",
              paper_s=1800, remark="<b>half</b>")  # fmt: skip
    members: dict[str, Any] = {
        "v": 1, "asset": "A001", "place": "B-204", "plate": "SU8010", "inspectors": ("王敏",), "hosts": ("Li",),
        "begun": START_MS, "ended": START_MS + 3_600_000, "clock_ms": -1200, "verdict": "questions",
        "nonce": Nonced(nonce="0f" * 16, log=LightAgent("em-07").origin, index=3),
        "steps": tuple(Step(do=do, at=START_MS + at_ms) for do, at_ms in STEPS),
        "sample": Sample(manifest="cd" * 32, seed="4 2 6", rows=(row,)),
        "remarks": "门禁记录未取得",
    }  # fmt: skip
    return sign_findings(Findings(**members | changes), wang)


def observe(province: Province) -> None:
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    province.observe(origin, Piece(MONDAY, 35_000, 36_600, OFF), Piece(MONDAY, 36_600, 39_000, RUN))
    province.derive(date(2026, 11, 17))


def hand_in(api: httpx.Client, raw: bytes) -> httpx.Response:
    return api.post("/api/v1/findings", json={"note": raw.decode()})


def test_they_are_handed_in_listed_and_read_byte_for_byte(
    api: httpx.Client, province: Province, wang: SigningKey
) -> None:
    observe(province)
    hours = province.connection.execute("SELECT body FROM hour_record").fetchall()
    raw = make_note(wang)
    answered = hand_in(api, raw)
    assert answered.status_code == 201, answered.text
    sha256 = hashlib.sha256(raw).hexdigest()
    assert answered.json()["sha256"] == sha256
    assert hand_in(api, raw).json()["is_new"] is False
    [listed] = api.get("/api/v1/findings", params={"asset_no": "A001"}).json()["items"]
    assert listed == api.get(f"/api/v1/findings/{sha256}").json()
    assert (listed["nonce"]["code"], listed["signer"], listed["days"]) == ("unknown_log", "Wang", {"differs": 1})
    assert [(step["do"], step["agreed_ms"], step["differed_ms"]) for step in listed["steps"]] == [
        ("off", 540_000, 0),
        ("run", 540_000, 0),
    ]
    assert api.get(f"/api/v1/findings/{sha256}/note").content == raw
    assert province.connection.execute("SELECT body FROM hour_record").fetchall() == hours
    assert province.connection.execute("SELECT count(*) FROM dirty_day").fetchone() == (0,)


def test_a_forged_note_is_a_problem_and_nothing_is_kept(
    api: httpx.Client, province: Province, wang: SigningKey
) -> None:
    observe(province)
    for raw in (make_note(wang).replace(b"questions", b"in-order"), b"hello"):
        answered = hand_in(api, raw)
        assert (answered.status_code, answered.json()["type"]) == (400, "urn:jishi:problem:findings-refused")
    assert api.get("/api/v1/findings").json()["items"] == []


@pytest.mark.parametrize("role", ["reader", "officer", "operator", "platform"])
def test_only_inspectors_and_registrars_hand_in(
    api: httpx.Client, province: Province, clock: MovableClock, wang: SigningKey, role: str
) -> None:
    observe(province)
    api.headers["Authorization"] = f"Bearer {make_key(province, clock, access=Access(role))}"
    assert hand_in(api, make_note(wang)).status_code == 403


def test_what_lies_outside_of_a_scope_is_not_there_and_not_kept(
    api: httpx.Client, province: Province, clock: MovableClock, wang: SigningKey
) -> None:
    observe(province)
    province.add_instrument("A002")
    access = Access("inspector", Scope("instrument", "A002"))
    api.headers["Authorization"] = f"Bearer {make_key(province, clock, access=access)}"
    assert hand_in(api, make_note(wang)).status_code == 404
    assert province.connection.execute("SELECT count(*) FROM finding").fetchone() == (0,)


@pytest.mark.parametrize(("language", "words"), [("zh", ("存疑", "矛盾")), ("en", ("questions", "contradicted"))])
def test_the_page_shows_all_of_it(
    visitor: httpx.Client,
    api: httpx.Client,
    province: Province,
    wang: SigningKey,
    language: str,
    words: tuple[str, ...],
) -> None:
    observe(province)
    assert hand_in(api, make_note(wang)).status_code == 201
    page = visitor.get("/findings/A001", params={"lang": language}).text
    for text in (*words, "B-204", "王敏", "门禁记录未取得", "540 s", "&lt;b&gt;half&lt;/b&gt;"):
        assert text in page
    assert "<b>half" not in page
    assert "/findings/A001" in visitor.get("/instruments/A001/2026-11-16").text


def test_an_instrument_without_checks_says_so_and_an_unknown_one_is_not_there(
    visitor: httpx.Client, province: Province
) -> None:
    province.add_instrument("A001")
    assert "no on-site check" in visitor.get("/findings/A001?lang=en").text
    assert visitor.get("/findings/A404").status_code == 404
    assert visitor.get("/findings/A001/note").status_code == 404
