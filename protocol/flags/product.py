"""Run without product: the instrument ran, its files and counters were watched, and nothing came of it. Pure.

Files that grow, parts that are counted, shots: where an instrument usually leaves a product, hours without any are odd.
Where it usually leaves none, or nobody watched, the rule says nothing.

Threshold: two run days in a row, of two hours or more each, with less than a hundredth of the usual product per hour;
what was watched are four fifths of the run, and nine of ten earlier run days had a product. Two days, because one is an
alignment or a test: one such day in forty alarmed in 44 % of honest months.
"""

from collections.abc import Sequence

from protocol.flags.flag import Figure, Finding
from protocol.flags.robust import median
from protocol.flags.shape import Shape

MIN_RUN_S = 7200
MIN_BARREN = 2
MIN_DAYS = 10
BELOW_USUAL = 100


def find_no_product(days: Sequence[Shape]) -> Finding | None:
    """`days`: in order, the one looked at last; those that hardly ran, or that nobody watched, are left out."""
    if not days or not _counts(days[-1]):
        return None
    counted = [each for each in days if _counts(each)]
    with_product = [each for each in counted if each.product > 0]
    if not with_product:
        return None
    usual = median([_an_hour(each) for each in with_product])
    barren = _last_barren(counted, usual)
    before = counted[: len(counted) - len(barren)]
    if len(barren) < MIN_BARREN or len(before) < MIN_DAYS:
        return None
    if 10 * sum(each.product > 0 for each in before) < 9 * len(before):
        return None
    figures = (
        Figure("run", sum(each.run_s for each in barren), "s"),
        Figure("barren", len(barren), "days"),
        Figure("product", sum(each.product for each in barren)),
        Figure("usual_an_hour", usual),
        Figure("compared", len(before), "days"),
    )
    return Finding("run-without-product", figures)


def _counts(day: Shape) -> bool:
    return day.run_s >= MIN_RUN_S and 5 * day.product_s >= 4 * day.run_s


def _an_hour(day: Shape) -> int:
    return day.product * 3600 // day.run_s


def _last_barren(days: Sequence[Shape], usual: int) -> list[Shape]:
    found: list[Shape] = []
    for day in reversed(days):
        if _an_hour(day) * BELOW_USUAL >= usual:
            break
        found.append(day)
    return found
