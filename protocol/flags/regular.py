"""Regular hours: days whose hours are round, or the same, far more often than work makes them. Pure.

People book round hours; what was measured is not round, because runs begin and end when somebody is ready. Hours that
are round to the minute day after day, or equal to each other, were made by a timer or by hand.

Thresholds: a day is round within a minute of a whole half hour, which chance does on 121 of 1800 days; flagged where
that many round days come by chance once in a million months. Same: half of the days and six at least within one minute
of each other. Days of 24 hours are left out: whatever runs all day says nothing by it.
"""

from collections.abc import Sequence

from protocol.flags.flag import Figure, Finding
from protocol.flags.robust import is_rare
from protocol.interval import DAY_S

ROUND_S = 1800
NEAR_S = 60
MIN_DAYS = 10
MIN_SAME = 6
ONE_IN = 1_000_000


def find_regular_hours(days_s: Sequence[int]) -> Finding | None:
    """`days_s`: effective seconds of each day of a month, in any order; empty and full days are left out."""
    counted = sorted(seconds for seconds in days_s if 0 < seconds < DAY_S - NEAR_S)
    if len(counted) < MIN_DAYS:
        return None
    near = sum(min(seconds % ROUND_S, -seconds % ROUND_S) <= NEAR_S for seconds in counted)
    same = _most_alike(counted)
    is_round = is_rare(near, len(counted), chance=(2 * NEAR_S + 1, ROUND_S), one_in=ONE_IN)
    if not is_round and (same < MIN_SAME or 2 * same < len(counted)):
        return None
    figures = (Figure("round", near, "days"), Figure("same", same, "days"), Figure("counted", len(counted), "days"))
    return Finding("regular-hours", figures)


def _most_alike(counted: Sequence[int]) -> int:
    """How many of sorted values lie within NEAR_S of each other at most."""
    most = first = 0
    for last, seconds in enumerate(counted):
        while seconds - counted[first] > NEAR_S:
            first += 1
        most = max(most, last - first + 1)
    return most
