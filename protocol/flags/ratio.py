"""Ratio changed: all levels of an instrument's power moved by the same factor, or the policy's ratio did. Pure.

The ratio of current transformers multiplies everything. Another one, in the policy or in the meter, makes a standby
into a run. When an instrument is changed its levels change by different factors; when its meter is, by the same one.

Threshold: both run and standby by a factor of 3/2 or more, the same one within a tenth, on three days in a row, against
the ten days before. Transformers come in steps of 3/2 and more; three days, because one may be a special run.
"""

from collections.abc import Sequence

from protocol.flags.flag import Figure, Finding
from protocol.flags.robust import PPM, median
from protocol.flags.shape import Shape

CHANGED_DAYS = 3
MIN_DAYS = 10
LEAST = 3 * PPM // 2


def find_ratio_changed(
    days: Sequence[Shape], *, ratio: tuple[int, int] = (1, 1), ratio_before: tuple[int, int] = (1, 1)
) -> Finding | None:
    """`days`: those with both levels, in order, the one looked at last; `ratio`: of its policy, and of the day before.

    A change of levels is told once, on its third day.
    """
    if ratio[0] * ratio_before[1] != ratio_before[0] * ratio[1]:
        was, now = (part[0] * PPM // part[1] for part in (ratio_before, ratio))
        return Finding("ratio-changed", (Figure("ratio_before", was, "ppm"), Figure("ratio", now, "ppm")))
    levels = [(each.run_mw, each.standby_mw) for each in days if each.run_mw > 0 and each.standby_mw > 0]
    recent, before = levels[-CHANGED_DAYS:], levels[-CHANGED_DAYS - MIN_DAYS : -CHANGED_DAYS]
    if len(before) < MIN_DAYS or not days or (days[-1].run_mw, days[-1].standby_mw) != levels[-1]:
        return None
    run, standby = median([each[0] for each in before]), median([each[1] for each in before])
    if not all(_is_step(each, run, standby) for each in recent) or _is_step(before[-1], run, standby):
        return None
    figures = (
        Figure("run_before", run, "mW"),
        Figure("run", median([each[0] for each in recent]), "mW"),
        Figure("standby_before", standby, "mW"),
        Figure("standby", median([each[1] for each in recent]), "mW"),
    )
    return Finding("ratio-changed", figures)


def _is_step(levels: tuple[int, int], run: int, standby: int) -> bool:
    """Whether both levels went up, or down, by one factor that is no accident."""
    by_run, by_standby = levels[0] * PPM // run, levels[1] * PPM // standby
    if by_run < PPM:
        by_run, by_standby = run * PPM // levels[0], standby * PPM // levels[1]
    return by_run >= LEAST and abs(by_run - by_standby) * 10 <= by_run
