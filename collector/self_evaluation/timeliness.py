"""Whether units submitted their reports in time (意见二(三)): a last day for each year, and how each unit stands to it.

The first submission counts: what the evaluator takes to send a report back is not the unit's lateness. When the last
one came, and how often the report came back, stands beside it. Days are local, and calendar days.
"""

from datetime import date, datetime
from typing import Literal, NamedTuple

from collector.clock import day_of
from collector.errors import NotAllowed, SelfEvaluationError
from collector.evaluation.rounds import FIRST_YEAR, LAST_YEAR
from collector.registry.access import Right, Scope
from collector.registry.audit import record_change
from collector.self_evaluation.reports import Doer, check_why
from collector.self_evaluation.states import State
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("self_evaluation")
Judged = Literal["on-time", "late", "missing", "awaited", "no-due-date"]


class Due(NamedTuple):
    """Until when the reports of a year are to be submitted, and who said so."""

    due_on: date
    why: str
    made_by: str
    made_at: datetime


class Timeliness(NamedTuple):
    """How a unit stands: `days` late, missing for, or left; 0 where none of these is so."""

    uscc: str
    name_zh: str
    judged: Judged
    days: int
    due_on: date | None
    state: State | None
    first_submitted_at: datetime | None
    last_submitted_at: datetime | None
    returned: int


def judge(*, due_on: date | None, submitted_on: date | None, today: date) -> tuple[Judged, int]:
    """How a first submission stands to the last day, and by how many days. Pure."""
    if due_on is None:
        return "no-due-date", 0
    if submitted_on is not None:
        late = (submitted_on - due_on).days
        return ("late", late) if late > 0 else ("on-time", 0)
    over = (today - due_on).days
    return ("missing", over) if over > 0 else ("awaited", -over)


def set_due(connection: Connection, year: int, due_on: date, *, doer: Doer) -> Due:
    """Says until when the reports of a year are submitted; of two the later said one holds. In the caller's
    transaction.

    SelfEvaluationError, NotAllowed.
    """
    if not doer.access.allows(Right.ROUNDS):
        raise NotAllowed(f"the last day is set by the evaluator; this is {doer.access}")
    check_why(doer.by.why)
    if not FIRST_YEAR <= year <= LAST_YEAR or not year < due_on.year <= year + 2:
        raise SelfEvaluationError(
            f"{due_on} is no last day for the reports of {year}: a day of {year + 1} or {year + 2} is expected, "
            f"of years from {FIRST_YEAR} to {LAST_YEAR}"
        )
    before = find_due(connection, year)
    connection.execute(_SQL.insert_due, {"year": year, "due_on": due_on, **doer.by.values})
    old = None if before is None else {"due_on": before.due_on.isoformat()}
    new = {"due_on": due_on.isoformat()}
    record_change(
        connection, doer.by.actor, "self-evaluation.due", target=str(year), old=old, new=new, reason=doer.by.why
    )
    return Due(due_on, doer.by.why, doer.by.actor.name, doer.by.now)


def find_due(connection: Connection, year: int) -> Due | None:
    """What holds for a year."""
    row = connection.execute(_SQL.list_due, {"year": year}).fetchone()
    return None if row is None else Due(*row)


def list_timeliness(
    connection: Connection, year: int, *, scope: Scope, today: date, after: str = "", limit: int | None = None
) -> list[Timeliness]:
    """Units in the scope that owe a report of the year, by code: those that its round counts, else all that owned
    anything; and whoever made one."""
    due = find_due(connection, year)
    due_on = None if due is None else due.due_on
    row = connection.execute(_SQL.find_population, {"year": year}).fetchone()
    values = {
        **scope.values,
        "year": year,
        "round_id": None if row is None else row[0],
        "first_day": date(year, 1, 1),
        "last_day": date(year, 12, 31),
        "after": after,
        "limit": limit,
    }
    found = []
    for uscc, name_zh, state, first, last, returned in connection.execute(_SQL.list_timeliness, values):
        submitted_on = None if first is None else day_of(first)
        judged, days = judge(due_on=due_on, submitted_on=submitted_on, today=today)
        found.append(Timeliness(uscc, name_zh, judged, days, due_on, state, first, last, returned))
    return found
