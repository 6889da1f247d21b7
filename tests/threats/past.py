"""What an honest agent would have journalled on days of the past, in a boot that began long before all of them."""

from collections.abc import Sequence
from datetime import date, timedelta

from msgspec.structs import replace

from collector.clock import system_now_ms
from protocol.entry import Genesis, Reading
from protocol.interval import DAY_MS, day_bounds_ms, local_day
from tests.threats.liar import Liar

HOUR_MS, MINUTE_MS = 3_600_000, 60_000
BEGAN = local_day(system_now_ms()) - timedelta(days=200)


def write(liar: Liar, readings: Sequence[Reading], day: date) -> None:
    """Readings of a day, one after the other; the start of each is told in ms since the day's midnight."""
    if not liar.agent.entries:
        genesis = Genesis((liar.asset,), liar.agent.vkey, "a program of my own")
        liar.agent.append(genesis, wall_ms=day_bounds_ms(BEGAN)[0], mono_ms=0)
    for each in readings:
        moved = replace(each, start_mono_ms=each.start_mono_ms + (day - BEGAN).days * DAY_MS)
        end_ms = moved.start_mono_ms + sum(moved.durations_ms)
        liar.agent.append(moved, wall_ms=day_bounds_ms(BEGAN)[0] + end_ms, mono_ms=end_ms)


def steady(power_mw: int, *, hour: int, hours: int = 1) -> list[Reading]:
    """Whole hours at one power, minute by minute."""
    return [
        Reading(
            "meter1", "power", (hour + number) * HOUR_MS, (MINUTE_MS,) * 60, means=(power_mw,) * 60,
            lows=(power_mw,) * 60, highs=(power_mw,) * 60,
        )
        for number in range(hours)
    ]  # fmt: skip
