"""Thresholds and terms of monitoring: each holds from a day on, and was decided by somebody.

The regulation says "long" and "in time" and gives no number but the 30 working days of 意见二(一). What holds where
nobody decided is this program's choice, and stands beside every figure that rests on it. `low-use-hours` has none: how
little is too little nobody else can say.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from collector.errors import MonitoringError
from collector.monitoring.acts import By, check_text
from collector.registry.audit import record_change
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("monitoring")


class Setting(NamedTuple):
    """What a setting may be; `default` None: none holds until somebody decides."""

    unit: str
    default: int | None
    least: int
    most: int
    says: str


SETTINGS: Mapping[str, Setting] = {
    "idle-days": Setting("days", 30, 1, 3650, "observed and not powered on: from so many days on idle"),
    "silent-days": Setting("days", 30, 1, 3650, "not observed since it was powered on: from so many days on silent"),
    "answer-days": Setting("days", 15, 1, 365, "for a unit to say why, after a reminder"),
    "observed-percent": Setting("%", 80, 1, 100, "of a day that has to be observed; below it an alarm"),
    "month-percent": Setting("%", 90, 1, 100, "of a month that has to be observed; below it an alarm"),
    "agent-silent-minutes": Setting("min", 60, 5, 100_000, "that nothing is heard of an agent before an alarm"),
    "clock-off-seconds": Setting("s", 120, 10, 1_000_000, "by which a machine's clock may be wrong"),
    "due-soon-days": Setting("working days", 10, 1, 29, "before its term ends an instrument is due soon"),
    "due-last-days": Setting("working days", 3, 1, 29, "before its term ends it is due at last"),
    "low-use-hours": Setting("h a year", None, 1, 8784, "effective hours below which an instrument is used too little"),
}


class Decided(NamedTuple):
    """A setting as somebody decided it."""

    name: str
    value: int
    from_day: date
    why: str
    set_by: str
    set_at: datetime


class Settings(NamedTuple):
    """What holds on a day."""

    idle_days: int
    silent_days: int
    answer_days: int
    observed_percent: int
    month_percent: int
    agent_silent_minutes: int
    clock_off_seconds: int
    due_soon_days: int
    due_last_days: int
    low_use_hours: int | None

    @property
    def thresholds(self) -> dict[str, int]:
        """What the queries of idle instruments ask for."""
        return {
            "observed_percent": self.observed_percent,
            "idle_days": self.idle_days,
            "silent_days": self.silent_days,
        }

    @property
    def named(self) -> dict[str, int | None]:
        """By the names under which they are set."""
        return {name.replace("_", "-"): value for name, value in self._asdict().items()}


def load_settings(connection: Connection, day: date) -> Settings:
    """What holds on a local day."""
    held: dict[str, int] = dict(connection.execute(_SQL.load_settings, {"day": day}).fetchall())
    return Settings(*(held.get(name, setting.default) for name, setting in SETTINGS.items()))  # type: ignore[arg-type]


def list_decided(connection: Connection) -> list[Decided]:
    """All that was ever decided, by name and the day from which it holds."""
    return [Decided(*row) for row in connection.execute(_SQL.list_settings)]


def decide(connection: Connection, name: str, *, value: int, from_day: date, by: By) -> None:
    """From that day on it holds, in the caller's transaction. Raises MonitoringError.

    A day that is over cannot get another threshold: what was reminded or raised by then rested on the one that held.
    """
    if faults := list(_faults(name, value, from_day, by.today)):
        raise MonitoringError("; ".join(faults))
    check_text("why", by.why)
    connection.execute(_SQL.insert_setting, {"name": name, "value": value, "from_day": from_day, **by.values})
    new = {"value": value, "from_day": from_day.isoformat()}
    record_change(connection, by.asker.actor, "setting.decide", target=name, new=new, reason=by.why)


def _faults(name: str, value: int, from_day: date, today: date) -> list[str]:
    setting = SETTINGS.get(name)
    if setting is None:
        return [f"{name[:40]!a} is no setting of monitoring: there are {', '.join(SETTINGS)}"]
    found = []
    if not setting.least <= value <= setting.most:
        found.append(f"{name} is {value}: {setting.least} to {setting.most} {setting.unit} is expected")
    if from_day < today:
        found.append(f"{from_day} is over: a threshold holds from {today} on or later")
    return found
