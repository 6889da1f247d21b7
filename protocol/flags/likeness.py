"""How alike two runs are: normalised correlation of their minutes, aligned at their starts. Pure.

A trace that is replayed begins with the same step as the run that it was recorded from, so runs are aligned at their
starts and tried a few minutes to both sides; the first and last minutes are left out, because every run begins and
ends with a step. What is compared is at most the first four hours.

The measure is a *distance*, 1 - r in parts per billion: 0 for the same trace, also for one that was scaled; about 10^9
for traces that have nothing in common but their mean. A furnace's program repeats itself to some thousand of them.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from protocol.flags.robust import PPB, likeness_ppb

EDGE = 2
LAGS = range(-3, 4)
MIN_MINUTES = 30
MAX_MINUTES = 240

Minutes = Sequence[int]


class Nearest(NamedTuple):
    """Which run is the nearest, by what its owner is called, how far it is, and over how many minutes."""

    name: str
    distance_ppb: int
    minutes: int


def nearest(runs: Iterable[Minutes], others: Iterable[tuple[str, Minutes]]) -> Nearest | None:
    """The nearest of other runs to any of these; None where none can be compared. Of two the first by name."""
    candidates = list(others)
    found = [
        Nearest(name, *distance)
        for run in runs
        for name, other in candidates
        if (distance := distance_of(run, other)) is not None
    ]
    return min(found, key=lambda each: (each.distance_ppb, each.name), default=None)


def distance_of(left: Minutes, right: Minutes) -> tuple[int, int] | None:
    """The distance of two runs at the best of the lags, and the minutes compared.

    None where they have little in common: less than half an hour, or less than four fifths of the longer one.
    """
    first, second = left[EDGE : -EDGE or None], right[EDGE : -EDGE or None]
    best: tuple[int, int] | None = None
    for lag in LAGS:
        ours, theirs = first[max(0, lag) :], second[max(0, -lag) :]
        common = min(len(ours), len(theirs), MAX_MINUTES)
        if common < MIN_MINUTES or 5 * common < 4 * min(MAX_MINUTES, max(len(first), len(second))):
            continue
        likeness = likeness_ppb(ours[:common], theirs[:common])
        if likeness is not None and (best is None or PPB - likeness < best[0]):
            best = PPB - likeness, common
    return best
