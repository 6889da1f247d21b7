"""A round over the API: from its draft to the ranking, by the roles that may, and what each of them sees."""

from datetime import UTC, datetime

import httpx
import pytest

from collector.registry.access import Access, Scope
from tests.collector.conftest import make_key
from tests.collector.evaluation.playing import FULL, SCHEME
from tests.collector.evaluation.world import XIAN, World, generate
from tests.collector.province import MovableClock, Province

V1 = "/api/v1/rounds"
WHY = {"why": "the notice"}
Keys = dict[str, dict[str, str]]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(datetime(2026, 1, 20, 4, tzinfo=UTC))


@pytest.fixture
def world(province: Province) -> World:
    made = generate(province, 7)
    made.freeze()
    return made


@pytest.fixture
def keys(world: World, clock: MovableClock) -> Keys:
    """Headers of an evaluator, two experts, an inspector, and a reader of one unit."""
    asked = {
        "evaluator": Access("evaluator"),
        "expert": Access("expert"),
        "inspector": Access("inspector"),
        "reader": Access("reader", Scope("unit", XIAN)),
    }
    return {name: {"X-API-Key": make_key(world.province, clock, access=each)} for name, each in asked.items()}


def post(client: httpx.Client, key: dict[str, str], path: str, *, status: int, **body: object) -> dict[str, object]:
    answer = client.post(V1 + path, json={**WHY, **body}, headers=key)
    assert answer.status_code == status, answer.text
    found = answer.json()
    assert isinstance(found, dict)
    return found


def to_data(client: httpx.Client, keys: Keys) -> None:
    post(client, keys["evaluator"], "", status=201, name="2025", year=2025)
    post(client, keys["evaluator"], "/2025/population", status=200)
    post(client, keys["evaluator"], "/2025/data", status=200, frozen="2025")


def to_experts(client: httpx.Client, keys: Keys, *experts: str) -> None:
    to_data(client, keys)
    for expert in experts:
        post(client, keys["evaluator"], "/2025/experts", status=201, person=expert)
    scheme = post(client, keys["evaluator"], "/schemes", status=201, text=SCHEME)
    post(client, keys["evaluator"], "/2025/opening", status=200, scheme=scheme["sha256"])


def ranked(client: httpx.Client, keys: Keys) -> list[str]:
    items = client.get(f"{V1}/2025/indicators", headers=keys["evaluator"]).json()["items"]
    return [item["uscc"] for item in items if item["instruments"]]


def points(client: httpx.Client, keys: Keys) -> list[dict[str, object]]:
    return [
        {"uscc": uscc, "indicator": each, "hundredths": most}
        for uscc in ranked(client, keys)
        for each, most in FULL.items()
    ]


def test_a_round_goes_from_its_draft_to_its_ranking(client: httpx.Client, keys: Keys) -> None:
    to_experts(client, keys, "expert of everything")
    given = post(client, keys["expert"], "/2025/points", status=201, points=points(client, keys))
    assert given["are_open"]
    ranking = post(client, keys["evaluator"], "/2025/closing", status=200)
    assert ranking["is_example"]
    items = ranking["items"]
    assert isinstance(items, list)
    assert [item["rank"] for item in items] == list(range(1, len(items) + 1))
    assert {item["rating"] for item in items} <= {"excellent", "good", "qualified", "poor"}
    uscc = items[0]["uscc"]
    rated = post(client, keys["evaluator"], "/2025/ratings", status=201, uscc=uscc, rating="poor")
    assert rated["items"][0]["rating"] == "poor"  # type: ignore[index]
    assert rated["items"][0]["scheme_rating"] == items[0]["rating"]  # type: ignore[index]
    assert rated["items"][0]["points"] == items[0]["points"]  # type: ignore[index]
    shown = client.get(f"{V1}/2025", headers=keys["reader"]).json()
    assert [step["state"] for step in shown["steps"]] == ["draft", "population", "data", "experts", "closed"]
    assert shown["steps"][0]["by"] == "evaluator of everything"
    [item] = client.get(V1, headers=keys["reader"]).json()["items"]
    assert (item["name"], item["state"], item["frozen"]) == ("2025", "closed", "2025")


def test_a_unit_sees_its_own_members_and_figures_and_no_points(client: httpx.Client, keys: Keys) -> None:
    to_experts(client, keys, "expert of everything")
    everything = client.get(f"{V1}/2025/population?limit=1000", headers=keys["evaluator"]).json()["items"]
    own = client.get(f"{V1}/2025/population?limit=1000", headers=keys["reader"]).json()["items"]
    assert own == [item for item in everything if item["uscc"] == XIAN]
    assert 0 < len(own) < len(everything)
    [figures] = client.get(f"{V1}/2025/indicators", headers=keys["reader"]).json()["items"]
    assert figures["uscc"] == XIAN
    assert client.get(f"{V1}/2025", headers=keys["reader"]).json()["all_units"] is None
    for path in ("points", "ranking"):
        assert client.get(f"{V1}/2025/{path}", headers=keys["reader"]).status_code == 403


