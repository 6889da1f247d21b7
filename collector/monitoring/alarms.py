"""Alarms: what is wrong with agents and with the coverage of instruments, computed from what the database holds.

    agent-silent     采集端静默   not heard for `agent-silent-minutes`, while it ought to measure something
    clock-off        时钟异常     the machine's clock is further than `clock-off-seconds` from the collector's beacons
    storage          磁盘异常     the agent said that its disk made trouble, and has not begun anew since
    day-coverage     日覆盖率低   a day that closed is observed to less than `observed-percent`
    month-coverage   月覆盖率低   the last month is observed to less than `month-percent`

A look compares what is wrong with what is open: what is new is opened, what is over is closed, and what stays is left
alone, so that nothing is told twice. Acknowledging says that somebody knows; it closes nothing.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple, get_args

from collector.clock import day_of
from collector.errors import MonitoringError, UnknownName
from collector.monitoring.acts import By, check_right, check_text
from collector.monitoring.settings import load_settings
from collector.registry.access import EVERYTHING, Right, Scope
from collector.registry.audit import record_change
from collector.store.database import Connection
from collector.store.queries import load

Kind = Literal["agent-silent", "clock-off", "storage", "day-coverage", "month-coverage"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_SQL = load("alarms")


class Alarm(NamedTuple):
    """One alarm; `closed_at` None while it is open, the last three None while nobody has acknowledged it."""

    alarm_id: int
    kind: Kind
    agent_id: str | None
    asset_no: str | None
    since: datetime
    detail: str
    opened_at: datetime
    closed_at: datetime | None
    acknowledged_why: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None

    @property
    def subject(self) -> str:
        return f"agent:{self.agent_id}" if self.agent_id is not None else f"instrument:{self.asset_no}"


class Wrong(NamedTuple):
    """What is wrong now; `since` when it began, None where nobody can tell: then since it was noticed."""

    kind: Kind
    agent_id: str | None
    asset_no: str | None
    since: datetime | None
    detail: str

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        return self.kind, self.agent_id, self.asset_no


class Held(NamedTuple):
    """An alarm that is open."""

    alarm_id: int
    kind: Kind
    agent_id: str | None
    asset_no: str | None

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        return self.kind, self.agent_id, self.asset_no


class Looked(NamedTuple):
    """How many alarms a look opened and closed."""

    opened: int
    closed: int


class Asked(NamedTuple):
    """Which alarms: open ones only, unless the closed ones are wanted, too."""

    scope: Scope = EVERYTHING
    with_closed: bool = False
    kind: Kind | None = None
    only_new: bool = False
    before: int = 2**62
    limit: int | None = None


def look(connection: Connection, *, now: datetime, after_days: int) -> Looked:
    """Compares what is wrong with what is open, in one transaction; `after_days`: when a day closes."""
    today = day_of(now)
    settings = load_settings(connection, today)
    judged = today - timedelta(days=after_days)
    month = _last_month(judged)
    values = {
        "now": now,
        "today": today,
        "judged": judged,
        "month": month,
        "month_end": (month + timedelta(days=31)).replace(day=1) - timedelta(days=1),
        "silent_before": now - timedelta(minutes=settings.agent_silent_minutes),
        "observed_percent": settings.observed_percent,
        "month_percent": settings.month_percent,
        "clock_off_ms": settings.clock_off_seconds * 1000,
    }
    with connection.transaction():
        connection.execute(_SQL.lock_alarms)
        wrong = [Wrong(*row) for row in connection.execute(_SQL.list_wrong, values)]
        held = [Held(*row) for row in connection.execute(_SQL.list_held)]
        to_open, to_close = compare(wrong, held)
        connection.execute(_SQL.close_alarms, {"alarms": [each.alarm_id for each in to_close], "now": now})
        names = ("kinds", "agents", "assets", "sinces", "details")
        columns = zip(*to_open, strict=True) if to_open else ((),) * len(names)
        opening = {name: list(column) for name, column in zip(names, columns, strict=True)}
        connection.execute(_SQL.open_alarms, {**opening, "now": now})
    return Looked(len(to_open), len(to_close))


def compare(wrong: Iterable[Wrong], held: Iterable[Held]) -> tuple[list[Wrong], list[Held]]:
    """What is wrong and not open yet, and what is open and not wrong any more. Pure."""
    wanted = {each.key: each for each in wrong}
    known = {each.key: each for each in held}
    return (
        [each for key, each in wanted.items() if key not in known],
        [each for key, each in known.items() if key not in wanted],
    )


def list_alarms(connection: Connection, asked: Asked, *, today: date) -> list[Alarm]:
    """Alarms in a scope, the latest opened first."""
    values = {
        **asked.scope.values,
        "today": today,
        "with_closed": asked.with_closed,
        "kind": asked.kind,
        "only_new": asked.only_new,
        "alarm_id": None,
        "before": asked.before,
        "limit": asked.limit,
    }
    return [Alarm(*row) for row in connection.execute(_SQL.list_alarms, values)]


def count_open(connection: Connection) -> dict[str, int]:
    """How many alarms of each kind are open."""
    found: dict[str, int] = dict(connection.execute(_SQL.count_open).fetchall())
    return {kind: found.get(kind, 0) for kind in KINDS}


def acknowledge(connection: Connection, alarm_id: int, by: By) -> Alarm:
    """Somebody knows of it and says what he does, in the caller's transaction.

    Raises NotAllowed, UnknownName, MonitoringError.
    """
    check_right(connection, by, Right.AGENTS, subject=str(by.asker.access.scope))
    check_text("why", by.why)
    connection.execute(_SQL.lock_alarms)
    held = _find(connection, alarm_id, scope=by.asker.access.scope, today=by.today)
    if held.acknowledged_at is not None:
        raise MonitoringError(
            f"alarm {alarm_id} was acknowledged by {held.acknowledged_by} at {held.acknowledged_at:%Y-%m-%d %H:%M} UTC"
        )
    connection.execute(_SQL.insert_acknowledgement, {"alarm_id": alarm_id, **by.values})
    new = {"alarm": alarm_id, "kind": held.kind}
    record_change(connection, by.asker.actor, "alarm.acknowledge", target=held.subject, new=new, reason=by.why)
    return _find(connection, alarm_id, scope=EVERYTHING, today=by.today)


def _find(connection: Connection, alarm_id: int, *, scope: Scope, today: date) -> Alarm:
    values = {
        **scope.values,
        "today": today,
        "with_closed": True,
        "kind": None,
        "only_new": False,
        "alarm_id": alarm_id,
        "before": 2**62,
        "limit": 1,
    }
    row = connection.execute(_SQL.list_alarms, values).fetchone()
    if row is None:
        raise UnknownName(f"there is no alarm {alarm_id}: `jishi-collector alarms` lists those that there are")
    return Alarm(*row)


def _last_month(judged: date) -> date:
    """The first day of the last month of which every day has closed."""
    return ((judged + timedelta(days=1)).replace(day=1) - timedelta(days=1)).replace(day=1)
