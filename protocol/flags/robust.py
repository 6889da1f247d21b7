"""Statistics that a few odd values do not move: medians and what hangs on them, in integers. Pure.

Integers, so that a flag has the same figures on every machine: whoever computes it again finds the same bytes.
"""

from collections.abc import Sequence
from math import comb, isqrt
from operator import mul

PPM = 1_000_000
PPB = 1_000_000_000
_SIGMAS = 14_826
"""Ten thousandths of a standard deviation in one MAD, of a normal distribution."""


def median(values: Sequence[int]) -> int:
    """The middle value, the lower one of two; ValueError for none."""
    if not values:
        raise ValueError("no median of nothing")
    return sorted(values)[(len(values) - 1) // 2]


def quantile(values: Sequence[int], hundredths: int) -> int:
    """The value that so many hundredths of all reach at most: the lowest one whose rank suffices."""
    return sorted(values)[max(0, -(-len(values) * hundredths // 100) - 1)]


def spread(values: Sequence[int]) -> int:
    """The median absolute deviation, scaled so that it is a standard deviation where values are normal."""
    middle = median(values)
    return median([abs(value - middle) for value in values]) * _SIGMAS // 10_000


def likeness_ppb(left: Sequence[int], right: Sequence[int]) -> int | None:
    """The normalised correlation of two sequences of one length, in ppb; None where one of them never moves."""
    n = len(left)
    sum_left, sum_right = sum(left), sum(right)
    of_left = n * sum(map(mul, left, left)) - sum_left * sum_left
    of_right = n * sum(map(mul, right, right)) - sum_right * sum_right
    if n < 2 or not of_left or not of_right:
        return None
    together: int = n * sum(map(mul, left, right)) - sum_left * sum_right
    return together * PPB // isqrt(of_left * of_right)


def is_rare(hits: int, trials: int, *, chance: tuple[int, int], one_in: int) -> bool:
    """Whether so many hits or more come less often than once in `one_in` times, at a chance of a / b each."""
    a, b = chance
    a = min(a, b)
    tail = sum(comb(trials, k) * pow(a, k) * pow(b - a, trials - k) for k in range(hits, trials + 1))
    return bool(tail * one_in < pow(b, trials))
