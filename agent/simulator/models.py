"""How simulated instruments draw power: seeded, and exact, because the truth that is tested against comes from here.

A model is a cycle of phases, each with the state that the instrument is meant to be in; within a phase the power moves
as such an instrument's does, within the range of its state. The ranges do not overlap, so that a policy can tell them
apart by power alone; one policy serves all three (off|standby on 40 W, off 20 W; standby|run on 550 W, off 450 W):

    power in W             off      standby     run          what moves
    electron-microscope    5–8      315–365     780–980      pumps hum; beam on, stage motors for 2 s now and then
    chromatograph          2–4      170–230     620–1500     oven follows a temperature gradient again and again
    oven                   2–3      55–330      820–2050     thermostat: short bursts idling, long ones at work

`speed` divides the length of phases, never the swing of a thermostat, and leaves each phase at least 8 s.
"""

import math
from collections.abc import Callable, Iterator
from random import Random
from typing import Literal, NamedTuple

State = Literal["off", "standby", "run"]

SEGMENT_MS = 200
SHORTEST_PHASE_MS = 8_000
JITTER = 0.15


class Segment(NamedTuple):
    """A stretch of constant power, at most SEGMENT_MS long."""

    state: State
    ms: int
    power_mw: int


class Phase(NamedTuple):
    """One state for about `length_s` at speed 1."""

    state: State
    length_s: float


class Moment(NamedTuple):
    """Where in its phase the instrument is."""

    at_s: float
    length_s: float
    chance: Random


class Model(NamedTuple):
    """An instrument: what it goes through, again and again, and how many watts it draws then."""

    cycle: tuple[Phase, ...]
    watts: dict[State, Callable[[Moment], float]]


def segments(model: Model, *, seed: int, speed: float) -> Iterator[Segment]:
    """Yield what the instrument does from its start on, without end; the same for the same arguments."""
    chance = Random(seed)  # noqa: S311 - a load, not a secret
    while True:
        for phase in model.cycle:
            scaled_ms = 1000 * phase.length_s / speed * chance.uniform(1 - JITTER, 1 + JITTER)
            ms = max(SHORTEST_PHASE_MS, round(scaled_ms))
            yield from _phase_segments(model, phase.state, ms=ms, chance=chance)


def _phase_segments(model: Model, state: State, *, ms: int, chance: Random) -> Iterator[Segment]:
    watts = model.watts[state]
    for start_ms in range(0, ms, SEGMENT_MS):
        moment = Moment(start_ms / 1000, ms / 1000, chance)
        yield Segment(state, min(SEGMENT_MS, ms - start_ms), round(watts(moment) * 1000))


def _steady(level_w: float, spread_w: float) -> Callable[[Moment], float]:
    return lambda moment: level_w + moment.chance.uniform(-spread_w, spread_w)


def _bursts(low_w: float, high_w: float, *, low_s: float, high_s: float, spread_w: float) -> Callable[[Moment], float]:
    def watts(moment: Moment) -> float:
        heating = moment.at_s % (low_s + high_s) >= low_s
        return (high_w if heating else low_w) + moment.chance.uniform(-spread_w, spread_w)

    return watts


def _pumps(moment: Moment) -> float:
    return 340 + 12 * math.sin(moment.at_s / 7) + moment.chance.uniform(-12, 12)


def _gradients(moment: Moment) -> float:
    """The oven climbs for four fifths of an injection and falls back; four injections a run, 6 s at least."""
    injection_s = max(6.0, moment.length_s / 4)
    part = moment.at_s % injection_s / injection_s
    climbed = part / 0.8 if part < 0.8 else (1 - part) / 0.2
    return 640 + 830 * climbed + moment.chance.uniform(-20, 20)


MODELS = {
    "electron-microscope": Model(
        cycle=(
            Phase("off", 1800),
            Phase("standby", 2400),
            Phase("run", 7800),
            Phase("standby", 2700),
            Phase("run", 6000),
            Phase("standby", 2400),
        ),
        watts={
            "off": _steady(6.5, 1.5),
            "standby": _pumps,
            "run": _bursts(820, 920, low_s=15, high_s=2, spread_w=40),
        },
    ),
    "chromatograph": Model(
        cycle=(
            Phase("off", 2400),
            Phase("standby", 2400),
            Phase("run", 5400),
            Phase("standby", 3000),
            Phase("run", 5400),
            Phase("standby", 3000),
            Phase("run", 5400),
            Phase("standby", 2400),
        ),
        watts={"off": _steady(3, 1), "standby": _steady(200, 30), "run": _gradients},
    ),
    "oven": Model(
        cycle=(
            Phase("off", 2400),
            Phase("standby", 4500),
            Phase("run", 6600),
            Phase("standby", 4200),
            Phase("run", 5400),
            Phase("standby", 3000),
        ),
        watts={
            "off": _steady(2.5, 0.5),
            "standby": _bursts(65, 320, low_s=6, high_s=2, spread_w=10),
            "run": _bursts(860, 2000, low_s=4, high_s=6, spread_w=40),
        },
    ),
}
