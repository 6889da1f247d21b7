"""Run without product: the instrument ran, its files and counters were watched, and nothing came of it. Pure.

Files that grow, parts that are counted, shots: where an instrument usually leaves a product, hours without any are odd.
Where it usually leaves none, or nobody watched, the rule says nothing.

Threshold: less than a hundredth of the usual product per hour, over two hours of run or more that were watched for four
fifths; nine of ten earlier run days had a product. Two hours, because a test or an alignment leaves nothing either.
"""

from collections.abc import Sequence

from protocol.flags.flag import Figure, Finding
from protocol.flags.robust import median
from protocol.flags.shape import Shape

MIN_RUN_S = 7200
MIN_DAYS = 10
BELOW_USUAL = 100


def find_no_product(day: Shape, before: Sequence[Shape]) -> Finding | None:
    """`before`: the days before it, in any order."""
    watched = [each for each in before if each.run_s >= MIN_RUN_S and _is_watched(each)]
    if day.run_s < MIN_RUN_S or not _is_watched(day) or len(watched) < MIN_DAYS:
        return None
    with_product = [each for each in watched if each.product > 0]
    if 10 * len(with_product) < 9 * len(watched):
        return None
    usual = median([_an_hour(each) for each in with_product])
    if _an_hour(day) * BELOW_USUAL >= usual:
        return None
    figures = (
        Figure("run", day.run_s, "s"),
        Figure("product", day.product),
        Figure("usual_an_hour", usual),
        Figure("compared", len(watched), "days"),
    )
    return Finding("run-without-product", figures)


def _is_watched(day: Shape) -> bool:
    return 5 * day.product_s >= 4 * day.run_s


def _an_hour(day: Shape) -> int:
    return day.product * 3600 // max(1, day.run_s)
