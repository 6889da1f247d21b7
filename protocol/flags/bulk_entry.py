"""Bulk entry: months of use were written down on one day, long after they were. Pure.

Who used an instrument is said when it happens, or within days by a booking system. A year of it that appears the week
before the evaluation was made for the evaluation.

Threshold: the fullest day of a month holds half of all that was recorded in it, twenty hours and ten uses at least,
that were more than thirty days old. Thirty, because offices that work by the month import the month before; what comes
first of all of an instrument is left out, because whoever joins brings his past.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from protocol.flags.flag import Figure, Finding
from protocol.flags.robust import median
from protocol.interval import DAY_MS, local_day

MIN_AGE_DAYS = 30
MIN_USES = 10
MIN_S = 20 * 3600


class Entered(NamedTuple):
    """A use or hours by hand: when it was recorded (UTC ms), when it was (its start), and how long it lasted."""

    recorded_ms: int
    was_ms: int
    seconds: int

    @property
    def age_days(self) -> int:
        return (self.recorded_ms - self.was_ms) // DAY_MS


def find_bulk_entry(entered: Sequence[Entered], *, is_first: bool, deadline: date | None = None) -> Finding | None:
    """`entered`: all that was recorded in a month; `is_first`: nothing was recorded of the instrument before it.

    `deadline`: the next one after the month's entries, where one is known.
    """
    by_day: dict[date, list[Entered]] = {}
    for each in entered:
        if each.age_days > MIN_AGE_DAYS:
            by_day.setdefault(local_day(each.recorded_ms), []).append(each)
    if is_first or not by_day:
        return None
    fullest = max(sorted(by_day), key=lambda day: sum(each.seconds for each in by_day[day]))
    late = by_day[fullest]
    seconds, of_s = sum(each.seconds for each in late), sum(each.seconds for each in entered)
    if len(late) < MIN_USES or seconds < MIN_S or 2 * seconds < of_s:
        return None
    before = () if deadline is None else (Figure("before_deadline", (deadline - fullest).days, "days"),)
    figures = (
        Figure("uses", len(late)),
        Figure("entered", seconds, "s"),
        Figure("age", median([each.age_days for each in late]), "days"),
        Figure("month", of_s, "s"),
        *before,
    )
    return Finding("bulk-entry", figures, (fullest.isoformat(),))
