"""Scales for figures: where an instant or a power lies, and which ticks a reader wants to see. Pure.

Horizontal places are percentages of the figure, so that it stretches with the page while its words keep their size;
vertical ones are percentages too, from the top.
"""

import math
from typing import NamedTuple

from protocol.interval import DAY_S

MAX_TIME_TICKS = 9
MAX_POWER_TICKS = 6
_TIME_STEPS_S = (5, 10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800)
_WINDOWS_S = (300, 900, 3_600, 10_800, 21_600, 43_200)
"""Lengths that a fresh system's first minutes and hours are shown in, until they fill a day."""


class Tick(NamedTuple):
    """A label at a percentage; `minor` ones go first where there is no room."""

    at: str
    label: str
    anchor: str = "middle"
    minor: bool = False


class Window(NamedTuple):
    """[start_s, end_s) of a local day, as seconds of it."""

    start_s: int = 0
    end_s: int = DAY_S

    @property
    def is_whole_day(self) -> bool:
        return self == Window()

    def at(self, second: float) -> str:
        """The place of a second of the day; outside the window, its nearer edge."""
        share = (second - self.start_s) / (self.end_s - self.start_s)
        return percent(share)

    def ticks(self) -> list[Tick]:
        """Round times, the outer two inside the figure, every second one minor."""
        length = self.end_s - self.start_s
        step = next((step for step in _TIME_STEPS_S if length / step < MAX_TIME_TICKS), _TIME_STEPS_S[-1])
        first = -(-self.start_s // step)
        ticks = []
        for number in range(first, self.end_s // step + 1):
            second = number * step
            label = clock(second) if step < 60 else clock(second)[:5]
            anchor = {self.start_s: "start", self.end_s: "end"}.get(second, "middle")
            ticks.append(Tick(self.at(second), label, anchor, minor=(number - first) % 2 == 1))
        return ticks


def percent(share: float) -> str:
    """A share of the figure, clipped to it, as SVG takes it."""
    return f"{min(max(share, 0.0), 1.0) * 100:.3f}".rstrip("0").rstrip(".") + "%"


def clock(second_of_day: int) -> str:
    """HH:MM:SS; the end of a day is 24:00:00."""
    return f"{second_of_day // 3600:02}:{second_of_day // 60 % 60:02}:{second_of_day % 60:02}"


def window_over(first_s: int, last_s: int) -> Window:
    """The shortest usual window that holds [first_s, last_s], beginning at a round time; else the whole day."""
    for length in _WINDOWS_S:
        step = length // 5 if length < 3_600 else 600
        start = min(first_s // step * step, DAY_S - length)
        if last_s <= start + length:
            return Window(start, start + length)
    return Window()


class PowerScale(NamedTuple):
    """Linear from `low_mw` at the bottom to `high_mw` at the top."""

    low_mw: int
    high_mw: int
    unit: str
    ticks: tuple[Tick, ...] = ()

    def share(self, power_mw: float) -> float:
        """From the top: 0 at high_mw, 1 at low_mw."""
        return min(max((self.high_mw - power_mw) / (self.high_mw - self.low_mw), 0.0), 1.0)

    def at(self, power_mw: float) -> str:
        return percent(self.share(power_mw))


def power_scale(powers_mw: list[int]) -> PowerScale:
    """A scale that holds zero and all the powers, with a few round ticks, in W or kW."""
    low, high = min([0, *powers_mw]), max([1_000, *powers_mw])
    step = _round_step((high - low) / MAX_POWER_TICKS)
    low, high = math.floor(low / step) * step, math.ceil(high * 1.04 / step) * step
    unit, per_unit = ("kW", 1_000_000) if high >= 2_000_000 else ("W", 1_000)
    scale = PowerScale(low, high, unit)
    ticks = tuple(
        Tick(scale.at(power), f"{power / per_unit:g}".replace("-", "−")) for power in range(low, high + 1, step)
    )
    return scale._replace(ticks=ticks)


def _round_step(least: float) -> int:
    """The smallest of 1, 2, 5 times a power of ten that is at least `least` (mW)."""
    magnitude = int(10 ** math.floor(math.log10(max(least, 1))))
    return next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= least)
