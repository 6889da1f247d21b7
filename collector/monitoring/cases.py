"""Cases of idle instruments in the database: reminder, reason, judgement, transfer. Facts, each with who, when and why.

A reminder holds the figures of its day and never changes, whatever data come later: then it is withdrawn, with a
reason. The transfer itself is an owner's change in the registry; the case holds what came of it.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from collector.errors import MonitoringError, NotAllowed, UnknownName
from collector.monitoring.acts import By, check_right, check_text
from collector.monitoring.case_states import Outcome, State, check_step
from collector.monitoring.idle import Counter, find_counter
from collector.monitoring.settings import Settings, load_settings
from collector.registry.access import Right, Scope
from collector.registry.audit import record_change
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("monitoring")
_REMINDED = ("idle", "silent")


class Case(NamedTuple):
    """A case and where it stands; `is_late`: nobody answered and the term is over."""

    case_id: int
    asset_no: str
    uscc: str
    kind: str
    begins: date
    last_on: date | None
    last_day: date
    observed_days: int
    unobserved_days: int
    threshold_days: int
    answer_by: date
    why: str
    made_by: str
    made_at: datetime
    state: State
    is_late: bool


class Step(NamedTuple):
    """How a case came to a state; `document` the SHA-256 of what proves a reason."""

    state: State
    why: str
    document: str | None
    until_day: date | None
    outcome: Outcome | None
    made_by: str
    made_at: datetime


class Wanted(NamedTuple):
    """A step that somebody takes: `until_day` of accepted, `outcome` of closed, `document` of an answer."""

    state: State
    document: str | None = None
    until_day: date | None = None
    outcome: Outcome | None = None


def remind(connection: Connection, by: By, *, assets: Sequence[str] | None = None) -> list[Case]:
    """Reminders for instruments that are idle or silent at the end of yesterday and of which no case rests.

    `assets` None: all of them; then those that are not due are left out, and with names they are refused. In the
    caller's transaction. Raises NotAllowed, UnknownName, MonitoringError.
    """
    check_right(connection, by, Right.MONITORING)
    check_text("why", by.why)
    settings = load_settings(connection, by.today)
    day = by.today - timedelta(days=1)
    connection.execute(_SQL.lock_cases)
    if assets is None:
        values = {"day": day, "today": by.today, "rest_days": settings.idle_days, **settings.thresholds}
        assets = [asset for (asset,) in connection.execute(_SQL.list_due, values)]
    made = []
    for asset_no in assets:
        counter = find_counter(connection, asset_no, day=day, settings=settings)
        if counter is None:
            raise UnknownName(f"nobody owns an instrument {asset_no[:64]!a} on {day}")
        made.append(_insert(connection, counter, day=day, settings=settings, by=by))
    return [find_case(connection, case_id, today=by.today) for case_id in made]


def list_cases(
    connection: Connection,
    *,
    scope: Scope,
    today: date,
    state: State | None = None,
    asset_no: str | None = None,
    before: int = 2**62,
    limit: int | None = None,
) -> list[Case]:
    """Cases in a scope, the newest first. A unit sees those in which it was reminded."""
    values = {
        **scope.values,
        "today": today,
        "state": state,
        "asset_no": asset_no,
        "case_id": None,
        "before": before,
        "limit": limit,
    }
    return [Case(*row) for row in connection.execute(_SQL.list_cases, values)]


def find_case(connection: Connection, case_id: int, *, today: date, scope: Scope | None = None) -> Case:
    """One case; raises UnknownName for one that is not there or outside of the scope."""
    values = {
        **(scope or Scope()).values,
        "today": today,
        "state": None,
        "asset_no": None,
        "case_id": case_id,
        "before": 2**62,
        "limit": 1,
    }
    row = connection.execute(_SQL.list_cases, values).fetchone()
    if row is None:
        raise UnknownName(f"there is no case {case_id}: `jishi-collector idle cases` lists those that there are")
    return Case(*row)


def list_steps(connection: Connection, case_id: int) -> list[Step]:
    """How the case came where it is, after the reminder."""
    return [Step(*row) for row in connection.execute(_SQL.list_case_steps, {"case_id": case_id})]


def answer(connection: Connection, case_id: int, by: By, *, document: str | None = None) -> Case:
    """A person of the unit says why, in the caller's transaction. Raises NotAllowed, UnknownName, MonitoringError."""
    held = find_case(connection, case_id, today=by.today)
    check_right(connection, by, Right.FACTS, subject=f"unit:{held.uscc}")
    return _step(connection, held, Wanted("answered", document), by)


