"""Cases over the API: a poor unit rectifies, fraud is what an approver signed, and each sees what concerns it."""

import httpx
import pytest

from collector.registry.access import Access, Scope
from protocol.signed_case import sign_case
from tests.collector.cases.conftest import judged
from tests.collector.cases.test_fraud import ZHAO, Court, court
from tests.collector.conftest import make_key
from tests.collector.evaluation.following import AFTER, published, store_document
from tests.collector.evaluation.world import BEIJING, XIAN, World
from tests.collector.province import MovableClock

__all__ = ["court", "judged"]
V1 = "/api/v1/cases"
Keys = dict[str, dict[str, str]]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(AFTER)


@pytest.fixture
def keys(judged: World, clock: MovableClock) -> Keys:
    asked = {
        "evaluator": Access("evaluator"),
        "officer": Access("officer", Scope("unit", XIAN)),
        "neighbour": Access("officer", Scope("unit", BEIJING)),
        "platform": Access("platform"),
        "city": Access("reader", Scope("division", "6101")),
        "other city": Access("reader", Scope("division", "6102")),
    }
    return {name: {"X-API-Key": make_key(judged.province, clock, access=each)} for name, each in asked.items()}


def post(client: httpx.Client, key: dict[str, str], path: str, *, status: int, **body: object) -> dict[str, object]:
    answer = client.post(V1 + path, json={"why": "new booking rules", **body}, headers=key)
    assert answer.status_code == status, answer.text
    found = answer.json()
    assert isinstance(found, dict)
    return found


def numbers(client: httpx.Client, key: dict[str, str], path: str = "") -> list[int]:
    answer = client.get(V1 + path, headers=key)
    assert answer.status_code == 200, answer.text
    return [item.get("case", item.get("fraud")) for item in answer.json()["items"]]


def test_a_poor_unit_enters_what_it_did_and_an_evaluator_closes_the_case(
    client: httpx.Client, judged: World, keys: Keys
) -> None:
    published(judged, **{f"u{XIAN}": "poor"})
    judged.connection.execute(
        "INSERT INTO unit_description (uscc, from_day, name_zh, name_en, kind, department, division, recorded_by)"
        " VALUES (%s, '2020-01-01', '西安测试大学', '', '', '', '610113', 'li')",
        [XIAN],
    )
    [number] = numbers(client, keys["officer"])
    assert numbers(client, keys["city"]) == [number]
    assert numbers(client, keys["other city"]) == []
    assert number in numbers(client, keys["evaluator"])
    assert numbers(client, keys["platform"]) == []
    assert client.get(f"{V1}/{number}", headers=keys["neighbour"]).status_code == 404
    post(client, keys["officer"], f"/{number}/entries", status=201, kind="remedy")
    post(client, keys["neighbour"], f"/{number}/entries", status=403, kind="remedy")
    early = post(client, keys["evaluator"], f"/{number}/ruling", status=400, verdict="accepted")
    assert "nothing to accept yet" in str(early["detail"])
    document = store_document(judged, "ab")
    post(client, keys["officer"], f"/{number}/entries", status=201, kind="evidence", document=document)
    ruled = post(client, keys["evaluator"], f"/{number}/ruling", status=200, verdict="accepted")
    assert (ruled["state"], ruled["due_on"]) == ("closed", "2027-01-31")
    assert [entry["kind"] for entry in ruled["entries"]] == ["remedy", "evidence"]  # type: ignore[index, attr-defined]
    assert number not in numbers(client, keys["evaluator"], "?is_closed=false")
    shown = client.get(f"{V1}/{number}", headers=keys["officer"]).json()
    assert shown == ruled
    path = f"{V1}/{number}/documents/{document}"
    assert client.get(path, headers=keys["neighbour"]).status_code == 404
    assert client.get(f"{V1}/{number}/documents/{'0' * 64}", headers=keys["officer"]).status_code == 404


def test_fraud_is_drawn_up_signed_and_brought(client: httpx.Client, court: Court, keys: Keys) -> None:
    published(court.world)
    body = {
        "uscc": XIAN, "round": "2025", "first_year": 2026, "last_year": 2028, "approver": "zhaomin",
        "evidence": [f"finding:{court.finding}"],
    }  # fmt: skip
    drawn = post(client, keys["evaluator"], "/frauds/text", status=200, **body)
    assert numbers(client, keys["evaluator"], "/frauds") == [], "nothing is kept before it is signed"
    note = sign_case(str(drawn["text"]), ZHAO).decode()
    brought = post(client, keys["evaluator"], "/signed", status=201, note=note)
    assert (brought["kind"], brought["number"]) == ("fraud", 1)
    for name, seen in (("evaluator", [1]), ("officer", [1]), ("neighbour", []), ("platform", [])):
        assert numbers(client, keys[name], "/frauds") == seen
    [shown] = client.get(f"{V1}/frauds", headers=keys["officer"]).json()["items"]
    assert (shown["note"], shown["sha256"], shown["approver"]) == (note, brought["sha256"], "zhaomin")
    record = client.get(f"{V1}/frauds/1/credit-record", headers=keys["evaluator"]).text
    assert f"finding:{court.finding}" in record
    [line] = [
        each
        for each in client.get("/api/v1/rounds/2025/result", headers=keys["platform"]).json()["items"]
        if each["uscc"] == XIAN
    ]
    assert line["rating"] == "poor"
    flag = post(client, keys["evaluator"], "/frauds/text", status=422, **{**body, "evidence": ["flag:" + "ab" * 32]})
    assert "body.evidence" in str(flag["detail"])
    again = post(client, keys["evaluator"], "/signed", status=400, note=note)
    assert "was brought before" in str(again["detail"])
    assert "this note decides nothing" in str(
        post(client, keys["evaluator"], "/signed", status=400, note="x")["detail"]
    )
    assert client.get(f"{V1}/twice-poor", headers=keys["evaluator"]).json() == {"items": []}
