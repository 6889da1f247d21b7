"""Replayed trace, and the same pattern on two instruments: runs that are more alike than runs can be. Pure.

An instrument that works by a program has runs that resemble each other, but not in the noise. So the distance to the
nearest earlier run (likeness.py) is held against the distances that this instrument's days usually have: a replay is
nearer by orders of magnitude. The same holds between instruments, where the usual distance is again the own one.

Threshold: r of 0.95 at least, and a distance of less than a tenth of the lower quartile of the days before. The tenth
is the least factor with which no honest instrument-month of the bench alarmed by chance alone (docs/flags.md); the
quartile, and not the least value, so that a replay that was missed does not hide the next one.
"""

from collections.abc import Iterable, Sequence

from protocol.flags.flag import Figure, Finding
from protocol.flags.likeness import Minutes, Nearest, nearest
from protocol.flags.robust import quantile

MIN_DAYS = 10
"""With a nearest neighbour of their own; with fewer nobody knows how alike an instrument's days are."""
MAX_DISTANCE_PPM = 50_000
BELOW_USUAL = 10


def find_replayed(
    runs: Sequence[Minutes], before: Iterable[tuple[str, Minutes]], *, usual_ppm: Sequence[int]
) -> Finding | None:
    """`before`: runs of the weeks before by their days; `usual_ppm`: nearest distances of those days."""
    return _judge("replayed-trace", nearest(runs, before), usual_ppm)


def find_same_pattern(
    runs: Sequence[Minutes], beside: Iterable[tuple[str, Minutes]], *, usual_ppm: Sequence[int]
) -> Finding | None:
    """`beside`: runs of other instruments on the same day by asset number; `usual_ppm` as for a replay, the own."""
    return _judge("same-pattern", nearest(runs, beside), usual_ppm)


def _judge(rule: str, found: Nearest | None, usual_ppm: Sequence[int]) -> Finding | None:
    if found is None or len(usual_ppm) < MIN_DAYS:
        return None
    usual = quantile(usual_ppm, 25)
    if found.distance_ppm > MAX_DISTANCE_PPM or found.distance_ppm * BELOW_USUAL >= usual:
        return None
    figures = (
        Figure("distance", found.distance_ppm, "ppm"),
        Figure("usual", usual, "ppm"),
        Figure("compared", len(usual_ppm), "days"),
        Figure("length", found.minutes * 60, "s"),
    )
    return Finding(rule, figures, (found.name,))
