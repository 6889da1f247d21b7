"""Decisions about time in doubt: proposed, ruled on from outside the unit, recorded as facts, read by the grades."""

from datetime import datetime, timedelta

import httpx
import psycopg
import pytest
from msgspec.structs import replace

from collector.accounts.decisions import load_decisions
from collector.accounts.verification import Verification, verify
from collector.approvals import dry_runs
from collector.approvals.proposals import Asker, find_proposal, propose
from collector.approvals.proposed import ProposedCorrection, ProposedDecision
from collector.approvals.rulings import Verdict, rule, text_to_sign
from collector.errors import NotAllowed, ProposalError, UnknownName
from collector.registry import people, person_keys
from collector.registry.access import EVERYTHING, Scope
from protocol import facts
from protocol.facts import Decision
from protocol.interval import day_bounds_ms
from protocol.keys import ED25519, SigningKey
from protocol.note import sign
from protocol.note import verify as verify_note
from protocol.person_key import person_key_text
from protocol.signed_decision import decision_text, open_decision, parse_decision, sign_decision
from tests.collector.approvals.test_approvals import (
    HOUR,
    MONDAY,
    NOW,
    OURS,
    TUESDAY,
    WEDNESDAY,
    asker,
    hand,
    make,
    order,
    record_of,
    said,
    sem,
    use,
)
from tests.collector.person_keys import WANG, register_key
from tests.collector.province import DOMAIN, Province

__all__ = ["sem"]
MIDNIGHT_MS = day_bounds_ms(MONDAY)[0]


def at(hour: float) -> int:
    return MIDNIGHT_MS + round(hour * 3_600_000)


def decision(start_h: float = 9, end_h: float = 10, verdict: str = "exclude", *flags: str) -> ProposedDecision:
    return ProposedDecision(asset="A001", start=at(start_h), end=at(end_h), verdict=verdict, flags=flags)  # type: ignore[arg-type]


def approve(province: Province, number: int, *, scope: Scope = EVERYTHING, by: str = "wang") -> str:
    """Approve a proposal, as wang signs it where it is a decision."""
    is_decision = find_proposal(province.connection, number).kind == "decision"
    return bring(province, number, signed(province, number) if is_decision else None, scope=scope, by=by)


def signed(province: Province, number: int, key: SigningKey = WANG, *, now: datetime = NOW, **changes: str) -> bytes:
    """The text of a decision as wang signs it, after changes of his own."""
    if not province.rows("SELECT FROM person_key WHERE name = %s", WANG.name):
        register_key(province.connection, person="wang")
    text = text_to_sign(province.connection, number, asker(province, "wang", "approver", EVERYTHING), now=now)
    return sign_decision(decision_text(replace(parse_decision(text), **changes)), key)


def bring(
    province: Province,
    number: int,
    note: bytes | None,
    *,
    scope: Scope = EVERYTHING,
    by: str = "wang",
    now: datetime = NOW,
    verdict: Verdict = "approved",
) -> str:
    ruler: Asker = asker(province, by, "approver", scope)
    with province.connection.transaction():
        made = rule(province.connection, number, ruler, verdict=verdict, why="seen", now=now, note=note).made
    assert made is not None
    return made


def test_an_approved_decision_is_a_fact_of_two_people_and_no_record_changes(
    dsn: str, province: Province, sem: str
) -> None:
    before = record_of(province)
    sha256 = approve(province, make(province, decision(9, 10, "exclude", "constant-load"), reason="the beam was off"))
    [(body,)] = province.rows("SELECT body FROM fact WHERE sha256 = %s", sha256)
    fact = facts.decode(bytes(body))  # type: ignore[call-overload]
    assert isinstance(fact, Decision)
    assert (fact.by, fact.approver, fact.why, fact.flags) == ("li", "wang", "the beam was off", ("constant-load",))
    assert province.rows("SELECT day, reason FROM dirty_day") == [(MONDAY, "decision")]
    assert record_of(province) == before
    assert verify(dsn) == Verification(1, [], [])


