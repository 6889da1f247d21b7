"""Ratio changed: all levels of an instrument's power moved by the same factor, or the policy's ratio did. Pure.

The ratio of current transformers multiplies everything. Another one, in the policy or in the meter, makes a standby
into a run. When an instrument is changed its levels change by different factors; when its meter is, by the same one.

Threshold: standby by a factor of 7/5 or more on each of five days in a row, and run by the same one within a quarter by
the median, against the ten days before. Transformers come in steps of 3/2 and more, and standby moves by some percent;
run is held against it loosely, because methods differ.
"""

from collections.abc import Sequence

from protocol.flags.flag import Figure, Finding
from protocol.flags.robust import PPM, median
from protocol.flags.shape import Shape

CHANGED_DAYS = 5
MIN_DAYS = 10
LEAST_PPM = 7 * PPM // 5
_Levels = tuple[int, int]
"""Of run and standby, mW."""


def find_ratio_changed(
    days: Sequence[Shape], *, ratio: tuple[int, int] = (1, 1), ratio_before: tuple[int, int] = (1, 1)
) -> Finding | None:
    """`days`: in order, the one looked at last; `ratio`: of its policy, and of the policy of the day before.

    A change of levels is told once, on its fifth day with both levels.
    """
    if ratio[0] * ratio_before[1] != ratio_before[0] * ratio[1]:
        was, now = (part[0] * PPM // part[1] for part in (ratio_before, ratio))
        return Finding("ratio-changed", (Figure("ratio_before", was, "ppm"), Figure("ratio", now, "ppm")))
    if not days or not _is_whole(days[-1]):
        return None
    levels = [(each.run_mw, each.standby_mw) for each in days if _is_whole(each)]
    recent, before = levels[-CHANGED_DAYS:], levels[-CHANGED_DAYS - MIN_DAYS : -CHANGED_DAYS]
    if len(before) < MIN_DAYS:
        return None
    usual, new = _medians(before), _medians(recent)
    is_new = all(_is_step(each, usual) for each in recent) and not _is_step(before[-1], usual)
    if not is_new or not _is_one_factor(new, usual):
        return None
    figures = (
        Figure("run_before", usual[0], "mW"),
        Figure("run", new[0], "mW"),
        Figure("standby_before", usual[1], "mW"),
        Figure("standby", new[1], "mW"),
    )
    return Finding("ratio-changed", figures)


def _is_whole(day: Shape) -> bool:
    return day.run_mw > 0 and day.standby_mw > 0


def _medians(levels: Sequence[_Levels]) -> _Levels:
    return median([run for run, _ in levels]), median([standby for _, standby in levels])


def _is_step(levels: _Levels, was: _Levels) -> bool:
    """Whether standby went up or down by a factor that is no accident."""
    least, most = sorted((levels[1], was[1]))
    return most * PPM // least >= LEAST_PPM


def _is_one_factor(now: _Levels, was: _Levels) -> bool:
    by_run, by_standby = now[0] * PPM // was[0], now[1] * PPM // was[1]
    return 4 * abs(by_run - by_standby) <= by_standby
