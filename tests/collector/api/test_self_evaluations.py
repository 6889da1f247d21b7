"""A self-evaluation report over the API: from its draft to its acceptance, the files, and what waits for the
officer."""

import hashlib
from datetime import UTC, date, datetime

import httpx
import pytest

from collector.registry.access import Access, Scope
from collector.registry.described import Unit
from collector.registry.descriptions import describe
from tests.collector.conftest import make_key
from tests.collector.province import RUN, MovableClock, Piece, Province
from tests.collector.self_evaluation.lab import (
    BEIJING,
    EVALUATOR,
    HOUR,
    OFFICER,
    TUESDAY,
    XIAN,
    Lab,
    added_document,
    make,
)

V1 = "/api/v1"
OURS = f"{V1}/self-evaluations/{XIAN}/2025"
Keys = dict[str, dict[str, str]]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(datetime(2026, 1, 20, 4, tzinfo=UTC))


@pytest.fixture
def year(province: Province) -> Lab:
    return make(province)


@pytest.fixture
def keys(year: Lab, clock: MovableClock) -> Keys:
    asked = {
        "officer": OFFICER,
        "reader": Access("reader", Scope("unit", XIAN)),
        "other": Access("approver", Scope("unit", BEIJING)),
        "evaluator": EVALUATOR,
        "expert": Access("expert"),
        "operator": Access("operator"),
    }
    return {name: {"X-API-Key": make_key(year.province, clock, access=each)} for name, each in asked.items()}


def post(
    client: httpx.Client, key: dict[str, str], path: str, *, status: int = 200, **body: object
) -> dict[str, object]:
    answer = client.post(path, json={"why": "the notice", **body}, headers=key)
    assert answer.status_code == status, answer.text
    found = answer.json()
    assert isinstance(found, dict)
    return found


def submit(client: httpx.Client, keys: Keys, **texts: str) -> dict[str, object]:
    post(client, keys["officer"], f"{OURS}/drafts", status=201, texts=texts)
    post(client, keys["officer"], f"{OURS}/confirmation")
    return post(client, keys["officer"], f"{OURS}/submission")


def test_a_report_goes_from_its_draft_to_its_acceptance(client: httpx.Client, keys: Keys) -> None:
    first = submit(client, keys, staff="12 人")
    assert (first["state"], first["version"], first["name_zh"]) == ("submitted", 1, "西安测试大学")
    post(client, keys["evaluator"], f"{OURS}/return", why="the staff list is missing")
    submit(client, keys, staff="12 人，名单附后")
    post(client, keys["evaluator"], f"{OURS}/acceptance")
    shown = client.get(OURS, headers=keys["operator"]).json()
    assert [step["state"] for step in shown["steps"]] == [
        "draft", "confirmed", "submitted", "returned", "draft", "confirmed", "submitted", "accepted",
    ]  # fmt: skip
    assert (shown["steps"][3]["why"], shown["steps"][3]["by"]) == (
        "the staff list is missing", "evaluator of everything",
    )  # fmt: skip
    [listed] = client.get(f"{V1}/self-evaluations?year=2025", headers=keys["reader"]).json()["items"]
    assert (listed["state"], listed["version"]) == ("accepted", 2)


def test_the_bytes_are_those_that_were_hashed_and_stay_what_they_were(client: httpx.Client, keys: Keys) -> None:
    first = submit(client, keys, staff="12 人")
    before = client.get(f"{OURS}/report.json", headers=keys["evaluator"])
    assert hashlib.sha256(before.content).hexdigest() == first["sha256"]
    assert before.json()["texts"] == {"staff": "12 人"}
    post(client, keys["evaluator"], f"{OURS}/return")
    submit(client, keys, staff="13 人")
    assert client.get(f"{OURS}/report.json?version=1", headers=keys["expert"]).content == before.content
    assert client.get(f"{OURS}/report.json", headers=keys["expert"]).json()["texts"] == {"staff": "13 人"}


