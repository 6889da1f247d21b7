"""Half-open intervals of integer time, and the local days they fall into.

An interval is a pair (start, end) with start < end: the start belongs to it, the end does not, so that touching
sessions neither overlap nor leave a gap. The unit is the caller's (milliseconds in the kernel, seconds in records).
A *set* of intervals is a list that is sorted, disjoint and not touching; `union` makes one of any intervals, the
other functions expect and return sets.

    union([(9, 10), (10, 11), (13, 14)]) == [(9, 11), (13, 14)]

Local days are a fixed UTC+8 (domain.md section 2): no time-zone database, no summer time.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise

Interval = tuple[int, int]

DAY_MS = 86_400_000
DAY_S = 86_400
UTC_OFFSET_MS = 8 * 3_600_000

_EPOCH_DAY = date(1970, 1, 1).toordinal()


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Merge intervals in any order into a set; empty ones (start >= end) vanish."""
    merged: list[Interval] = []
    for start, end in sorted([interval for interval in intervals if interval[0] < interval[1]]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def intersect(left: list[Interval], right: list[Interval]) -> list[Interval]:
    """What lies in both sets."""
    common: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < end:
            common.append((start, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return common


def subtract(left: list[Interval], right: list[Interval]) -> list[Interval]:
    """What lies in the left set and not in the right one."""
    if not right:
        return list(left)
    holes = [(end, start) for (_, end), (start, _) in pairwise(right)]
    before, after = right[0][0], right[-1][1]
    outside = [(min(left[0][0], before), before), *holes, (after, max(left[-1][1], after))] if left else []
    return intersect(left, outside)


def in_network_s(owned_days: int, *, days_over: int, until_s: int) -> int:
    """All seconds of days owned that are over, with a record or without, and what open records cover: under coverage.

    `days_over` of the days with a record are over, `until_s` is how far all records reach together.
    """
    return (owned_days - days_over) * DAY_S + until_s


def length(intervals: Iterable[Interval]) -> int:
    """Sum of the lengths of a set."""
    return sum(end - start for start, end in intervals)


def clip(intervals: list[Interval], start: int, end: int) -> list[Interval]:
    """The part of a set inside [start, end)."""
    return intersect(intervals, [(start, end)]) if start < end else []


def local_day(utc_ms: int) -> date:
    """The day in Asia/Shanghai in which an instant lies. ValueError outside the years 1 to 9999."""
    try:
        return date.fromordinal(_EPOCH_DAY + (utc_ms + UTC_OFFSET_MS) // DAY_MS)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"no calendar day holds the instant {utc_ms} ms") from error


def day_bounds_ms(day: date) -> Interval:
    """The instants, in UTC ms, at which a local day starts and ends."""
    start_ms = (day.toordinal() - _EPOCH_DAY) * DAY_MS - UTC_OFFSET_MS
    return start_ms, start_ms + DAY_MS


def days_touched(start_ms: int, end_ms: int) -> list[date]:
    """The local days that [start_ms, end_ms) has a part in, in order; none for an empty interval."""
    if start_ms >= end_ms:
        return []
    first, last = local_day(start_ms), local_day(end_ms - 1)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
