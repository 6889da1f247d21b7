"""Replayed trace, and the same pattern on two instruments: runs that are more alike than runs can be. Pure.

An instrument that works by a program has runs that resemble each other, but not in the noise. So the distance to the
nearest earlier run (likeness.py) is held against the distances that this instrument's days usually have: a replay is
nearer by orders of magnitude. The same holds between instruments, where the usual distance is again the own one.

Threshold: r of 0.95 at least, and a distance of less than a sixteenth of the lowest tenth of the days before. The
lowest tenth, because a heater behind a relay meets itself by chance now and then, a hundred times nearer than on most
days; and not the least value, so that a replay or two that were missed do not hide the next one. The sixteenth, because
at an eighth one in sixteen honest months of tuning alarmed; at this one in 64 of the scored ones did (docs/flags.md).
"""

from collections.abc import Iterable, Sequence

from protocol.flags.flag import Figure, Finding
from protocol.flags.likeness import Minutes, Nearest, nearest
from protocol.flags.robust import quantile

MIN_DAYS = 10
"""With a nearest neighbour of their own; with fewer nobody knows how alike an instrument's days are."""
MAX_DISTANCE_PPB = 50_000_000
USUAL_HUNDREDTHS = 10
BELOW_USUAL = 16


def find_replayed(
    runs: Sequence[Minutes], before: Iterable[tuple[str, Minutes]], *, usual_ppb: Sequence[int]
) -> Finding | None:
    """`before`: runs of the weeks before by their days; `usual_ppb`: nearest distances of those days."""
    return _judge("replayed-trace", nearest(runs, before), usual_ppb)


def find_same_pattern(
    runs: Sequence[Minutes], beside: Iterable[tuple[str, Minutes]], *, usual_ppb: Sequence[int]
) -> Finding | None:
    """`beside`: runs of other instruments on the same day by asset number; `usual_ppb` as for a replay, the own."""
    return _judge("same-pattern", nearest(runs, beside), usual_ppb)


def _judge(rule: str, found: Nearest | None, usual_ppb: Sequence[int]) -> Finding | None:
    if found is None or len(usual_ppb) < MIN_DAYS:
        return None
    usual = quantile(usual_ppb, USUAL_HUNDREDTHS)
    if found.distance_ppb > MAX_DISTANCE_PPB or found.distance_ppb * BELOW_USUAL >= usual:
        return None
    figures = (
        Figure("distance", found.distance_ppb, "ppb"),
        Figure("usual", usual, "ppb"),
        Figure("compared", len(usual_ppb), "days"),
        Figure("length", found.minutes * 60, "s"),
    )
    return Finding(rule, figures, (found.name,))
