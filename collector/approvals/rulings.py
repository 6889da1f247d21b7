"""Rulings: a second person approves a proposal, which makes it a fact or puts it in force, or refuses it.

Both happen in one transaction with the ruling itself. The proposal is held against the record once more: what was
possible when it was made may not be any more. The database refuses a ruling by whoever proposed. On a decision rules
whoever rules over everything: the owner of an hour that is in doubt cannot settle it by himself.
"""

from datetime import datetime
from typing import Literal, NamedTuple

from collector.accounts.freezing import check_not_frozen
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

_SQL = load("proposals")

Verdict = Literal["approved", "refused"]


class Ruling(NamedTuple):
    """What became of a proposal; `made`: the identity of the fact or of the policy that an approval led to."""

    proposal: Proposal
    verdict: Verdict
    made: str | None


def rule(
    connection: Connection, proposal_id: int, asker: Asker, *, verdict: Verdict, why: str, now: datetime
) -> Ruling:
    """Rules on a proposal, in the caller's transaction. Raises UnknownName, NotAllowed, ProposalError, FactError."""
    proposal = find_proposal(connection, proposal_id)
    today = local_day(_ms(now))
    check_right(connection, asker, Right.RULINGS, subject=proposal.subject, today=today)
    connection.execute(_SQL.lock_subject, {"subject": proposal.subject})
    proposal = find_proposal(connection, proposal_id)
    _check(proposal, asker, verdict=verdict, why=why)
    made, fact = _carry_out(connection, proposal, asker, now=now) if verdict == "approved" else (None, None)
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


def _check(proposal: Proposal, asker: Asker, *, verdict: Verdict, why: str) -> None:
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
    if verdict == "refused" and not why.strip():
        raise ProposalError("a refusal says why")


def _carry_out(
    connection: Connection, proposal: Proposal, asker: Asker, *, now: datetime
) -> tuple[str | None, str | None]:
    """What an approval makes: its identity, and the same where it is a fact."""
    proposed = proposal.proposed
    try:
        check(connection, proposed, now=now, deadline_days=None, own=proposal.proposal_id)
    except ProposalError as error:
        raise ProposalError(f"proposal {proposal.proposal_id} cannot be approved any more: {error}") from error
    match proposed:
        case ProposedPolicy():
            return _put_in_force(connection, proposal, proposed, asker), None
        case ProposedCorrection() | ProposedHand() | ProposedDecision():
            fact = record_fact(connection, _fact(proposal, proposed, asker, now=now)).sha256
            return fact, fact


def _fact(
    proposal: Proposal,
    proposed: ProposedCorrection | ProposedHand | ProposedDecision,
    asker: Asker,
    *,
    now: datetime,
) -> Fact:
    at, approved_at = _ms(proposal.proposed_at), max(_ms(now), _ms(proposal.proposed_at))
    by, approver = proposal.proposed_by, asker.person.name
    if isinstance(proposed, ProposedDecision):
        return Decision(
            v=1,
            at=at,
            by=by,
            asset=proposed.asset,
            start=proposed.start,
            end=proposed.end,
            verdict=proposed.verdict,
            why=proposal.reason,
            flags=proposed.flags,
            approver=approver,
            approved_at=approved_at,
        )
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


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
