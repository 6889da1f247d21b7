"""Proposals by the API: one key proposes, another rules, and what they may not is a problem document."""

from datetime import date, timedelta

import httpx
import pytest

from collector.registry.access import Access, Scope
from protocol.interval import day_bounds_ms
from protocol.signed_decision import parse_decision, sign_decision
from tests.collector.conftest import make_key
from tests.collector.person_keys import register_key
from tests.collector.province import OFF, POLICY, RUN, USCC, MovableClock, Piece, Province

MONDAY = date(2026, 11, 16)
HOUR = 3600
HAND = {"kind": "hand", "asset": "A001", "day": "2026-11-16", "seconds": HOUR, "source": "log, page 3"}
OTHER = "91440300708461136T"


@pytest.fixture
def keys(client: httpx.Client, province: Province, clock: MovableClock) -> dict[str, dict[str, str]]:
    """Headers of an officer and an approver of the unit, a registrar and an approver of everything, and a reader."""
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    province.observe(origin, Piece(MONDAY, 0, 9 * HOUR, OFF), Piece(MONDAY, 9 * HOUR, 12 * HOUR, RUN))
    province.derive(MONDAY + timedelta(days=1))
    ours = Scope("unit", USCC)
    given = {
        "officer": Access("officer", ours),
        "approver": Access("approver", ours),
        "chief": Access("approver"),
        "other": Access("approver", Scope("instrument", "B001")),
        "registrar": Access("registrar"),
    }
    province.add_instrument("B001")
    return {name: {"X-API-Key": make_key(province, clock, access=access)} for name, access in given.items()}


def propose(client: httpx.Client, headers: dict[str, str], proposal: dict[str, object] = HAND) -> httpx.Response:
    body = {"reason": "the agent was away", "proposal": proposal}
    return client.post("/api/v1/proposals", json=body, headers=headers)


def test_a_proposal_goes_its_way_from_one_key_to_another(client: httpx.Client, keys: dict[str, dict[str, str]]) -> None:
    made = propose(client, keys["officer"])
    assert made.status_code == 201, made.text
    path = f"/api/v1/proposals/{made.json()['number']}"
    listed = client.get("/api/v1/proposals?open=true", headers=keys["approver"]).json()["items"]
    assert [each["number"] for each in listed] == [made.json()["number"]]
    own = client.post(f"{path}/ruling", json={"verdict": "approved"}, headers=keys["officer"])
    assert own.status_code == 403
    ruled = client.post(f"{path}/ruling", json={"verdict": "approved"}, headers=keys["approver"])
    assert ruled.status_code == 200, ruled.text
    shown = client.get(path, headers=keys["officer"]).json()
    assert (shown["state"], shown["fact"]) == ("approved", ruled.json()["made"])
    assert shown["proposal"] == HAND
    again = client.post(f"{path}/ruling", json={"verdict": "refused", "why": "x"}, headers=keys["approver"])
    assert (again.status_code, again.json()["type"]) == (400, "urn:jishi:problem:cannot-be-so")
    assert client.get("/api/v1/proposals?open=true", headers=keys["chief"]).json()["items"] == []


def test_what_lies_outside_looks_like_what_is_not_there(client: httpx.Client, keys: dict[str, dict[str, str]]) -> None:
    number = propose(client, keys["officer"]).json()["number"]
    assert client.get("/api/v1/proposals", headers=keys["other"]).json()["items"] == []
    outside = client.get(f"/api/v1/proposals/{number}", headers=keys["other"])
    absent = client.get(f"/api/v1/proposals/{number + 1}", headers=keys["other"])
    assert outside.status_code == absent.status_code == 404
    assert outside.text == absent.text.replace(str(number + 1), str(number))


@pytest.mark.parametrize(
    ("proposal", "complaint"),
    [
        ({"kind": "fun"}, "not a proposal"),
        ({**HAND, "seconds": 0}, "seconds"),
        ({**HAND, "day": "2026-11-31"}, "day"),
        ({**HAND, "seconds": 22 * HOUR}, "only what nobody saw can be entered"),
        ({"kind": "correction", "subject": "A001"}, "no scope"),
        (
            {"kind": "policy", "subject": "instrument:A001", "from_day": "2026-11-16", "policy": "[]"},
            "Expected `object`",
        ),
    ],
)
def test_what_cannot_be_so_is_told_with_its_member(
    client: httpx.Client, keys: dict[str, dict[str, str]], proposal: dict[str, object], complaint: str
) -> None:
    answer = propose(client, keys["officer"], proposal)
    assert answer.status_code == 400
    assert complaint in answer.json()["detail"]