def test_a_report_comes_as_a_page_and_as_a_workbook(client: httpx.Client, keys: Keys) -> None:
    submit(client, keys, staff="<b>12</b>")
    page = client.get(f"{OURS}/report.html", headers=keys["reader"])
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'; style-src 'unsafe-inline'" in page.headers["content-security-policy"]
    assert "&lt;b&gt;12&lt;/b&gt;" in page.text
    book = client.get(f"{OURS}/report.xlsx", headers=keys["reader"])
    assert book.content.startswith(b"PK")
    assert book.headers["content-disposition"] == f'attachment; filename="self-evaluation-{XIAN}-2025.xlsx"'


def test_a_draft_is_its_units_own(client: httpx.Client, keys: Keys) -> None:
    post(client, keys["officer"], f"{OURS}/drafts", status=201)
    assert client.get(f"{OURS}/report.json", headers=keys["reader"]).status_code == 200
    for name in ("evaluator", "expert"):
        answer = client.get(f"{OURS}/report.json", headers=keys[name])
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:jishi:problem:not-allowed")
        assert client.get(OURS, headers=keys[name]).json()["state"] == "draft"
    assert client.get(f"{OURS}/report.json", headers=keys["operator"]).status_code == 403


def test_what_another_unit_does_looks_like_what_is_not_there(client: httpx.Client, keys: Keys) -> None:
    submit(client, keys)
    absent = OURS.replace("2025", "2019")
    for path in ("", "/report.json", "/differences"):
        answer = client.get(OURS + path, headers=keys["other"])
        assert answer.status_code == 404
        assert answer.text.replace("2025", "2019") == client.get(absent + path, headers=keys["other"]).text
    for path in ("drafts", "confirmation", "submission"):
        assert client.post(f"{OURS}/{path}", json={"why": "x"}, headers=keys["other"]).status_code == 404
    assert client.get(f"{V1}/self-evaluations", headers=keys["other"]).json()["items"] == []
    assert client.get(f"{V1}/worklist?uscc={XIAN}", headers=keys["other"]).status_code == 404


def test_a_division_sees_where_its_units_stand_and_not_what_they_say(
    client: httpx.Client, keys: Keys, year: Lab, clock: MovableClock
) -> None:
    submit(client, keys)
    lies_in = Unit(uscc=XIAN, name_zh="西安测试大学", division="610113")
    with year.connection.transaction():
        describe(year.connection, [(lies_in, date(2020, 1, 1))], recorded_by="li")
    for code, seen in (("6101", True), ("11", False)):
        access = Access("reader", Scope("division", code))
        key = {"X-API-Key": make_key(year.province, clock, access=access)}
        listed = client.get(f"{V1}/self-evaluations", headers=key).json()["items"]
        assert [item["uscc"] for item in listed] == ([XIAN] if seen else [])
        late = client.get(f"{V1}/self-evaluations/timeliness?year=2025", headers=key).json()["items"]
        assert [item["uscc"] for item in late] == ([XIAN] if seen else [])
        assert client.get(OURS, headers=key).status_code == (200 if seen else 404)
        assert client.get(f"{V1}/worklist?uscc={XIAN}", headers=key).status_code == (200 if seen else 404)
        assert client.get(f"{OURS}/report.json", headers=key).status_code == 403
        census = client.get(f"{V1}/exports/census.csv?as_of=2025-12-31", headers=key).text.splitlines()
        assert len(census) == (5 if seen else 1)


def test_records_that_came_later_are_a_conflict_until_the_figures_are_kept_on_purpose(
    client: httpx.Client, keys: Keys, year: Lab
) -> None:
    post(client, keys["officer"], f"{OURS}/drafts", status=201)
    assert client.get(f"{OURS}/differences", headers=keys["reader"]).json() == []
    year.say(added_document("SO-2"))
    year.derive()
    changed = client.get(f"{OURS}/differences", headers=keys["reader"]).json()
    assert {"place": "lines[A001].seconds.claimed_s", "was": "3600", "now": "0"} in changed
    refused = client.post(f"{OURS}/confirmation", json={"why": "x"}, headers=keys["officer"])
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:jishi:problem:figures-changed")
    assert "lines[A001].seconds.claimed_s: 3600 -> 0" in refused.json()["detail"]
    made = post(client, keys["officer"], f"{OURS}/confirmation", keep_figures=True)
    assert (made["state"], made["differences"]) == ("confirmed", changed)
    post(client, keys["officer"], f"{OURS}/submission")
    assert client.get(f"{OURS}/differences", headers=keys["evaluator"]).json() == changed