def take(connection: Connection, case_id: int, wanted: Wanted, by: By) -> Case:
    """A person of the platform judges, opens the transfer, closes or withdraws, in the caller's transaction."""
    check_right(connection, by, Right.MONITORING)
    if wanted.state in ("reminded", "answered"):
        raise MonitoringError(f"{wanted.state} is no step of the platform: the unit answers, and reminders begin cases")
    return _step(connection, find_case(connection, case_id, today=by.today), wanted, by)


def _step(connection: Connection, held: Case, wanted: Wanted, by: By) -> Case:
    connection.execute(_SQL.lock_cases)
    held = find_case(connection, held.case_id, today=by.today)
    check_step(held.case_id, held=held.state, wanted=wanted.state, answer_by=held.answer_by, today=by.today)
    _check_members(connection, held, wanted, by)
    values = {"case_id": held.case_id, **wanted._asdict(), **by.values}
    connection.execute(_SQL.insert_case_step, values)
    new = {"case": held.case_id, **{name: str(each) for name, each in wanted._asdict().items() if each is not None}}
    record_change(connection, by.asker.actor, f"idle.{wanted.state}", target=held.asset_no, new=new, reason=by.why)
    return find_case(connection, held.case_id, today=by.today)


def _check_members(connection: Connection, held: Case, wanted: Wanted, by: By) -> None:
    check_text("why", by.why)
    if (wanted.until_day is not None) != (wanted.state == "accepted"):
        raise MonitoringError("until_day: a reason is accepted until a day, and nothing else is")
    if wanted.until_day is not None and wanted.until_day < by.today:
        raise MonitoringError(f"until_day is {wanted.until_day}, which is over: say until when the reason holds")
    if (wanted.outcome is not None) != (wanted.state == "closed"):
        raise MonitoringError("outcome: a case is closed with an outcome, and nothing else is")
    if wanted.document is not None:
        row = connection.execute(_SQL.is_stored, {"document": wanted.document}).fetchone()
        if row is None or wanted.state != "answered":
            raise MonitoringError(
                f"document {wanted.document[:64]!a} is no stored file that a reason names: store it first"
            )
    if wanted.state in ("accepted", "refused"):
        row = connection.execute(_SQL.find_answerer, {"case_id": held.case_id}).fetchone()
        if row is not None and row[0] == by.asker.person.person_id:
            raise NotAllowed(f"{by.asker.person.name} gave the reason in case {held.case_id}: somebody else judges it")


def _insert(connection: Connection, counter: Counter, *, day: date, settings: Settings, by: By) -> int:
    if counter.state not in _REMINDED:
        raise MonitoringError(
            f"{counter.asset_no} is {counter.state} at the end of {day}: {counter.observed_days} observed and "
            f"{counter.unobserved_days} unobserved days since it was powered on; no reminder is due"
        )
    if counter.case_id is not None:
        raise MonitoringError(f"case {counter.case_id} of {counter.asset_no} is open: it goes on, and no other begins")
    values = {
        "asset_no": counter.asset_no,
        "uscc": counter.uscc,
        "kind": counter.state,
        "begins": counter.begins,
        "last_on": counter.last_on,
        "last_day": day,
        "observed_days": counter.observed_days,
        "unobserved_days": counter.unobserved_days,
        "threshold_days": settings.idle_days if counter.state == "idle" else settings.silent_days,
        "answer_by": by.today + timedelta(days=settings.answer_days),
        **by.values,
    }
    row = connection.execute(_SQL.insert_case, values).fetchone()
    assert row is not None
    new = {
        "case": row[0],
        "kind": counter.state,
        "observed": counter.observed_days,
        "unobserved": counter.unobserved_days,
    }
    record_change(connection, by.asker.actor, "idle.remind", target=counter.asset_no, new=new, reason=by.why)
    return int(row[0])
