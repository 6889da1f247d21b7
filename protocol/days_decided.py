"""Which local days a reading can decide, under any policy that there may be. Pure.

A day's evidence window reaches beyond its midnights (derivation.evidence_window), so a reading near midnight may change
the record of the day beside it. Whoever stores or moves a reading marks these days for deriving.
"""

from protocol.interval import DAY_MS, UTC_OFFSET_MS
from protocol.policy import MAX_DWELL_MS, MAX_WINDOW_MS

# How far past midnight a reading can still decide the day before, and how far before midnight the day after: the
# longest evidence window that any policy may ask for (protocol.derivation.evidence_window), since gaps and dwells have
# one limit: a dwell, two gaps and a window of the counter after the day, a gap and a window before it.
DECIDES_BEFORE_MS = 3 * MAX_DWELL_MS + MAX_WINDOW_MS
DECIDES_AFTER_MS = MAX_DWELL_MS + MAX_WINDOW_MS


def days_decided(start_ms: int, end_ms: int) -> range:
    """The local days, since 1970-01-01, whose records a reading over [start, end) may change."""
    first_day = (start_ms + UTC_OFFSET_MS - DECIDES_BEFORE_MS) // DAY_MS
    return range(first_day, (end_ms + UTC_OFFSET_MS + DECIDES_AFTER_MS) // DAY_MS + 1)


def span_deciding(days: range) -> tuple[int, int]:
    """Bounds in UTC ms: a reading with first <= start and end < last decides none but these days, any other does."""
    first_ms = days.start * DAY_MS - UTC_OFFSET_MS + DECIDES_BEFORE_MS
    return first_ms, days.stop * DAY_MS - UTC_OFFSET_MS - DECIDES_AFTER_MS
