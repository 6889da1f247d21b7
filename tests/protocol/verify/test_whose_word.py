"""Decisions count by their approvers' signatures, and revoked keys sign nothing more."""

from collections.abc import Callable
from functools import cache

import pytest
from msgspec.structs import replace

from protocol.interval import DAY_MS
from protocol.keys import ED25519, SigningKey
from protocol.signed_decision import decision_text, sign_decision
from protocol.verify import words
from protocol.verify.trust import parse_trust
from protocol.verify.verdicts import Verdict
from protocol.verify.verification import Result
from tests.protocol.bundles import EXPORT, LOG, PERSON, RECEIPT, World, trust_text
from tests.protocol.verify.verifying import Files, found, run, told

# What people decided


@cache
def decided_world() -> World:
    return World(with_decision=True)


def run_decided(change: Callable[[Files, str], None], *people: SigningKey) -> Result:
    """A bundle with a decision, after a change of whoever has the export key; `change` is told the note's path."""
    files = dict(decided_world().files())
    [path] = [path for path in files if path.startswith("facts/decisions/")]
    change(files, path)
    trust = parse_trust(trust_text(EXPORT, LOG, RECEIPT, *people))
    return run(decided_world().sealed(files), trust)


def test_a_decision_counts_by_its_approvers_own_signature() -> None:
    result = run_decided(lambda files, path: None, PERSON)
    assert result.verdict is Verdict.VALID, told(result)
    [facts_] = [check for check in result.checks if check.number == words.FACTS]
    assert facts_.counts["signed decisions"] == 1
    shown = result.days[0].shown
    assert (shown.record.effective_s - shown.counted_s, shown.by_grade["X"]) == (3600, 3600)


OTHER_PERSON = SigningKey(PERSON.name, ED25519, b"q" * 32)


@pytest.mark.parametrize("change, people, word, verdict", [
    (lambda files, path: files.pop(path), (PERSON,), "decision-unsigned", Verdict.INCOMPLETE),
    (lambda files, path: None, (), "decision-signer", Verdict.INCOMPLETE),
    (lambda files, path: None, (OTHER_PERSON,), "decision-false", Verdict.CONTRADICTED),
    (lambda files, path: files.update({path: signed_as(verdict="accept")}),
     (PERSON,), "decision-false", Verdict.CONTRADICTED),
    (lambda files, path: files.update({path: signed_as(approver="zhao")}),
     (PERSON,), "decision-false", Verdict.CONTRADICTED),
    (lambda files, path: files.update({path: files[path].replace(b"a heater", b"a feeder")}),
     (PERSON,), "decision-false", Verdict.CONTRADICTED),
    (lambda files, path: files.update({f"facts/decisions/{'ab' * 32}.note": files[path]}),
     (PERSON,), "decision-spare", Verdict.CONTRADICTED),
])  # fmt: skip
def test_a_decision_that_its_approver_did_not_sign(change, people, word, verdict) -> None:
    result = run_decided(change, *people)
    assert (result.verdict, found(result)) == (verdict, {word}), told(result)


def test_a_key_signs_for_whom_the_registry_says_that_it_is() -> None:
    other = World(with_decision=True, owner="zhao")
    result = run(other.sealed(), parse_trust(trust_text(EXPORT, LOG, RECEIPT, PERSON)))
    assert (result.verdict, found(result)) == (Verdict.CONTRADICTED, {"decision-person"}), told(result)


def test_a_key_that_nobody_registered_is_told() -> None:
    made = World(with_decision=True)
    made.statements = [raw for raw in made.statements if b"person-key" not in raw]
    result = run(made.sealed(), parse_trust(trust_text(EXPORT, LOG, RECEIPT, PERSON)))
    assert found(result) == {"decision-owner", "fact-missing"}, told(result)


def test_what_a_revoked_key_signed_counts_only_if_the_log_had_it_before() -> None:
    trust = parse_trust(trust_text(EXPORT, LOG, RECEIPT, PERSON))
    before = World(with_decision=True, decided="early", revoked=("late", 0), revokes=PERSON.name)
    assert run(before.sealed(), trust).verdict is Verdict.VALID
    after = World(with_decision=True, decided="late", revoked=("early", 0), revokes=PERSON.name)
    result = run(after.sealed(), trust)
    assert (result.verdict, found(result)) == (Verdict.CONTRADICTED, {"decision-revoked"}), told(result)


def signed_as(**changes: str) -> bytes:
    return sign_decision(decision_text(replace(decided_world().decision, **changes)), PERSON)


# A key that was revoked


@cache
def world() -> World:
    return World()


def run_revoked(where: str, stated_ms: int) -> Result:
    made = World(revoked=(where, stated_ms))
    return run(made.sealed())


def test_a_revocation_that_came_into_the_log_after_the_last_receipt_takes_nothing_back() -> None:
    """Nor does it when it is dated back, as by an operator who would rather not have received it."""
    for stated_ms in (world().end_ms + DAY_MS, world().start_ms):
        result = run_revoked("late", stated_ms)
        assert result.verdict is Verdict.VALID, told(result)


def test_what_was_received_after_the_log_said_that_the_key_was_revoked_contradicts() -> None:
    result = run_revoked("early", world().start_ms)
    assert (result.verdict, found(result)) == (Verdict.CONTRADICTED, {"receipt-revoked"})
    noon = world().start_ms + DAY_MS // 2
    result = run_revoked("early", noon)
    assert {"receipt-revoked", "revoked-ahead"} == found(result), "the log held it before the time that it states"
    receipts = sum(time_ms > noon + 60_000 for _, _, time_ms in world().receipted)
    assert [check.found for check in result.checks if check.number == words.RECEIPTS] == [receipts + 1]
