"""Scales for figures: where a value or an instant lies, and which ticks a reader wants to see. Pure.

Horizontal positions are percentages of the day, so that a figure stretches with the page while its words keep
their size; vertical ones are units of the figure's own height.
"""

import math
from typing import NamedTuple

DAY_S = 86_400
HOUR_S = 3_600
MAX_TICKS = 6


class HourTick(NamedTuple):
    """`major` hours keep their label on a narrow screen."""

    x: str
    label: str
    anchor: str
    major: bool


class PowerTick(NamedTuple):
    y: float
    label: str


class PowerScale(NamedTuple):
    """Linear from `low_mw` at the bottom (y = `height`) to `high_mw` at the top (y = 0)."""

    low_mw: int
    high_mw: int
    height: float
    unit: str
    ticks: tuple[PowerTick, ...]

    def y(self, power_mw: float) -> float:
        share = (power_mw - self.low_mw) / (self.high_mw - self.low_mw)
        return round((1 - min(max(share, 0.0), 1.0)) * self.height, 2)


def percent(second_of_day: float) -> str:
    """The place of a second of the day, as SVG takes it."""
    return f"{second_of_day / DAY_S * 100:.4f}".rstrip("0").rstrip(".") + "%"


def hour_ticks(step: int = 3) -> list[HourTick]:
    """A label each `step` hours from 0 to 24; the outer two stay inside the figure."""
    anchors = {0: "start", 24: "end"}
    return [
        HourTick(percent(hour * HOUR_S), f"{hour:02}", anchors.get(hour, "middle"), hour % 6 == 0)
        for hour in range(0, 25, step)
    ]


def power_scale(powers_mw: list[int], height: float) -> PowerScale:
    """A scale that holds zero and all the powers, with 3 to 7 round ticks, in W or kW."""
    low, high = min([0, *powers_mw]), max([1_000, *powers_mw])
    step = _round_step((high - low) / MAX_TICKS)
    low, high = math.floor(low / step) * step, math.ceil(high * 1.02 / step) * step
    unit, per_unit = ("kW", 1_000_000) if high >= 2_000_000 else ("W", 1_000)
    scale = PowerScale(low, high, height, unit, ())
    ticks = tuple(
        PowerTick(scale.y(power), f"{power / per_unit:g}".replace("-", "−"))
        for power in range(low, high + 1, step)
    )
    return scale._replace(ticks=ticks)


def _round_step(least: float) -> int:
    """The smallest of 1, 2, 5 times a power of ten that is at least `least` (mW)."""
    magnitude = int(10 ** math.floor(math.log10(max(least, 1))))
    return next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= least)
