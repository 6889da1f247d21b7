"""Samples of power in order of time, and what the kernel takes for them.

What a sample covers is the rule of agent/reading.py: the time since the sample before it, unless that is longer than
`hole_limit_ms`; a longer hole stays one. Several samples at one time (a logger that writes whole seconds and samples
faster) make one observation that reaches from the lowest to the highest of them.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from statistics import median_low
from typing import NamedTuple

from protocol.observation import Observation
from protocol.policy import MAX_POWER_MW

MISSED_POLLS = 3


class Sample(NamedTuple):
    """What a meter showed at an instant (UTC ms): power in mW, its energy counter in mWh where it has one."""

    at_ms: int
    power_mw: int
    counter_mwh: int | None = None


def observe_samples(
    samples: Iterable[Sample], *, hole_limit_ms: int, valid_mw: tuple[int, int] = (-MAX_POWER_MW, MAX_POWER_MW)
) -> list[Observation]:
    """What the kernel takes, from samples in order. One out of the valid range was not seen: there is a hole."""
    lowest, highest = valid_mw
    moments = [_moment(at_ms, list(group)) for at_ms, group in groupby(samples, key=lambda sample: sample.at_ms)]
    return [
        Observation(last.at_ms, each.at_ms, *each[1:4], _rise(last, each), each.counter_mwh)
        for last, each in pairwise(moments)
        if each.at_ms - last.at_ms <= hole_limit_ms and lowest <= each.low_mw and each.high_mw <= highest
    ]


def poll_period_ms(samples: Sequence[Sample]) -> int:
    """The median time between samples: how often the meter was asked, where nobody says it."""
    return median_low(sorted(after.at_ms - at.at_ms for at, after in pairwise(samples) if after.at_ms > at.at_ms))


def hole_limit_ms(poll_ms: int, gap_ms: int) -> int:
    """The longest time that a sample speaks for: three polls, and no less than what the policy calls a gap."""
    return max(gap_ms, MISSED_POLLS * poll_ms)


class _Moment(NamedTuple):
    """All samples of one time."""

    at_ms: int
    mean_mw: int
    low_mw: int
    high_mw: int
    counter_mwh: int | None


def _moment(at_ms: int, group: list[Sample]) -> _Moment:
    powers = [sample.power_mw for sample in group]
    counters = [sample.counter_mwh for sample in group if sample.counter_mwh is not None]
    mean_mw = sum(powers) // len(powers)
    return _Moment(at_ms, mean_mw, min(powers), max(powers), max(counters, default=None))


def _rise(last: _Moment, each: _Moment) -> int | None:
    """By how much the counter moved; None where one is missing or it fell, which says nothing of energy."""
    if last.counter_mwh is None or each.counter_mwh is None or each.counter_mwh < last.counter_mwh:
        return None
    return each.counter_mwh - last.counter_mwh
