"""Constant load: the power of a run moves far less than it ever did on this instrument. Pure.

An instrument at work is never still: pumps, valves, heaters and the mains move its power by some percent within five
minutes. A resistor in its place, or a program that writes a number, is stiller. Each instrument is held against its
own history, because a laser is by nature stiller than a furnace.

Threshold: less than a quarter of the median of the days before, and less than half of the stillest of them. The quarter
because the same instrument's median days differ by a third at most on the bench (docs/flags.md); the half because a day
that only resembles a still one is no news.
"""

from collections.abc import Sequence

from protocol.flags.flag import Figure, Finding
from protocol.flags.robust import median
from protocol.flags.shape import Shape

MIN_RUN_S = 3600
MIN_DAYS = 10
"""Of history: with fewer days nobody knows how an instrument usually is."""
BELOW_USUAL = 4
BELOW_STILLEST = 2


def find_constant_load(day: Shape, before: Sequence[Shape]) -> Finding | None:
    """`before`: the days before it, in any order; those with little run are left out."""
    usual = [each.ripple_ppm for each in before if each.run_s >= MIN_RUN_S]
    if day.run_s < MIN_RUN_S or len(usual) < MIN_DAYS:
        return None
    middle, stillest = median(usual), min(usual)
    if day.ripple_ppm * BELOW_USUAL >= middle or day.ripple_ppm * BELOW_STILLEST >= stillest:
        return None
    figures = (
        Figure("spread", day.ripple_ppm, "ppm"),
        Figure("usual", middle, "ppm"),
        Figure("stillest", stillest, "ppm"),
        Figure("compared", len(usual), "days"),
        Figure("run", day.run_s, "s"),
    )
    return Finding("constant-load", figures)
