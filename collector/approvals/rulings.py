"""Rulings: a second person approves a proposal, which makes it a fact or puts it in force, or refuses it.

Both happen in one transaction with the ruling itself. The proposal is held against the record once more: what was
possible when it was made may not be any more. The database refuses a ruling by whoever proposed. On a decision rules
whoever rules over everything: the owner of an hour that is in doubt cannot settle it by himself. He signs it with a key
of his own (signing.py).
"""

from datetime import datetime
from typing import Literal, NamedTuple

from collector.accounts.freezing import check_not_frozen
from collector.approvals import signing
from collector.approvals.proposals import Asker, Proposal, check, check_right, find_proposal
from collector.approvals.proposed import ProposedCorrection, ProposedDecision, ProposedHand, ProposedPolicy
from collector.errors import NotAllowed, ProposalError
from collector.facts.store import record_fact
from collector.registry import policies
from collector.registry.access import EVERYTHING, Right
from collector.registry.audit import record_change
from collector.store.database import Connection
from collector.store.queries import load
from protocol.facts import Correction, Decision, Fact, HandEntry
from protocol.interval import local_day
from protocol.signed_decision import decision_text

_SQL = load("proposals")

Verdict = Literal["approved", "refused"]


class Ruling(NamedTuple):
    """What became of a proposal; `made`: the identity of the fact or of the policy that an approval led to."""

    proposal: Proposal
    verdict: Verdict
    made: str | None


def rule(
    connection: Connection,
    proposal_id: int,
    asker: Asker,
    *,
    verdict: Verdict,
    why: str,
    now: datetime,
    note: bytes | None = None,
) -> Ruling:
    """Rules on a proposal, in the caller's transaction. `note`: signed by the asker, where a decision is approved.

    Raises UnknownName, NotAllowed, ProposalError, FactError.
    """
    proposal = _find_to_rule(connection, proposal_id, asker, now=now)
    connection.execute(_SQL.lock_subject, {"subject": proposal.subject})
    proposal = find_proposal(connection, proposal_id)
    _check(proposal, asker)
    if verdict == "refused" and not why.strip():
        raise ProposalError("a refusal says why")
    if note is not None and not (verdict == "approved" and proposal.kind == ProposedDecision.kind):
        raise ProposalError(f"nothing is signed for proposal {proposal_id}: a note approves a decision, no more")
    made, fact = _carry_out(connection, proposal, asker, note=note, now=now) if verdict == "approved" else (None, None)
    values = {
        "proposal_id": proposal_id,
        "verdict": verdict,
        "why": why,
        "ruled_by": asker.person.person_id,
        "now": now,
        "fact": fact,
    }
    connection.execute(_SQL.insert_ruling, values)
    new: dict[str, object] = {"proposal": proposal_id, "verdict": verdict, "made": made}
    record_change(connection, asker.actor, "proposal.rule", target=proposal.subject, new=new, reason=why)
    return Ruling(proposal, verdict, made)


def text_to_sign(connection: Connection, proposal_id: int, asker: Asker, *, now: datetime) -> str:
    """The text by whose signature the asker approves a decision. Raises UnknownName, NotAllowed, ProposalError."""
    proposal = _find_to_rule(connection, proposal_id, asker, now=now)
    proposed = proposal.proposed
    if not isinstance(proposed, ProposedDecision):
        raise ProposalError(f"proposal {proposal_id} is no decision: nothing is signed for a {proposal.kind}")
    _check(proposal, asker)
    _check_still_possible(connection, proposal, now=now)
    return decision_text(_decision(proposal, proposed, asker, now=now))


def _find_to_rule(connection: Connection, proposal_id: int, asker: Asker, *, now: datetime) -> Proposal:
    proposal = find_proposal(connection, proposal_id)
    check_right(connection, asker, Right.RULINGS, subject=proposal.subject, today=local_day(_ms(now)))
    return proposal