def test_a_days_decisions_are_plain_tuples_cut_to_what_was_asked_for(province: Province, sem: str) -> None:
    first = "fact:" + approve(province, make(province, decision(9, 12)))
    second = "fact:" + approve(province, make(province, decision(9, 10, "accept")))
    taken = max(first, second)  # approved at the same instant: the ref decides
    found = load_decisions(province.connection, "A001", start_ms=at(9.5), end_ms=at(24))
    assert (found[0][0], found[0][3]) == (at(9.5), taken)
    assert found[-1][1:] == (at(12), "exclude", first)
    assert load_decisions(province.connection, "A001", start_ms=at(24), end_ms=at(48)) == []
    assert load_decisions(province.connection, "A002", start_ms=at(0), end_ms=at(24)) == []


def test_a_corrected_decision_holds_no_more_and_its_day_is_marked(province: Province, sem: str) -> None:
    target = "fact:" + approve(province, make(province, decision()))
    record_of(province)
    put = ProposedCorrection(subject="instrument:A001", target=target, use=use())
    with pytest.raises(ProposalError, match="puts nothing in its place"):
        make(province, put)
    approve(province, make(province, replace(put, use=None)))
    assert load_decisions(province.connection, "A001", start_ms=at(0), end_ms=at(24)) == []
    assert [day for day, _ in province.rows("SELECT day, reason FROM dirty_day")] == [MONDAY]


def test_the_owner_of_the_hours_proposes_and_does_not_rule(province: Province, sem: str) -> None:
    number = make(province, decision(9, 12, "accept"))
    with pytest.raises(NotAllowed, match="an approver over everything rules on it"):
        approve(province, number, scope=OURS)
    with pytest.raises(NotAllowed, match="a second person"):
        approve(province, number, by="li")
    for ruler, why in ((asker(province, "wang", "approver", OURS), "over everything"),
                        (asker(province, "li", "approver", EVERYTHING), "second person")):  # fmt: skip
        with pytest.raises(NotAllowed, match=why):
            text_to_sign(province.connection, number, ruler, now=NOW)
    assert approve(province, number)


def test_a_decision_is_kept_with_the_note_that_its_approver_signed(province: Province, sem: str) -> None:
    number = make(province, decision())
    note = signed(province, number)
    sha256 = bring(province, number, note, now=NOW + timedelta(days=3))
    [(body, kept)] = province.rows(
        "SELECT f.body, s.note FROM fact f JOIN signed_decision s ON s.fact = f.sha256 WHERE f.sha256 = %s", sha256
    )
    assert bytes(kept) == note  # type: ignore[call-overload]
    fact = facts.decode(bytes(body))  # type: ignore[call-overload]
    assert open_decision(note, WANG.verifier) == fact
    assert fact.approved_at == round(NOW.timestamp() * 1000), "when it was signed, not when it was brought"  # type: ignore[union-attr]


def test_without_the_approvers_own_signature_nothing_is_decided(province: Province, sem: str) -> None:
    number = make(province, decision())
    note = signed(province, number)
    other = register_key(province.connection, SigningKey(f"{DOMAIN}/person/zhao", ED25519, b"z" * 32), person="Zhao")
    stranger = SigningKey(f"{DOMAIN}/person/nobody", ED25519, b"n" * 32)
    for brought, error, says in (
        (None, ProposalError, f"jishi-collector decision-text {number}"),
        (b"", ProposalError, "does not decide"),
        (note.replace(b"exclude", b"accept"), ProposalError, "does not decide"),
        (signed(province, number, stranger), ProposalError, "no key"),
        (signed(province, number, other), NotAllowed, "is the key of Zhao: wang signs with his own"),
        (signed(province, number, verdict="accept"), ProposalError, "decides something else"),
        (signed(province, number, approver="Zhao"), ProposalError, "decides something else"),
        (signed(province, number, now=NOW + timedelta(minutes=1)), ProposalError, "at another time"),
        (sign(person_key_text(str(WANG.verifier), "wang", "0f" * 16), WANG), ProposalError, "does not decide"),
    ):
        with pytest.raises(error, match=says):
            bring(province, number, brought)
    with pytest.raises(ProposalError, match="at another time"):
        bring(province, number, note, now=NOW + timedelta(days=31))
    with pytest.raises(ProposalError, match="a note approves a decision, no more"):
        bring(province, number, note, verdict="refused")
    li = people.find_person(province.connection, "Li")
    person_keys.revoke(province.connection, WANG.name, by=li, why="laptop stolen", now=NOW)
    with pytest.raises(NotAllowed, match=r"revoked .*laptop stolen"):
        bring(province, number, note)
    assert province.rows("SELECT FROM fact") == province.rows("SELECT FROM ruling") == []


