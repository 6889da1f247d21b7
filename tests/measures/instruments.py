"""Instruments with exact truth for scoring the detection: families of loads, drawn from a seed.

The parameters of instruments for tuning and of those that are scored come from ranges that do not meet: TUNING is what
we looked at while rules and constants were chosen, SCORED is what the measures are taken from. A family is how a load
moves; its state at every instant is what the instrument is *meant* to do, pauses of its heater included.
"""

import math
from collections.abc import Callable
from random import Random
from typing import NamedTuple

STEP_S = 0.5
DAY_S = 86_400

Range = tuple[float, float]


class Ranges(NamedTuple):
    """What instruments are drawn from, in W and shares: off, idle above off, run above idle as a multiple of idle."""

    off_w: Range
    idle_w: Range
    rise: Range
    ripple: Range
    pace: Range  # stretches every period of a load


TUNING = Ranges(off_w=(0.5, 4.0), idle_w=(60, 160), rise=(1.2, 2.2), ripple=(0.01, 0.02), pace=(0.9, 1.1))
SCORED = Ranges(off_w=(4.5, 9.0), idle_w=(170, 600), rise=(0.8, 1.15), ripple=(0.021, 0.04), pace=(0.6, 0.85))


class Phase(NamedTuple):
    """[start_s, end_s) of the day in one state: off, standby or run."""

    start_s: float
    end_s: float
    state: str


class Instrument(NamedTuple):
    """One instrument of a family."""

    family: str
    off_w: float
    idle_w: float
    run_w: float  # the level that its run is about
    ripple: float
    pace: float


def draw(family: str, chance: Random, ranges: Ranges) -> Instrument:
    """Draw an instrument of a family."""
    idle_w = chance.uniform(*ranges.idle_w)
    return Instrument(
        family=family,
        off_w=chance.uniform(*ranges.off_w),
        idle_w=idle_w,
        run_w=idle_w * (1 + chance.uniform(*ranges.rise)) + 40,
        ripple=chance.uniform(*ranges.ripple),
        pace=chance.uniform(*ranges.pace),
    )


def day_of(chance: Random) -> list[Phase]:
    """A day: off, two to five stretches of being switched on with one to three runs each, off."""
    phases: list[Phase] = []
    at_s = 0.0
    for _ in range(chance.randint(2, 5)):
        states = ["off"] + ["standby", "run"] * chance.randint(1, 3) + ["standby"]
        for state in states:
            least_s, most_s = {"off": (900, 9000), "standby": (420, 3600), "run": (900, 7200)}[state]
            end_s = min(DAY_S, at_s + chance.uniform(least_s, most_s))
            if at_s < end_s:
                phases.append(Phase(at_s, end_s, state))
            at_s = end_s
    if at_s < DAY_S:
        phases.append(Phase(at_s, DAY_S, "off"))
    return phases


def guided(*, off_s: float = 300, idle_s: float = 900, run_s: float = 1800) -> list[Phase]:
    """What `calibrate` asks an operator for: off, idle and one run, and idle again."""
    ends = (off_s, off_s + idle_s, off_s + idle_s + run_s, off_s + idle_s + run_s + 300)
    return [
        Phase(0, ends[0], "off"),
        Phase(ends[0], ends[1], "standby"),
        Phase(ends[1], ends[2], "run"),
        Phase(ends[2], ends[3], "standby"),
    ]


def power_mw(instrument: Instrument, phases: list[Phase], chance: Random) -> list[int]:
    """The power in each step of STEP_S seconds."""
    load = FAMILIES[instrument.family]
    trace: list[int] = []
    for phase in phases:
        begin = len(trace)
        for step in range(begin, round(phase.end_s / STEP_S)):
            watts = load(instrument, phase.state, (step - begin) * STEP_S, chance) if phase.state != "off" else None
            level = instrument.off_w if watts is None else watts
            noise = 1 + instrument.ripple * chance.uniform(-1, 1)
            trace.append(max(0, round(1000 * level * noise)))
    return trace


Load = Callable[[Instrument, str, float, Random], float]


def _steady(instrument: Instrument, state: str, at_s: float, chance: Random) -> float:
    """A beam that is on or off; pumps add a tenth for some seconds now and then."""
    level = instrument.run_w if state == "run" else instrument.idle_w
    return level * (1.1 if at_s % (110 * instrument.pace) < 3 else 1.0)


def _gradient(instrument: Instrument, state: str, at_s: float, chance: Random) -> float:
    """A column oven that climbs and falls back, over and over."""
    if state != "run":
        return instrument.idle_w
    climbed = at_s % (540 * instrument.pace) / (540 * instrument.pace)
    return instrument.run_w * (1 + 0.9 * climbed)


def _thermostat(instrument: Instrument, state: str, at_s: float, chance: Random) -> float:
    """A heater of several times the idle power: short bursts to keep warm, long ones at work, the same peak."""
    period_s, on_s = (48, 26) if state == "run" else (260, 2)
    peak_w = instrument.idle_w + 3 * instrument.run_w
    return peak_w if at_s % (period_s * instrument.pace) < on_s * instrument.pace else instrument.idle_w


def _relay(instrument: Instrument, state: str, at_s: float, chance: Random) -> float:
    """A heater behind a relay of fixed period: idling and work differ only by the share of it that is on."""
    on_s = 0.6 if state == "run" else 0.05
    peak_w = instrument.idle_w + 3 * instrument.run_w
    return peak_w if at_s / (40 * instrument.pace) % 1 < on_s else instrument.idle_w


def _pulsed(instrument: Instrument, state: str, at_s: float, chance: Random) -> float:
    """Shots with pauses at the idle level between them."""
    if state != "run":
        return instrument.idle_w
    return instrument.run_w if at_s % (70 * instrument.pace) < 45 * instrument.pace else instrument.idle_w


def _compressor(instrument: Instrument, state: str, at_s: float, chance: Random) -> float:
    """A chiller that switches by itself all day, beneath a run that is larger than it."""
    chiller_w = 0.25 * instrument.idle_w if at_s % (700 * instrument.pace) < 240 * instrument.pace else 0.0
    return chiller_w + (1.35 * instrument.run_w if state == "run" else instrument.idle_w)


def _staged(instrument: Instrument, state: str, at_s: float, chance: Random) -> float:
    """A furnace: full power, then two levels of holding."""
    if state != "run":
        return instrument.idle_w
    place = at_s % (900 * instrument.pace) / (900 * instrument.pace)
    return instrument.run_w * (2.2 if place < 0.3 else 1.25 if place < 0.7 else 1.0)


def _wandering(instrument: Instrument, state: str, at_s: float, chance: Random) -> float:
    """A pump whose load drifts by a sixth over a quarter of an hour."""
    level = 1.3 * instrument.run_w if state == "run" else instrument.idle_w
    return level * (1 + 0.08 * math.sin(at_s / (140 * instrument.pace)))


FAMILIES: dict[str, Load] = {
    "steady": _steady,
    "gradient": _gradient,
    "thermostat": _thermostat,
    "relay": _relay,
    "pulsed": _pulsed,
    "compressor": _compressor,
    "staged": _staged,
    "wandering": _wandering,
}
