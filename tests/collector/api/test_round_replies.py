"""What follows a ranking over the API: evidence, objections, visits, the published result; and who sees which of it."""

import hashlib
from datetime import timedelta

import httpx
import pytest

from collector.registry.access import Access, Scope
from tests.collector.api.test_rounds import V1, Keys, clock, keys, points, post, to_experts, world
from tests.collector.conftest import make_key
from tests.collector.evaluation.following import store_document
from tests.collector.evaluation.world import BEIJING, XIAN, World
from tests.collector.province import MovableClock

__all__ = ["clock", "keys", "world"]
PAPER = {"uscc": XIAN, "indicator": 6, "kind": "paper", "title": "A structure at 2 Å"}


@pytest.fixture
def people(keys: Keys, world: World, clock: MovableClock) -> Keys:
    """Also an officer of each of two units, and a machine that takes figures."""
    more = {
        "officer": Access("officer", Scope("unit", XIAN)),
        "neighbour": Access("officer", Scope("unit", BEIJING)),
        "platform": Access("platform"),
    }
    return keys | {name: {"X-API-Key": make_key(world.province, clock, access=access)} for name, access in more.items()}


def get(client: httpx.Client, key: dict[str, str], path: str) -> dict[str, object]:
    answer = client.get(V1 + path, headers=key)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert isinstance(found, dict)
    return found


def send(client: httpx.Client, key: dict[str, str], path: str, *, status: int, **body: object) -> dict[str, object]:
    """Without the reason that `post` adds."""
    answer = client.post(V1 + path, json=body, headers=key)
    assert answer.status_code == status, answer.text
    found = answer.json()
    assert isinstance(found, dict)
    return found


def to_announced(client: httpx.Client, people: Keys) -> None:
    to_experts(client, people, "expert of everything")
    post(client, people["expert"], "/2025/points", status=201, points=points(client, people))
    post(client, people["evaluator"], "/2025/closing", status=200)
    shown = post(client, people["evaluator"], "/2025/announcement", status=200, days=10)
    assert (shown["state"], shown["objections_until"]) == ("announced", "2026-01-30")


def test_a_result_is_objected_to_amended_and_published(
    client: httpx.Client, people: Keys, world: World, clock: MovableClock
) -> None:
    to_announced(client, people)
    document = store_document(world, "ab")
    asked = {"uscc": XIAN, "indicator": 5, "why": "A003 ran until June", "documents": [document]}
    made = send(client, people["officer"], "/2025/objections", status=201, **asked)
    assert (made["objection"], made["verdict"], made["made_by"]) == (1, None, f"officer of unit:{XIAN}")
    correction = {"source": "average_effective", "numerator": 4000 * 3600, "denominator": 1}
    answer = {"verdict": "upheld", "correction": correction}
    answered = post(client, people["evaluator"], "/2025/objections/1/answer", status=200, **answer)
    assert (answered["verdict"], answered["answered_by"]) == ("upheld", "evaluator of everything")
    clock.at += timedelta(days=11)
    published = post(client, people["evaluator"], "/2025/publication", status=200)
    everybody = get(client, people["platform"], "/2025/result")
    assert everybody == published == get(client, people["neighbour"], "/2025/result")
    [amendment] = everybody["amendments"]  # type: ignore[misc]
    assert (amendment["objection"], amendment["became"]) == (1, "2000")  # type: ignore[index]
    raw = client.get(f"{V1}/2025/publication", headers=people["platform"]).content
    assert hashlib.sha256(raw).hexdigest() == everybody["sha256"]
    ranks = [line["rank"] for line in everybody["items"]]  # type: ignore[index, attr-defined]
    assert ranks == sorted(ranks)
    assert ranks


def test_before_the_publication_a_unit_sees_its_own_line_and_a_machine_nothing(
    client: httpx.Client, people: Keys
) -> None:
    to_experts(client, people, "expert of everything")
    post(client, people["expert"], "/2025/points", status=201, points=points(client, people))
    post(client, people["evaluator"], "/2025/closing", status=200)
    assert get(client, people["officer"], "/2025/result")["items"] == []
    assert len(get(client, people["inspector"], "/2025/result")["items"]) > 1  # type: ignore[arg-type]
    post(client, people["evaluator"], "/2025/announcement", status=200, days=10)
    [own] = get(client, people["officer"], "/2025/result")["items"]  # type: ignore[misc]
    assert (own["uscc"], own["published_rating"]) == (XIAN, None)  # type: ignore[index]
    assert get(client, people["platform"], "/2025/result")["items"] == []
    assert client.get(f"{V1}/2025/publication", headers=people["evaluator"]).status_code == 404