def test_who_is_late_is_told_by_the_last_day(client: httpx.Client, keys: Keys, clock: MovableClock) -> None:
    due = post(client, keys["evaluator"], f"{V1}/self-evaluations/due", status=201, year=2025, due_on="2026-01-18")
    assert (due["due_on"], due["made_by"]) == ("2026-01-18", "evaluator of everything")
    asked = f"{V1}/self-evaluations/timeliness?year=2025"
    [missing] = client.get(asked, headers=keys["evaluator"]).json()["items"]
    assert (missing["uscc"], missing["judged"], missing["days"], missing["state"]) == (XIAN, "missing", 2, None)
    submit(client, keys)
    [late] = client.get(asked, headers=keys["reader"]).json()["items"]
    assert (late["judged"], late["days"], late["state"]) == ("late", 2, "submitted")
    assert client.get(asked, headers=keys["other"]).json()["items"] == []


WRONG: dict[str, tuple[str, dict[str, object], int, str]] = {
    "a step that cannot follow": ("/submission", {}, 400, "is not there yet: submitted cannot follow"),
    "an unknown text": ("/drafts", {"texts": {"staf": "x"}}, 400, "'staf': unknown; fields are"),
    "a text that does not print": ("/drafts", {"texts": {"staff": "\x00"}}, 400, "does not print"),
    "no reason": ("/drafts", {"why": " "}, 400, "a reason is needed"),
    "a member that is not known": ("/drafts", {"force": True}, 422, "body.force"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_is_a_problem_with_its_remedy(client: httpx.Client, keys: Keys, name: str) -> None:
    path, body, status, says = WRONG[name]
    assert says in str(post(client, keys["officer"], OURS + path, status=status, **body)["detail"])
    assert client.get(OURS, headers=keys["officer"]).status_code == 404


def test_the_worklist_is_the_callers_own_unless_he_names_a_unit(client: httpx.Client, keys: Keys, year: Lab) -> None:
    year.province.observe("jishi.example/a/agent-a001/1", Piece(TUESDAY, 11 * HOUR, 12 * HOUR, RUN))
    year.derive()
    own = client.get(f"{V1}/worklist", headers=keys["officer"]).json()
    assert own["uscc"] == XIAN
    assert [item["kind"] for item in own["items"]] == ["claimed", "unresolved", "network-overdue", "report"]
    for item in own["items"]:
        assert client.get(item["link"], headers=keys["officer"]).status_code == 200, item["link"]
    assert client.get(f"{V1}/worklist?uscc={XIAN}", headers=keys["operator"]).json() == own
    assert client.get(f"{V1}/worklist", headers=keys["operator"]).status_code == 400
    assert client.get(f"{V1}/worklist?uscc=12610000000000077A", headers=keys["operator"]).status_code == 404


def test_the_census_comes_as_csv_and_as_a_workbook(client: httpx.Client, keys: Keys) -> None:
    asked = f"{V1}/exports/census.csv?as_of=2025-12-31"
    table = client.get(asked, headers=keys["reader"])
    assert table.content.startswith(b"\xef\xbb\xbf")
    lines = table.text.splitlines()
    assert len(lines) == 5
    assert ",'=JEOL," in lines[1]
    assert len(client.get(asked, headers=keys["other"]).text.splitlines()) == 1
    differences = client.get(f"{asked}&part=differences", headers=keys["reader"]).text
    assert differences.splitlines() == ["\ufeff变化,资产编号,仪器名称,项目,上年,本年"]
    assert client.get(asked.replace("csv", "xlsx"), headers=keys["reader"]).content.startswith(b"PK")