def _check(proposal: Proposal, asker: Asker) -> None:
    if proposal.verdict is not None:
        raise ProposalError(
            f"proposal {proposal.proposal_id} was {proposal.verdict} by {proposal.ruled_by} already; make another one"
        )
    if proposal.proposed_by == asker.person.name:
        raise NotAllowed(f"proposal {proposal.proposal_id} is {asker.person.name}'s own: a second person rules on it")
    if proposal.kind == ProposedDecision.kind and asker.access.scope != EVERYTHING:
        raise NotAllowed(
            f"proposal {proposal.proposal_id} decides about hours of the unit that {asker.person.name} belongs to: an "
            "approver over everything rules on it"
        )


def _check_still_possible(connection: Connection, proposal: Proposal, *, now: datetime) -> None:
    try:
        check(connection, proposal.proposed, now=now, deadline_days=None, own=proposal.proposal_id)
    except ProposalError as error:
        raise ProposalError(f"proposal {proposal.proposal_id} cannot be approved any more: {error}") from error


def _carry_out(
    connection: Connection, proposal: Proposal, asker: Asker, *, note: bytes | None, now: datetime
) -> tuple[str | None, str | None]:
    """What an approval makes: its identity, and the same where it is a fact."""
    _check_still_possible(connection, proposal, now=now)
    proposed = proposal.proposed
    match proposed:
        case ProposedPolicy():
            return _put_in_force(connection, proposal, proposed, asker), None
        case ProposedCorrection() | ProposedHand():
            fact = record_fact(connection, _fact(proposal, proposed, asker, now=now)).sha256
            return fact, fact
        case ProposedDecision():
            wanted = _decision(proposal, proposed, asker, now=now)
            signed = signing.open_note(connection, proposal, asker, note, wanted=wanted, now=now)
            fact = record_fact(connection, signed.decision).sha256
            signing.keep_note(connection, fact, signed)
            return fact, fact


def _decision(proposal: Proposal, proposed: ProposedDecision, asker: Asker, *, now: datetime) -> Decision:
    return Decision(
        v=1,
        at=_ms(proposal.proposed_at),
        by=proposal.proposed_by,
        asset=proposed.asset,
        start=proposed.start,
        end=proposed.end,
        verdict=proposed.verdict,
        why=proposal.reason,
        flags=proposed.flags,
        approver=asker.person.name,
        approved_at=_approved_ms(proposal, now),
    )


def _fact(proposal: Proposal, proposed: ProposedCorrection | ProposedHand, asker: Asker, *, now: datetime) -> Fact:
    at, approved_at = _ms(proposal.proposed_at), _approved_ms(proposal, now)
    by, approver = proposal.proposed_by, asker.person.name
    if isinstance(proposed, ProposedHand):
        return HandEntry(
            v=1,
            at=at,
            by=by,
            approver=approver,
            approved_at=approved_at,
            reason=proposal.reason,
            asset=proposed.asset,
            day=proposed.day.isoformat(),
            seconds=proposed.seconds,
            source=proposed.source,
            order=proposed.order,
            document=proposed.document,
        )
    return Correction(
        v=1,
        at=at,
        by=by,
        approver=approver,
        approved_at=approved_at,
        reason=proposal.reason,
        target=proposed.target,
        use=proposed.use,
        order=proposed.order,
        document=proposed.document,
    )


def _put_in_force(connection: Connection, proposal: Proposal, proposed: ProposedPolicy, asker: Asker) -> str:
    check_not_frozen(connection, proposed.asset_no, from_day=proposed.from_day, amends=proposed.amends)
    policy = policies.register_policy(connection, proposed.policy.encode())
    policies.put_in_force(
        connection,
        policy,
        asset_no=proposed.asset_no,
        model=proposed.model,
        from_day=proposed.from_day,
        approved_by=asker.person.name,
        proposal_id=proposal.proposal_id,
    )
    return policy.sha256


def _approved_ms(proposal: Proposal, now: datetime) -> int:
    return max(_ms(now), _ms(proposal.proposed_at))


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
