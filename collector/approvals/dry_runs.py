"""Dry runs of proposed policies and decisions: for which instruments, and where the outcome is kept.

A policy is tried on every instrument that it would hold for; a decision on the days that it is about, whatever range
was asked for.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import NamedTuple

from collector.accounts.decision_run import compare_decision
from collector.accounts.dry_run import Difference, Seconds, compare
from collector.approvals.proposals import find_proposal
from collector.approvals.proposed import ProposedDecision, ProposedPolicy
from collector.errors import ProposalError
from collector.store.database import Connection
from collector.store.queries import load
from protocol.interval import local_day
from protocol.policy import parse_policy

_SQL = load("proposals")


class DryRun(NamedTuple):
    """What a proposal would change over a range of days, by instrument."""

    first_day: date
    last_day: date
    run_at: datetime
    lines: list[Difference]

    @property
    def changed(self) -> list[Difference]:
        return [line for line in self.lines if line.days_changed or line.problem]


def run_dry(
    connection: Connection,
    proposal_id: int,
    *,
    first_day: date,
    last_day: date,
    now: datetime,
    tell: Callable[[int, int], object] | None = None,
) -> DryRun:
    """Compares for every instrument that the policy would hold for, and keeps the outcome, in the caller's transaction.

    `tell` hears how many of how many instruments are done. Raises UnknownName, ProposalError.
    """
    proposed = find_proposal(connection, proposal_id).proposed
    if isinstance(proposed, ProposedDecision):
        return _run_decision(connection, proposal_id, proposed, now=now)
    if not isinstance(proposed, ProposedPolicy):
        raise ProposalError(f"proposal {proposal_id} is neither policy nor decision: only those can be run dry")
    if last_day < first_day:
        raise ProposalError(f"{first_day} to {last_day} ends before it begins")
    policy = parse_policy(proposed.policy.encode())
    affected = {"asset_no": proposed.asset_no, "model": proposed.model, "day": first_day}
    assets = [row[0] for row in connection.execute(_SQL.list_affected, affected)]
    lines = []
    for done, asset_no in enumerate(assets, 1):
        lines.append(compare(connection, asset_no, policy, first_day=first_day, last_day=last_day))
        if tell is not None:
            tell(done, len(assets))
    _keep(connection, proposal_id, DryRun(first_day, last_day, now, lines))
    return DryRun(first_day, last_day, now, lines)


def _run_decision(connection: Connection, proposal_id: int, proposed: ProposedDecision, *, now: datetime) -> DryRun:
    line = compare_decision(
        connection, proposed.asset, start_ms=proposed.start, end_ms=proposed.end, verdict=proposed.verdict
    )
    made = DryRun(local_day(proposed.start), local_day(proposed.end - 1), now, [line])
    _keep(connection, proposal_id, made)
    return made


def find_dry_run(connection: Connection, proposal_id: int) -> DryRun | None:
    """The newest dry run of a proposal."""
    rows = connection.execute(_SQL.list_dry_run_lines, {"proposal_id": proposal_id}).fetchall()
    if not rows:
        return None
    lines = [
        Difference(
            asset_no, days, changed, Seconds(run, effective, external), Seconds(run_, effective_, external_), why
        )
        for _, _, _, asset_no, days, changed, run, run_, effective, effective_, external, external_, why in rows
        if asset_no is not None
    ]
    first_day, last_day, run_at = rows[0][:3]
    return DryRun(first_day, last_day, run_at, lines)


def _keep(connection: Connection, proposal_id: int, made: DryRun) -> None:
    values = {"proposal_id": proposal_id, "first_day": made.first_day, "last_day": made.last_day, "now": made.run_at}
    row = connection.execute(_SQL.insert_dry_run, values).fetchone()
    assert row is not None
    for line in made.lines:
        figures = {
            f"{name}_{when}_s": getattr(seconds, f"{name}_s")
            for when, seconds in (("before", line.before), ("after", line.after))
            for name in ("run", "effective", "external")
        }
        connection.execute(
            _SQL.insert_dry_run_line,
            {
                "dry_run_id": row[0],
                "asset_no": line.asset_no,
                "days": line.days,
                "days_changed": line.days_changed,
                "problem": line.problem,
                **figures,
            },
        )