def test_nothing_else_is_signed(province: Province, sem: str) -> None:
    number = make(province, hand())
    wang = asker(province, "wang", "approver", EVERYTHING)
    with pytest.raises(ProposalError, match="is no decision"):
        text_to_sign(province.connection, number, wang, now=NOW)
    with pytest.raises(ProposalError, match="a note approves a decision, no more"):
        bring(province, number, b"note")


def test_the_database_refuses_a_decision_that_nobody_signed(province: Province, sem: str) -> None:
    number = make(province, decision())
    fact = parse_decision(open_text(signed(province, number)))
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="signed by nobody"):
        said(province, fact)
    assert province.rows("SELECT FROM fact") == []


def open_text(note: bytes) -> str:
    return verify_note(note, WANG.verifier)


def test_what_cannot_be_decided_is_refused_with_its_reason(province: Province, sem: str) -> None:
    with pytest.raises(ProposalError, match="'no-such-rule', which is no rule: rules are feeder-idle"):
        make(province, decision(9, 10, "exclude", "no-such-rule"))
    with pytest.raises(ProposalError, match="end has not come yet"):
        make(province, decision(9, 24 * 4))
    with pytest.raises(ProposalError, match=r"deadline_days"):
        make(province, decision(), days=1)
    with pytest.raises((UnknownName, NotAllowed)):
        make(province, replace(decision(), asset="A404"))


def test_a_dry_run_tells_what_it_would_change_at_most(province: Province, sem: str) -> None:
    now_ms = round(NOW.timestamp() * 1000)
    said(province, replace(order(), at=now_ms))
    said(province, replace(use(start_h=9, end_h=10), at=now_ms))
    record_of(province)
    number = make(province, decision(9.5, 11))
    with province.connection.transaction():
        made = dry_runs.run_dry(
            province.connection, number, first_day=TUESDAY, last_day=WEDNESDAY, now=NOW + timedelta(minutes=1)
        )
    [line] = made.lines
    assert (made.first_day, made.last_day, line.days, line.days_changed) == (MONDAY, MONDAY, 1, 1)
    assert line.before == (3 * HOUR, 3 * HOUR, HOUR)
    assert line.after == (round(1.5 * HOUR), round(1.5 * HOUR), HOUR // 2)
    assert dry_runs.find_dry_run(province.connection, number) == made


def test_the_api_lists_decisions_to_those_in_whose_scope_they_are(
    province: Province, sem: str, api: httpx.Client
) -> None:
    sha256 = approve(province, make(province, decision(9, 10, "exclude", "replayed-trace"), reason="seen on site"))
    answer = api.get("/api/v1/decisions", params={"asset_no": "A001", "limit": 1}).json()
    [item] = answer["items"]
    assert (item["sha256"], item["verdict"], item["flags"]) == (sha256, "exclude", ["replayed-trace"])
    assert (item["why"], item["by"], item["approver"], item["corrected_by"]) == ("seen on site", "li", "wang", None)
    assert api.get("/api/v1/decisions", params={"first_day": str(TUESDAY)}).json()["items"] == []


def test_an_asker_outside_of_the_scope_proposes_nothing(province: Province, sem: str) -> None:
    stranger = asker(province, "zhao", "officer", Scope("instrument", "A002"))
    with pytest.raises(NotAllowed, match="outside"), province.connection.transaction():
        propose(province.connection, stranger, decision(), reason="x", now=NOW)
