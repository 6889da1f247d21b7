"""What the list says of a record is what the record says of itself."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from collector.api.models import HourRecord
from collector.api.record_lines import encode_line, encode_page
from protocol import hours
from tests.collector.province import IDLE, OFF, RUN, Piece, Province

MONDAY = date(2026, 11, 16)
TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
HOUR = 3600
LIST = "/api/v1/hours?asset_no=A001&first_day=2026-11-16&last_day=2026-11-18"
ONLY_IN_DETAIL = {"spans", "operating", "served", "facts", "told", "graded"}


@pytest.fixture
def week(province: Province) -> None:
    """A whole day, one of which the morning was not seen, and an open one."""
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    province.observe(
        origin,
        Piece(MONDAY, 0, 20 * HOUR, OFF),
        Piece(MONDAY, 20 * HOUR, 24 * HOUR, RUN),
        Piece(TUESDAY, 10 * HOUR, 11 * HOUR, RUN),
        Piece(TUESDAY, 11 * HOUR, 24 * HOUR, OFF),
        Piece(WEDNESDAY, 0, 11 * HOUR, IDLE),
    )
    province.derive(WEDNESDAY)


@pytest.mark.usefixtures("week")
def test_each_line_has_the_members_of_the_description_and_no_other(api: httpx.Client) -> None:
    items = api.get(LIST).json()["items"]
    assert len(items) == 3
    for item in items:
        assert item.keys() == HourRecord.model_fields.keys()
        assert HourRecord.model_validate(item).model_dump(mode="json") == item


@pytest.mark.usefixtures("week")
def test_each_line_says_what_its_record_says(api: httpx.Client) -> None:
    for item in api.get(LIST).json()["items"]:
        detail = api.get(f"/api/v1/hours/A001/{item['day']}").json()
        assert item == {name: value for name, value in detail.items() if name not in ONLY_IN_DETAIL}


@pytest.mark.usefixtures("week")
def test_a_page_of_lines_is_followed_by_the_next(api: httpx.Client) -> None:
    first = api.get(f"{LIST}&limit=2").json()
    rest = api.get(f"{LIST}&limit=2&cursor={first['next_cursor']}").json()
    assert [item["day"] for item in (*first["items"], *rest["items"])] == ["2026-11-16", "2026-11-17", "2026-11-18"]
    assert rest["next_cursor"] is None


def test_every_number_of_a_record_comes_under_its_own_name() -> None:
    numbers = {name: 100 + n for n, name in enumerate(hours.HourRecord.__struct_fields__) if name.endswith("_s")}
    members = {"asset": "A001", "day": "2026-11-16", "policy": "9f" * 32, "owner": "", "until": 80_000, **numbers}
    members |= {"lead_in": "run", "lead_out": "off", "flags": ["never-closed"], "journals": [["o", 1, 2]], "spans": []}
    raw = json.dumps(members).encode()
    row = (raw, hashlib.sha256(raw).digest(), datetime(2026, 11, 18, 4, tzinfo=UTC), 60, 7, 10, 20, 30, 40, 50)
    page = json.loads(encode_page([encode_line(row)], next_cursor="next"))
    [line] = page["items"]
    assert page["next_cursor"] == "next"
    assert {name: line[name] for name in numbers} == numbers
    assert line["external_s"] == numbers["claimed_s"] + numbers["verified_s"]
    assert line["coverage"] == round((80_000 - numbers["unobserved_s"] - numbers["bridged_s"]) / 80_000, 4)
    assert (line["is_open"], line["until_s"], line["owner"]) == (True, 80_000, None)
    assert (line["lead_in"], line["lead_out"], line["flags"]) == ("run", "off", ["never-closed"])
    assert (line["policy_sha256"], line["record_sha256"]) == ("9f" * 32, hashlib.sha256(raw).hexdigest())
    assert line["journals"] == [{"origin": "o", "first": 1, "last": 2}]
    assert line["derived_at"] == "2026-11-18T04:00:00Z"
    assert (line["counted_s"], line["counted_external_s"]) == (60, 7)
    assert line["grades"] == {"A": 10, "B": 20, "C": 30, "D": 40, "X": 50}


@pytest.mark.usefixtures("week")
def test_the_grades_of_a_day_and_their_bytes(api: httpx.Client, province: Province) -> None:
    """What waited longer than a week: it arrived today, by the clock of the test."""
    detail = api.get("/api/v1/hours/A001/2026-11-16").json()
    raw = api.get("/api/v1/hours/A001/2026-11-16/grades").content
    assert detail["graded"]["sha256"] == hashlib.sha256(raw).hexdigest()
    assert json.loads(raw)["record"] == detail["record_sha256"]
    assert {span["grade"] for span in detail["graded"]["spans"]} == {"D"}
    assert detail["graded"]["spans"][0]["reason"] == "too late"
    assert (detail["counted_s"], detail["grades"]["D"]) == (0, detail["effective_s"])
    assert sum(each["seconds"] for each in detail["graded"]["seconds"]) == 86_400
    province.connection.execute("DELETE FROM day_grade")
    detail = api.get("/api/v1/hours/A001/2026-11-16").json()
    assert (detail["graded"], detail["counted_s"], detail["grades"]) == (None, None, None)
    assert api.get("/api/v1/hours/A001/2026-11-16/grades").status_code == 404
    assert api.get(LIST).json()["items"][0]["grades"] is None


@pytest.mark.usefixtures("week")
def test_a_line_that_was_shown_before_is_the_same_and_one_whose_record_changed_is_not(
    api: httpx.Client, province: Province
) -> None:
    first = api.get(LIST)
    again = api.get(LIST)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    [journal] = first.json()["items"][2]["journals"]
    province.observe(journal["origin"], Piece(WEDNESDAY, 11 * HOUR, 12 * HOUR, RUN))
    province.derive(WEDNESDAY)
    before, after = first.json()["items"][2], api.get(LIST).json()["items"][2]
    assert after["record_sha256"] != before["record_sha256"]
    assert after["effective_s"] == before["effective_s"] + HOUR
    province.connection.execute("UPDATE hour_record SET derived_at = '2026-11-18T05:00:00Z' WHERE day = '2026-11-18'")
    assert api.get(LIST).json()["items"][2] == after | {"derived_at": "2026-11-18T05:00:00Z"}


def test_a_line_is_whole_whatever_the_instrument_is_called(api: httpx.Client, province: Province) -> None:
    """What is shown is cut from the record's bytes by the database, at names that no text in a record can hold."""
    name = 'A","facts":[],"flags":[1]}é/%'
    province.add_instrument(name)
    province.observe(province.add_agent("em-09", name), Piece(MONDAY, 0, 24 * HOUR, RUN))
    province.derive(WEDNESDAY)
    question = {"asset_no": name, "first_day": "2026-11-16", "last_day": "2026-11-16"}
    [item] = api.get("/api/v1/hours", params=question).json()["items"]
    assert HourRecord.model_validate(item).model_dump(mode="json") == item
    assert (item["asset_no"], item["effective_s"]) == (name, 24 * HOUR)
    found = api.get(item["readings"])
    assert found.status_code == 200, (item["readings"], found.text)
    rows = province.connection.execute("SELECT shown, body, sha256 FROM hour_record WHERE asset_no = %s", [name])
    for shown, body, sha256 in rows:
        whole = json.loads(body)
        assert json.loads(shown) == {key: whole[key] for key in whole if key in json.loads(shown)}
        assert whole.keys() - json.loads(shown).keys() == {"facts", "spans", "classes", "bridged", "served", "told"}
        assert sha256 == hashlib.sha256(body).digest()
