"""Feeder idle: the instrument's meter shows a run, and the meter of the line that feeds it shows no load. Pure.

Two meters under different control that contradict each other: one of them is not where it is said to be. A feeder is
bound to its instrument like any channel, under the name `feeder` (docs/flags.md).

Threshold: for ten minutes, and half of the time compared, the feeder shows less than half of what hangs on it. Half,
because the two are read at other instants and of other classes of accuracy; ten minutes, because clocks and dwells may
be a few minutes apart.
"""

from protocol.flags.flag import Figure, Finding
from protocol.flags.shape import Shape

MIN_IDLE_S = 600


def find_feeder_idle(day: Shape) -> Finding | None:
    """By the shape of a day that has seconds compared with a feeder."""
    if day.feeder_idle_s < MIN_IDLE_S or 2 * day.feeder_idle_s < day.feeder_s:
        return None
    figures = (Figure("idle", day.feeder_idle_s, "s"), Figure("compared", day.feeder_s, "s"))
    return Finding("feeder-idle", figures)