def test_a_policy_is_run_dry_and_put_in_force(client: httpx.Client, keys: dict[str, dict[str, str]]) -> None:
    body = POLICY.replace(b'"on_mw":900000', b'"on_mw":1100000').decode()
    policy = {"kind": "policy", "subject": "instrument:A001", "from_day": "2026-11-16", "policy": body}
    number = propose(client, keys["officer"], policy).json()["number"]
    path = f"/api/v1/proposals/{number}"
    assert client.get(f"{path}/dry-run", headers=keys["officer"]).status_code == 404
    made = client.post(f"{path}/dry-run?first_day=2026-11-16&last_day=2026-11-16", headers=keys["officer"])
    assert made.status_code == 200, made.text
    [line] = made.json()["lines"]
    assert (line["run_s_before"], line["run_s_after"], line["days_changed"]) == (3 * HOUR, 0, 1)
    assert client.get(f"{path}/dry-run", headers=keys["approver"]).json()["lines"] == [line]
    ruled = client.post(f"{path}/ruling", json={"verdict": "approved"}, headers=keys["approver"])
    assert client.get(f"/api/v1/policies/{ruled.json()['made']}", headers=keys["officer"]).text == body


def test_a_decision_is_approved_by_a_note_over_its_text(
    client: httpx.Client, province: Province, keys: dict[str, dict[str, str]], clock: MovableClock
) -> None:
    at_ms = day_bounds_ms(MONDAY)[0] + 9 * HOUR * 1000
    asked = {"kind": "decision", "asset": "A001", "start": at_ms, "end": at_ms + 1000, "verdict": "exclude"}
    path = f"/api/v1/proposals/{propose(client, keys['officer'], asked).json()['number']}"
    assert client.get(f"{path}/text", headers=keys["officer"]).status_code == 403
    text = client.get(f"{path}/text", headers=keys["chief"]).json()["text"]
    unsigned = client.post(f"{path}/ruling", json={"verdict": "approved"}, headers=keys["chief"])
    assert (unsigned.status_code, "signs with a key of his own" in unsigned.json()["detail"]) == (400, True)
    whose = parse_decision(text).approver
    key = register_key(province.connection, person=whose)
    note = {"verdict": "approved", "note": sign_decision(text, key).decode()}
    other = client.post(f"{path}/ruling", json=note, headers=keys["registrar"])
    assert other.status_code == 403
    ruled = client.post(f"{path}/ruling", json=note, headers=keys["chief"])
    assert ruled.status_code == 200, ruled.text
    [listed] = client.get("/api/v1/decisions", headers=keys["chief"]).json()["items"]
    assert (listed["sha256"], listed["approver"], listed["signed_by"]) == (ruled.json()["made"], whose, key.name)
    bytes_ = client.get(f"/api/v1/decisions/{listed['sha256']}/note", headers=keys["chief"])
    assert bytes_.content == note["note"].encode()
    assert client.get(f"/api/v1/decisions/{listed['sha256']}/note", headers=keys["other"]).status_code == 404


def test_reported_hours_are_taken_once_per_key(client: httpx.Client, keys: dict[str, dict[str, str]]) -> None:
    report = {
        "unit": USCC, "asset_no": "B001", "first_day": "2026-10-01", "last_day": "2026-10-31", "effective_s": 360_000,
        "external_s": 3_600,
    }  # fmt: skip
    headers = {**keys["officer"], "Idempotency-Key": "2026-10"}
    first = client.post("/api/v1/reported-hours", json=report, headers=headers)
    again = client.post("/api/v1/reported-hours", json=report, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200), first.text
    assert (first.json()["is_new"], again.json()["is_new"]) == (True, False)
    other = client.post("/api/v1/reported-hours", json={**report, "external_s": 0}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (409, "urn:jishi:problem:key-taken")
    wrong = client.post("/api/v1/reported-hours", json={**report, "external_s": 400_000}, headers=headers)
    assert (wrong.status_code, "external <= effective" in wrong.json()["detail"]) == (400, True)
    listed = client.get("/api/v1/reported-hours?first_day=2026-10-01&last_day=2026-10-31", headers=keys["approver"])
    assert [each["effective_s"] for each in listed.json()] == [360_000]
