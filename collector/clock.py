"""The collector's own clock, by which receipts and minutes are dated, and instants as the database takes them."""

import time
from datetime import UTC, date, datetime, timedelta, timezone

from protocol.interval import local_day

LOCAL = timezone(timedelta(hours=8))
"""In which days begin and people write times."""


def system_now_ms() -> int:
    """Return the wall clock in UTC ms."""
    return time.time_ns() // 1_000_000


def utc(instant_ms: int) -> datetime:
    """Return an instant in UTC ms as an aware datetime."""
    return datetime.fromtimestamp(instant_ms / 1000, UTC)


def day_of(instant: datetime) -> date:
    """Return the local day (UTC+8) of an aware datetime."""
    return local_day(round(instant.timestamp() * 1000))
