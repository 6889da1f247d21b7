"""Recordings for the tests of calibration, drawn by hand: parts of (seconds, watts), a sample a second.

A part's watts are a number, None for a hole, or a function of the second within the part.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta, timezone

from protocol.observation import Observation
from protocol.sample_file import Notation, Recording
from protocol.samples import Sample, hole_limit_ms, observe_samples, poll_period_ms

START_MS = 1_772_409_600_000  # 2026-03-02 08:00 +08:00
MINUTE, HOUR = 60, 3600

Watts = float | None | Callable[[int], float]


def samples(*load: tuple[int, Watts], poll_s: int = 1) -> list[Sample]:
    found, at_s = [], 0
    for seconds, watts in load:
        for second in range(0, seconds, poll_s):
            power = watts(second) if callable(watts) else watts
            if power is not None:
                found.append(Sample(START_MS + 1000 * (at_s + second), round(1000 * power)))
        at_s += seconds
    return found


def counted(*load: tuple[int, Watts], poll_s: int = 2, step_mwh: int = 1000, first_mwh: int = 0) -> list[Sample]:
    """The same with the meter's counter, which sees every second, holes included as no power."""
    joules, counters = 0.0, []
    for each in samples(*((seconds, 0 if watts is None else watts) for seconds, watts in load)):
        counters.append(first_mwh + int(joules / 3.6) // step_mwh * step_mwh)
        joules += each.power_mw / 1000
    seen = samples(*load, poll_s=poll_s)
    return [each._replace(counter_mwh=counters[(each.at_ms - START_MS) // 1000]) for each in seen]


def observed(*load: tuple[int, Watts], poll_s: int = 1) -> list[Observation]:
    return observe(samples(*load, poll_s=poll_s))


def observe(some: list[Sample]) -> list[Observation]:
    return observe_samples(some, hole_limit_ms=hole_limit_ms(poll_period_ms(some), 60_000))


def recording(*load: tuple[int, Watts], poll_s: int = 1) -> Recording:
    return Recording(tuple(samples(*load, poll_s=poll_s)), Notation("epoch"))


def quantised(*watts: float) -> Callable[[int], float]:
    """One value after the other, as a coarse meter flickers."""
    return lambda second: watts[second % len(watts)]


def drum(second: int) -> float:
    """A washing machine's drum: 8 s of turning, 7 s of rest."""
    return 180.0 if second % 15 < 8 else 3.0


def bursts(low: float, high: float, *, low_s: int, high_s: int) -> Callable[[int], float]:
    """A thermostat."""
    return lambda second: low if second % (low_s + high_s) < low_s else high


EPOCH, LOCAL = Notation("epoch"), Notation("zoned", timezone(timedelta(hours=8)))


def csv_of(some: Iterable[Sample], notation: Notation = EPOCH) -> str:
    """The file of a recording."""
    lines = (
        f"{notation.write(each.at_ms)},{each.power_mw / 1000:g},"
        f"{'' if each.counter_mwh is None else each.counter_mwh / 1000}\n"
        for each in some
    )
    return "time,power_w,energy_wh\n" + "".join(lines)