def test_objections_are_seen_by_the_unit_and_those_who_judge(client: httpx.Client, people: Keys, world: World) -> None:
    to_announced(client, people)
    document = store_document(world, "ab")
    for indicator in (5, None):
        send(client, people["officer"], "/2025/objections", status=201, uscc=XIAN, indicator=indicator, why="x",
             documents=[document])  # fmt: skip
    first = get(client, people["evaluator"], "/2025/objections?limit=1")
    second = get(client, people["evaluator"], f"/2025/objections?limit=1&cursor={first['next_cursor']}")
    assert [page["items"][0]["objection"] for page in (first, second)] == [1, 2]  # type: ignore[index]
    assert second["next_cursor"] is None
    for name, count in (("officer", 2), ("inspector", 2), ("neighbour", 0), ("platform", 0)):
        assert len(get(client, people[name], "/2025/objections?is_open=true")["items"]) == count  # type: ignore[arg-type]
    path = f"{V1}/2025/objections/1/documents/{document}"
    assert client.get(path, headers=people["neighbour"]).status_code == 404
    assert client.get(path, headers=people["evaluator"]).status_code == 500, "the file itself is not there"
    refused = send(client, people["neighbour"], "/2025/objections", status=403, uscc=XIAN, indicator=5, why="x")
    assert "does not speak for unit" in str(refused["detail"])
    waiting = post(client, people["evaluator"], "/2025/publication", status=400)
    assert "publish it afterwards" in str(waiting["detail"])


def test_evidence_goes_to_the_experts_of_its_indicator(client: httpx.Client, people: Keys) -> None:
    post(client, people["evaluator"], "", status=201, name="2025", year=2025)
    made = send(client, people["officer"], "/2025/evidence", status=201, **PAPER)
    assert (made["item"], made["withdrawn_at"]) == (1, None)
    other = {**PAPER, "indicator": 3, "kind": "training"}
    send(client, people["officer"], "/2025/evidence", status=201, **other)
    post(client, people["evaluator"], "/2025/experts", status=201, person="expert of everything", indicators=[6])
    for name, seen in (("expert", [1]), ("evaluator", [1, 2]), ("officer", [1, 2]), ("reader", [1, 2]),
                       ("neighbour", []), ("platform", [])):  # fmt: skip
        items = get(client, people[name], "/2025/evidence")["items"]
        assert [item["item"] for item in items] == seen  # type: ignore[index, attr-defined]
    [only] = get(client, people["evaluator"], f"/2025/evidence?indicator=3&uscc={XIAN}")["items"]  # type: ignore[misc]
    assert only["item"] == 2  # type: ignore[index]
    withdrawn = post(client, people["officer"], "/2025/evidence/1/withdrawal", status=200)
    assert withdrawn["withdrawn_why"] == "the notice"
    assert client.get(f"{V1}/2025/evidence/2/document", headers=people["evaluator"]).status_code == 404
    send(client, people["neighbour"], "/2025/evidence", status=403, **PAPER)
    wrong = send(client, people["officer"], "/2025/evidence", status=400, **{**PAPER, "kind": "training"})
    assert "kind: 'training' is none of indicator 6" in str(wrong["detail"])
    post(client, people["evaluator"], "/2025/evidence-term", status=200, last_day="2026-01-20")


def test_units_to_be_visited_are_drawn_with_a_seed_that_is_shown(client: httpx.Client, people: Keys) -> None:
    to_experts(client, people, "expert of everything")
    made = post(client, people["evaluator"], "/2025/visits", status=201, seed="4 2 6 1 5", by_seed=1)
    assert (made["seed"], made["why"]) == ("4 2 6 1 5", "the notice")
    assert [visit["reason"] for visit in made["visits"]] == ["seed"]  # type: ignore[index, attr-defined]
    assert get(client, people["inspector"], "/2025/visits")["items"] == [made]
    assert client.get(f"{V1}/2025/visits", headers=people["officer"]).status_code == 403
    post(client, people["evaluator"], "/2025/visits", status=400, seed="1")
