"""Hours that units report of instruments without an agent: a column of their own, never in an hour record.

Where an agent measures the instrument on any day of the period, its hours are measured, and a report of them is
refused: two figures of one time would invite to choose.
"""

from datetime import date, datetime

from collector.approvals.proposals import Asker, check_right
from collector.errors import ProposalError
from collector.facts.store import Recorded, record_fact
from collector.registry.access import Right, Scope
from collector.registry.audit import record_change
from collector.registry.instruments import check_instrument, find_owner
from collector.store.database import Connection
from collector.store.queries import load
from protocol import facts
from protocol.facts import Reported
from protocol.interval import day_bounds_ms, local_day

_SQL = load("proposals")


def report_hours(connection: Connection, asker: Asker, reported: Reported, *, key: str, now: datetime) -> Recorded:
    """Records a report under the unit's own key, in the caller's transaction.

    Raises ProposalError, NotAllowed, FactError.
    """
    now_ms = round(now.timestamp() * 1000)
    check_right(connection, asker, Right.FACTS, subject=f"instrument:{reported.asset}", today=local_day(now_ms))
    check_instrument(connection, reported.asset)
    first_day, last_day = date.fromisoformat(reported.first_day), date.fromisoformat(reported.last_day)
    if day_bounds_ms(last_day)[1] > now_ms:
        raise ProposalError(f"last_day {last_day} is not over: hours are reported of days that were")
    for day in (first_day, last_day):
        if find_owner(connection, reported.asset, day=day) != reported.unit:
            raise ProposalError(f"unit {reported.unit} did not own {reported.asset} on {day}: its owner reports")
    values = {"asset_no": reported.asset, "first_day": first_day, "last_day": last_day}
    row = connection.execute(_SQL.is_measured, values).fetchone()
    if row is not None and row[0]:
        raise ProposalError(
            f"{reported.asset} is measured by an agent between {first_day} and {last_day}; report the days without "
            "one, and enter by hand what the agent did not see"
        )
    recorded = record_fact(connection, reported, source=f"unit:{reported.unit}", key=key)
    if recorded.is_new:
        record_change(connection, asker.actor, "hours.report", target=reported.asset, new={"fact": recorded.sha256})
    return recorded


def list_reported(
    connection: Connection, scope: Scope, *, first_day: date, last_day: date
) -> list[tuple[str, Reported]]:
    """Reports that touch a range of days, by identity."""
    values = {**scope.values, "first_day": first_day, "last_day": last_day}
    found = []
    for sha256, body in connection.execute(_SQL.list_reported, values, binary=True):
        fact = facts.decode(bytes(body))
        assert isinstance(fact, Reported), "the query asks for those"
        found.append((sha256, fact))
    return found
