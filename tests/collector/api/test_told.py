"""What each watcher told, in the API and on the page of a day."""

import json
from datetime import date, timedelta

import httpx
import pytest

from collector.registry import people
from collector.web.visitor import SESSION_COOKIE
from tests.collector.province import IDLE, OFF, POLICY, MovableClock, Piece, Province

MONDAY = date(2026, 11, 16)
HOUR = 3600
RULE = {"class": "contact", "channel": "beam", "words": {"closed": "run"}}


@pytest.fixture
def day(province: Province) -> None:
    """Idle until noon with the beam on for two hours, the second of them while the meter is off."""
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    province.bind("em-01", "A001", from_day=date(2020, 1, 1), watcher="door", channel="beam")
    province.put_policy(json.dumps({**json.loads(POLICY), "evidence": [RULE]}).encode(), asset_no="A001")
    province.observe(origin, Piece(MONDAY, 0, 12 * HOUR, IDLE), Piece(MONDAY, 12 * HOUR, 24 * HOUR, OFF))
    for start_h in (11, 12):
        province.show(origin, "door:beam", MONDAY, start_s=start_h * HOUR, states=("closed",))
    province.derive(MONDAY + timedelta(days=1))


def test_the_api_shows_agreement_and_disagreement_by_watcher(api: httpx.Client, day: None) -> None:
    record = api.get(f"/api/v1/hours/A001/{MONDAY}").json()
    assert (record["run_s"], record["no_run_s"]) == (HOUR, 0)
    contact, meter = record["told"]
    assert contact == {
        "watcher": "contact:beam",
        "agree_s": HOUR,
        "differ_s": HOUR,
        "silent_s": 22 * HOUR,
        "spans": [{"start_s": 11 * HOUR, "end_s": 13 * HOUR, "state": "run"}],
    }
    assert (meter["watcher"], meter["agree_s"], meter["differ_s"]) == ("meter:power", 23 * HOUR, HOUR)


def test_the_page_of_the_day_shows_it_too(
    client: httpx.Client, province: Province, clock: MovableClock, day: None
) -> None:
    person = people.find_person(province.connection, "approver")
    token = people.open_web_session(province.connection, person, now=clock.at, lasts=timedelta(hours=12))
    client.cookies.set(SESSION_COOKIE, token)
    page = client.get(f"/instruments/A001/{MONDAY}?lang=en").text
    assert "contact:beam" in page
    assert "agrees 1 h" in page
    assert "differs 1 h" in page