def test_figures_come_with_what_they_are_made_of(client: httpx.Client, keys: Keys) -> None:
    to_data(client, keys)
    whole = client.get(f"{V1}/2025", headers=keys["evaluator"]).json()["all_units"]
    units = client.get(f"{V1}/2025/indicators", headers=keys["evaluator"]).json()["items"]
    for name, seconds in whole["seconds"].items():
        assert sum(unit["seconds"][name] for unit in units) == seconds
    average = next(each for each in whole["measures"] if each["measure"] == "average_effective")
    assert average["indicator"] == 5
    assert average["numerator"] == whole["seconds"]["counted_s"]
    assert average["denominator"] == whole["instruments"] == sum(unit["instruments"] for unit in units)
    assert average["value"] == pytest.approx(average["numerator"] / average["denominator"] / 3600, abs=0.051)
    assert whole["policies"]
    assert whole["excluded"]
    assert 0 < whole["coverage"] < 1


def test_members_come_in_pages_and_by_whether_they_are_counted(client: httpx.Client, keys: Keys) -> None:
    to_data(client, keys)
    found, path = [], f"{V1}/2025/population?limit=3&is_in=false"
    cursor = ""
    while cursor is not None:
        answer = client.get(path + (f"&cursor={cursor}" if cursor else ""), headers=keys["evaluator"]).json()
        found += answer["items"]
        cursor = answer["next_cursor"]
    everything = client.get(f"{V1}/2025/population?limit=1000", headers=keys["evaluator"]).json()["items"]
    assert found == [item for item in everything if not item["is_in"]]
    assert all(item["reason"] != "meets-rules" for item in found)


def test_points_are_hidden_from_everybody_until_they_are_open(client: httpx.Client, keys: Keys, world: World) -> None:
    world.person("ann", "expert")
    to_experts(client, keys, "expert of everything", "ann")
    own = post(client, keys["expert"], "/2025/points", status=201, points=points(client, keys))
    assert not own["are_open"]
    assert len(own["items"]) == len(points(client, keys))  # type: ignore[arg-type]
    for name in ("evaluator", "inspector"):
        seen = client.get(f"{V1}/2025/points", headers=keys[name]).json()
        assert (seen["items"], seen["are_open"]) == ([], False)
        assert [each["given"] for each in seen["progress"]] == [0, len(points(client, keys))]
    trail = client.get("/api/v1/audit?limit=1000", headers=keys["inspector"]).json()["items"]
    line = next(item for item in trail if item["action"] == "round.give-points")
    assert "hundredths" not in str(line)
    post(client, keys["evaluator"], "/2025/closing", status=200)
    assert len(client.get(f"{V1}/2025/points", headers=keys["inspector"]).json()["items"]) == len(points(client, keys))


WRONG: dict[str, tuple[str, dict[str, object], int, str]] = {
    "an unknown round": ("/2031/population", {}, 404, "there is no round '2031'"),
    "a name of another year": ("", {"name": "2024", "year": 2025}, 400, "it begins with the year"),
    "a round again": ("", {"name": "2025", "year": 2025}, 400, "there is a round 2025 already"),
    "no reason": ("/2025/population", {"why": " "}, 400, "a reason is needed"),
    "a step too many": ("/2025/closing", {}, 400, "round 2025 is in state draft: closed cannot follow"),
    "a subject that is nothing": ("/2025/choices", {"subject": "A001", "verdict": "include"}, 404, "is nothing that"),
    "an unknown unit": (
        "/2025/choices", {"subject": "unit:12610000000000077A", "verdict": "include"}, 404, "no unit 1261000000000007",
    ),
    "a scheme that does not add up": (
        "/schemes", {"text": SCHEME.replace("1 = 5 ", "1 = 6 ")}, 400, "together they are 101 points, not 100",
    ),
    "no scheme": ("/schemes", {"text": "{"}, 400, "this is no scheme"),
    "an expert who is none": ("/2025/experts", {"person": "approver"}, 400, "may give no points"),
    "an unknown person": ("/2025/experts", {"person": "nobody"}, 404, "no person 'nobody' is registered"),
    "a member that is not known": ("/2025/population", {"force": True}, 422, "body.force"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_is_a_problem_with_its_remedy(client: httpx.Client, keys: Keys, name: str) -> None:
    post(client, keys["evaluator"], "", status=201, name="2025", year=2025)
    path, body, status, says = WRONG[name]
    assert says in str(post(client, keys["evaluator"], path, status=status, **body)["detail"])
    assert client.get(f"{V1}/2025", headers=keys["evaluator"]).json()["state"] == "draft"


def test_a_year_that_is_not_frozen_names_the_command(client: httpx.Client, keys: Keys) -> None:
    post(client, keys["evaluator"], "", status=201, name="2025", year=2025, as_of="2025-06-30")
    post(client, keys["evaluator"], "/2025/population", status=200)
    detail = str(post(client, keys["evaluator"], "/2025/data", status=400, frozen="2024")["detail"])
    assert "nothing is frozen under the name '2024'" in detail
    assert "that fit: 2025" in detail


def test_a_scheme_comes_back_as_its_bytes(client: httpx.Client, keys: Keys) -> None:
    made = post(client, keys["evaluator"], "/schemes", status=201, text=SCHEME)
    assert (made["is_example"], made["entered_by"]) == (True, "evaluator of everything")
    assert client.get(f"{V1}/schemes/{made['sha256']}", headers=keys["reader"]).text == SCHEME
    assert client.get(f"{V1}/schemes", headers=keys["reader"]).json()["items"] == [made]
    assert client.get(f"{V1}/schemes/{'0' * 64}", headers=keys["reader"]).status_code == 404
