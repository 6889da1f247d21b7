"""What a recording tells of its meter's energy counter: by how much it rises at once, and the power of windows. Pure;
rule 10 of docs/calibration.md.

The step is the greatest common divisor of all rises. A counter that is shown in other units than it counts in
(watt-minutes, 32-bit kilowatt-hours) has hardly any; there, the smallest tenth of the rises stands for it, which is no
less than the step.
"""

from collections.abc import Sequence
from math import gcd

from protocol.counted import cut_into_windows
from protocol.observation import Observation
from protocol.policy import MAX_STEP_MWH, MS_PER_HOUR, Counter

LEAST_RISES = 20
LEAST_SHARE = 0.95
SMALL_RISE = 0.1
ROUNDED_MWH = 10
"""A divisor below this comes from rounding."""


def find_step(observed: Sequence[Observation]) -> int | None:
    """By how many mWh the counter rises at once. None where there is no counter throughout, or it hardly rose."""
    counted = [each for each in observed if each.delta_mwh is not None]
    if _ms(counted) < LEAST_SHARE * _ms(observed):
        return None
    rises = sorted(each.delta_mwh for each in counted if each.delta_mwh)
    if len(rises) < LEAST_RISES:
        return None
    divisor, small = gcd(*rises), rises[int(SMALL_RISE * len(rises))]
    step_mwh = divisor if divisor >= ROUNDED_MWH else small
    return step_mwh if step_mwh <= MAX_STEP_MWH else None


def grain_mw(counter: Counter) -> int:
    """The power that one step of the counter makes in a window."""
    return -(-counter.step_mwh * MS_PER_HOUR // counter.window_ms)


def cut(observed: Sequence[Observation], counter: Counter, *, gap_ms: int) -> list[Observation]:
    """What a trigger sees that the counter decides: windows of one power; watts where a window is not known whole."""
    seen: list[Observation] = []
    for each in cut_into_windows(observed, counter, gap_ms=gap_ms):
        power_mw = each.counted_mw
        if power_mw is None:
            seen.append(each)
        elif seen and seen[-1].end_ms == each.start_ms and seen[-1].counted_mw == power_mw:
            seen[-1] = seen[-1]._replace(end_ms=each.end_ms)
        else:
            seen.append(each._replace(mean_mw=power_mw, low_mw=power_mw, high_mw=power_mw))
    return seen


def _ms(observed: Sequence[Observation]) -> int:
    return sum(each.end_ms - each.start_ms for each in observed)
