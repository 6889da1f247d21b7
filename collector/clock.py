"""The collector's own clock, which is right: it is the one that receipts and minutes are dated by."""

import time


def system_now_ms() -> int:
    """Return the wall clock in UTC ms."""
    return time.time_ns() // 1_000_000
