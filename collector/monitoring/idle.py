"""How long ago instruments were powered on for the last time: 意见二(二), "连续长时间无正当理由不开机运行".

Two counters since the last power-on evidence (time that a watcher of the instrument's own power saw, or that its run
tells of): days that were observed, and days that were not. An unobserved day is neither idle nor use; so that nobody
hides an idle instrument by switching a PC off, a long silence has a name of its own.

    unmeasured   未接采集   nothing ever measured it: no counter runs
    idle         闲置       observed on `idle-days` days since, and never powered on
    silent       失联       not observed on `silent-days` days since
    used         在用       neither

A counter begins with the owner of the day: who takes over an instrument does not take over its idleness.
"""

from datetime import date
from typing import Literal, NamedTuple, get_args

from collector.monitoring.settings import Settings
from collector.registry.access import Scope
from collector.store.database import Connection
from collector.store.queries import load

Idleness = Literal["unmeasured", "idle", "silent", "used"]
IDLENESS: tuple[Idleness, ...] = get_args(Idleness)
_SQL = load("monitoring")


class Counter(NamedTuple):
    """One instrument at the end of a local day.

    `begins`: the first day that counts; `last_on`: the last day with power-on evidence since, None where there was
    none; `case_id`: its open case.
    """

    asset_no: str
    name_zh: str
    uscc: str
    begins: date | None
    last_on: date | None
    observed_days: int
    unobserved_days: int
    state: Idleness
    case_id: int | None

    @property
    def days(self) -> int:
        """Since the last power-on evidence."""
        return self.observed_days + self.unobserved_days


class Asked(NamedTuple):
    """Which counters: `state` and `uscc` None: all."""

    day: date
    scope: Scope
    state: Idleness | None = None
    uscc: str | None = None
    after: str = ""
    limit: int | None = None


def list_counters(connection: Connection, asked: Asked, settings: Settings) -> list[Counter]:
    """Instruments that somebody owned on that day, by asset number."""
    values = {
        **asked.scope.values,
        **settings.thresholds,
        "day": asked.day,
        "state": asked.state,
        "uscc": asked.uscc,
        "after": asked.after,
        "limit": asked.limit,
    }
    return [Counter(*row) for row in connection.execute(_SQL.list_counters, values)]


def find_counter(connection: Connection, asset_no: str, *, day: date, settings: Settings) -> Counter | None:
    """The counter of one instrument; None where nobody owned it."""
    values = {**settings.thresholds, "day": day, "asset_no": asset_no}
    row = connection.execute(_SQL.find_counter, values).fetchone()
    return None if row is None else Counter(*row)
