"""What monitoring does beside the derivation of hours: once a minute, while nothing else is due.

It looks for alarms, and puts what changed on the list, so that whoever asks first after months need not wait for it. A
look that fails is logged and tried again a minute later: it must not hold up the hours.
"""

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import psycopg

from collector.monitoring.alarms import look
from collector.monitoring.changes import put_on_list
from collector.store.database import Connection

log = logging.getLogger(__name__)
EVERY = timedelta(minutes=1)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class MinuteLook:
    """What the deriver calls when nothing else is due; `after_days`: when a day closes."""

    def __init__(self, *, after_days: int, now: Callable[[], datetime] = _utc_now) -> None:
        self._after_days = after_days
        self._now = now
        self._looked_at: datetime | None = None

    def __call__(self, connection: Connection, _today: date) -> None:
        """Looks, unless it has within the last minute."""
        now = self._now()
        if self._looked_at is not None and now - self._looked_at < EVERY:
            return
        self._looked_at = now
        try:
            put_on_list(connection)
            found = look(connection, now=now, after_days=self._after_days)
        except psycopg.OperationalError:
            raise
        except Exception:  # a supervisor: monitoring must not stop the hours
            log.exception("monitoring failed")
            return
        if found.opened or found.closed:
            log.info("alarms looked for opened=%d closed=%d", found.opened, found.closed)
