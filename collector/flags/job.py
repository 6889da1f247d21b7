"""The daily look: every instrument once for each day that closed, a few at a time while nothing else is due.

How far each came stands in the database, so a worker that was away goes on where it was, at most a month back, and
several workers share the work: an instrument is one worker's at a time. A look that fails is written down and skipped:
it must not hold up the others, and the hours least of all.
"""

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import psycopg

from collector.flags.looking import look
from collector.store.database import Connection
from collector.store.queries import load

log = logging.getLogger(__name__)
INSTRUMENTS_AT_ONCE = 4
DAYS_BACK = 30
_SQL = load("flags")
_ONE_DAY = timedelta(days=1)


class DailyLook:
    """What the deriver calls when nothing else is due: a few instruments each time, nothing once a day is through."""

    def __init__(self, *, after_days: int) -> None:
        self._after_days = after_days
        self._through: date | None = None

    def __call__(self, connection: Connection, today: date) -> None:
        """Looks at some instruments; `today` is the local day at the collector."""
        last_day = today - self._after_days * _ONE_DAY
        if self._through != last_day and not look_at_due(connection, last_day=last_day):
            self._through = last_day


def look_at_due(connection: Connection, *, last_day: date, limit: int = INSTRUMENTS_AT_ONCE) -> int:
    """Looks at some instruments whose days up to `last_day` were not looked at; returns how many that were."""
    values = {"until_day": last_day, "days": DAYS_BACK, "limit": limit}
    due = connection.execute(_SQL.list_due, values).fetchall()
    for asset_no, first_day in due:
        _look_at(connection, asset_no, first_day=first_day, last_day=last_day)
    return len(due)


def _look_at(connection: Connection, asset_no: str, *, first_day: date, last_day: date) -> None:
    with connection.transaction():
        if not connection.execute(_SQL.try_lock, {"asset_no": asset_no}).fetchone()[0]:  # type: ignore[index]
            return
        problem = ""
        try:
            with connection.transaction():  # what fails takes its own flags along, and not this note of it
                found = look_at_days(connection, asset_no, first_day=first_day, last_day=last_day)
            log.info("flags looked for asset_no=%s from=%s to=%s new=%d", asset_no, first_day, last_day, found)
        except psycopg.OperationalError:
            raise
        except Exception as error:  # a supervisor: one instrument must not stop the others
            log.exception("flags not looked for asset_no=%s", asset_no)
            problem = f"{type(error).__name__}: {error}"
        values = {"asset_no": asset_no, "until_day": last_day, "problem": problem, "now": datetime.now(UTC)}
        connection.execute(_SQL.put_progress, values)


def look_at_days(
    connection: Connection,
    asset_no: str,
    *,
    first_day: date,
    last_day: date,
    tell: Callable[[date], object] | None = None,
) -> int:
    """Looks at each day of a range, in order; returns how many flags are new."""
    found = 0
    for number in range((last_day - first_day).days + 1):
        day = first_day + number * _ONE_DAY
        found += look(connection, asset_no, day=day)
        if tell is not None:
            tell(day)
    return found
