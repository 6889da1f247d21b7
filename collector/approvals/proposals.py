"""Proposals: what one person wants changed, held against what is recorded before anybody else has to look at it.

Whoever proposes needs the right to record facts, in a scope that holds the subject. What is refused here is refused at
once, with its remedy; what passes waits for a second person (rulings.py). Nothing is ever deleted: refusals stay.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple

from collector.approvals import proposed as forms
from collector.approvals.proposed import (
    Proposed,
    ProposedCorrection,
    ProposedDecision,
    ProposedHand,
    ProposedPolicy,
)
from collector.approvals.targets import check_document, check_use, concern_of, is_decision
from collector.clock import day_of
from collector.errors import NotAllowed, ProposalError, UnknownName
from collector.registry.access import EVERYTHING, Access, Right
from collector.registry.audit import Actor, record_change
from collector.registry.instruments import check_instrument
from collector.registry.people import Person
from collector.store.database import Connection
from collector.store.queries import load
from protocol.errors import MalformedPolicy
from protocol.flags.catalogue import RULES
from protocol.interval import DAY_S, day_bounds_ms, local_day
from protocol.policy import parse_policy

_SQL = load("proposals")
RULES_WITHIN = timedelta(days=30)
"""When a proposal counts as overdue."""


State = Literal["open", "overdue", "approved", "refused"]


class Proposal(NamedTuple):
    """A proposal and what became of it; `verdict` None while nobody ruled."""

    proposal_id: int
    kind: str
    subject: str
    body: bytes
    reason: str
    proposed_by: str
    proposed_at: datetime
    due_on: date
    verdict: Literal["approved", "refused"] | None
    why: str | None
    ruled_by: str | None
    ruled_at: datetime | None
    fact: str | None

    @property
    def proposed(self) -> Proposed:
        return forms.decode(self.body)

    def state(self, today: date) -> State:
        """What became of it, or whether it waits for too long."""
        return self.verdict or ("overdue" if today > self.due_on else "open")


class Asker(NamedTuple):
    """Who proposes or rules: a registered person with what he may do, as the audit trail names him."""

    person: Person
    access: Access
    actor: Actor


def propose(
    connection: Connection,
    asker: Asker,
    proposed: Proposed,
    *,
    reason: str,
    now: datetime,
    deadline_days: int | None = None,
) -> int:
    """Keeps a proposal and returns its number, in the caller's transaction.

    `deadline_days`: how many days after a day something may still be said about it; None: for ever. Raises
    ProposalError, NotAllowed, UnknownName.
    """
    if not reason.strip() or not reason.isprintable():
        raise ProposalError("a proposal needs its reason, on one line: say why the record should change")
    today = day_of(now)
    check_right(connection, asker, Right.FACTS, subject=proposed.subject, today=today)
    connection.execute(_SQL.lock_subject, {"subject": proposed.subject})
    check(connection, proposed, now=now, deadline_days=deadline_days)
    values = {
        "kind": proposed.kind,
        "subject": proposed.subject,
        "body": forms.encode(proposed),
        "reason": reason,
        "proposed_by": asker.person.person_id,
        "now": now,
        "due_on": today + RULES_WITHIN,
    }
    row = connection.execute(_SQL.insert_proposal, values).fetchone()
    assert row is not None
    proposal_id = int(row[0])
    new = {"proposal": proposal_id, "kind": proposed.kind}
    record_change(connection, asker.actor, "proposal.make", target=proposed.subject, new=new, reason=reason)
    return proposal_id


def find_proposal(connection: Connection, proposal_id: int) -> Proposal:
    """One proposal; raises UnknownName."""
    row = connection.execute(_SQL.load_proposal, {"proposal_id": proposal_id}, binary=True).fetchone()
    if row is None:
        raise UnknownName(f"there is no proposal {proposal_id}: `jishi-collector proposals` lists them")
    return Proposal(*row)


def list_proposals(
    connection: Connection, access: Access, *, today: date, is_open: bool, before: int = 2**62, limit: int = 100
) -> list[Proposal]:
    """Proposals in a scope, the newest first."""
    values = {**access.scope.values, "day": today, "open": is_open, "before": before, "limit": limit}
    return [Proposal(*row) for row in connection.execute(_SQL.list_proposals, values, binary=True)]


def check_right(connection: Connection, asker: Asker, right: Right, *, subject: str, today: date) -> None:
    """Raises NotAllowed unless the person has the right over the subject."""
    if not asker.access.allows(right):
        raise NotAllowed(f"{asker.person.name} is {asker.access}, which has no right to {right}")
    if not is_in_scope(connection, asker.access, subject, today=today):
        raise NotAllowed(f"{subject} is outside of what {asker.person.name} may change: {asker.access}")


def is_in_scope(connection: Connection, access: Access, subject: str, *, today: date) -> bool:
    """Whether a subject lies in a scope; what holds for many lies in that of everything alone."""
    if subject == forms.EVERYTHING or subject.startswith("model:"):
        return access.scope == EVERYTHING
    values = {**access.scope.values, "subject": subject, "day": today}
    row = connection.execute(_SQL.is_in_scope, values).fetchone()
    return row is not None and bool(row[0])


def check(
    connection: Connection, proposed: Proposed, *, now: datetime, deadline_days: int | None, own: int | None = None
) -> None:
    """Holds a proposal against what is recorded; raises ProposalError, UnknownName.

    It is asked again when somebody approves proposal `own`: much may have happened meanwhile.
    """
    match proposed:
        case ProposedCorrection():
            days = _check_correction(connection, proposed, now=now, own=own)
        case ProposedHand():
            days = _check_hand(connection, proposed, now=now)
        case ProposedPolicy():
            days = _check_policy(connection, proposed)
        case ProposedDecision():
            days = _check_decision(connection, proposed, now=now)
    today = day_of(now)
    if deadline_days is not None and any(day < today - timedelta(days=deadline_days) for day in days):
        raise ProposalError(
            f"{min(days)} is more than {deadline_days} days ago; what is said of a day is said within that time "
            "([corrections] deadline_days)"
        )


def _check_correction(
    connection: Connection, proposed: ProposedCorrection, *, now: datetime, own: int | None
) -> Iterable[date]:
    days: list[date] = []
    if proposed.target is not None:
        concern = concern_of(connection, proposed.target)
        if concern.subject != proposed.subject:
            raise ProposalError(f"{proposed.target[:80]} is about {concern.subject}: propose the correction there")
        days.append(concern.day)
        row = connection.execute(_SQL.find_open_on_target, {"target": proposed.target, "own": own}).fetchone()
        if row is not None:
            raise ProposalError(
                f"proposal {row[0]} wants to correct {proposed.target[:80]} already: have it ruled on first"
            )
    if proposed.use is not None:
        check_use(connection, proposed.use, subject=proposed.subject, now=now)
        days.append(local_day(proposed.use.start))
    if proposed.order is not None and proposed.subject != f"unit:{proposed.order.unit}":
        raise ProposalError(f"an order of unit {proposed.order.unit} is corrected as unit:{proposed.order.unit}")
    if (proposed.target, proposed.use, proposed.order) == (None, None, None):
        raise ProposalError("a correction takes something out of account, puts a use or an order in, or both")
    if proposed.use is not None and proposed.order is not None:
        raise ProposalError("a correction puts a use or an order in, not both: make two proposals")
    is_replaced = proposed.use is not None or proposed.order is not None
    if is_replaced and proposed.target is not None and is_decision(connection, proposed.target):
        raise ProposalError("a correction takes a decision out of account and puts nothing in its place: leave it out")
    check_document(connection, proposed.document)
    return days


def _check_hand(connection: Connection, proposed: ProposedHand, *, now: datetime) -> Iterable[date]:
    check_instrument(connection, proposed.asset)
    if day_bounds_ms(proposed.day)[0] > now.timestamp() * 1000:
        raise ProposalError(f"{proposed.day} has not begun: hours are entered for days that were")
    values: dict[str, Any] = {"asset_no": proposed.asset, "day": proposed.day}
    row = connection.execute(_SQL.find_room_for_hand, values).fetchone()
    assert row is not None
    unseen_s, entered_s = row
    if entered_s + proposed.seconds > min(unseen_s, DAY_S):
        raise ProposalError(
            f"seconds is {proposed.seconds}: of {proposed.day} {unseen_s} s were seen by no watcher and {entered_s} s "
            "are entered by hand already; only what nobody saw can be entered"
        )
    check_document(connection, proposed.document)
    return [proposed.day]


def _check_policy(connection: Connection, proposed: ProposedPolicy) -> Iterable[date]:
    try:
        parse_policy(proposed.policy.encode())
    except MalformedPolicy as error:
        raise ProposalError(str(error)) from error
    if proposed.asset_no is not None:
        check_instrument(connection, proposed.asset_no)
    return []


def _check_decision(connection: Connection, proposed: ProposedDecision, *, now: datetime) -> Iterable[date]:
    check_instrument(connection, proposed.asset)
    if proposed.end > now.timestamp() * 1000:
        raise ProposalError("end has not come yet: what is decided about was")
    if unknown := sorted(set(proposed.flags) - RULES.keys()):
        raise ProposalError(f"flags names {unknown[0][:40]!a}, which is no rule: rules are {', '.join(RULES)}")
    return [local_day(proposed.start)]
