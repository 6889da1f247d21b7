"""Months of runs for the rules that look at power: honest instruments, and the same ones with a lie planted.

Each day goes the whole way: polled, cut into blocks by the agent, put into entries, derived by the kernel, and made a
shape. Honest habits, each on every family of instruments.py:

    free      runs of half an hour to four hours, as people come
    program   the same program every time, to some seconds: what is most like a replay without being one

Lies about one day of the last weeks:

    constant  a program that writes one number while the instrument is off
    resistor  a heater in the instrument's place, which moves with the mains by a percent
    copied    the readings of an earlier day, as they were recorded, under today's time
    played    an earlier day's power once more, measured by a real meter, with half a percent of noise
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Literal, NamedTuple

from protocol.flags.likeness import nearest
from protocol.flags.shape import Shape, shape_of
from protocol.interval import union
from protocol.policy import Policy
from protocol.timeline import derive
from protocol.witness import gather
from tests.measures.instruments import FAMILIES, Instrument, Phase, Ranges, draw, power_mw
from tests.measures.way import START_MS, Polling, blocks, entries, policy_for, polls

Habit = Literal["free", "program"]
Lie = Literal["constant", "resistor", "copied", "played"]
HABITS: tuple[Habit, ...] = ("free", "program")
LIES: tuple[Lie, ...] = ("constant", "resistor", "copied", "played")
WEEKS_BACK = 28
POLLING = Polling(every_s=2.0)


class Day(NamedTuple):
    """A day: its trace (mW, as instruments.py makes it), its shape, and how near its nearest earlier run is."""

    phases: list[Phase]
    trace: list[int]
    shape: Shape
    nearest_ppb: int | None


class Worker(NamedTuple):
    """An instrument with a habit and the policy that its calibration proposed."""

    instrument: Instrument
    habit: Habit
    policy: Policy


def workers(seed: int, *, each: int, ranges: Ranges) -> Iterator[Worker]:
    """Instruments of every family and habit; a family that no thresholds serve is left out."""
    for family in FAMILIES:
        for habit in HABITS:
            for number in range(each):
                chance = Random(f"flags/{seed}/{family}/{habit}/{number}")
                instrument = draw(family, chance, ranges)
                policy = policy_for(instrument, chance)
                if isinstance(policy, Policy):
                    yield Worker(instrument, habit, policy)


def honest_days(worker: Worker, days: int, chance: Random) -> list[Day]:
    """Days of work, one after the other."""
    made: list[Day] = []
    for _ in range(days):
        phases = _day_of(worker, chance)
        trace = power_mw(worker.instrument, phases, chance)
        made.append(add_day(worker, made, phases, trace, chance))
    return made


def add_day(worker: Worker, before: Sequence[Day], phases: list[Phase], trace: list[int], chance: Random) -> Day:
    """A day after others, from its trace."""
    shape = shape_by_meter(worker, trace, chance)
    earlier = named_runs(before)
    found = nearest(shape.runs, earlier)
    return Day(phases, trace, shape, None if found is None else found.distance_ppb)


def named_runs(before: Sequence[Day]) -> list[tuple[str, Sequence[int]]]:
    """Runs of the weeks before, by how many days ago they were."""
    recent = before[-WEEKS_BACK:]
    return [(f"{len(recent) - place} days ago", run) for place, day in enumerate(recent) for run in day.shape.runs]


def lie_about(worker: Worker, before: Sequence[Day], lie: Lie, chance: Random) -> Day:
    """One more day, which did not take place; `before` are honest ones."""
    source = max(before[-10:], key=lambda day: max(map(len, day.shape.runs), default=0))
    if lie == "copied":
        found = nearest(source.shape.runs, named_runs(before))
        return source._replace(nearest_ppb=None if found is None else found.distance_ppb)
    if lie == "played":
        trace = [round(power * (1 + 0.005 * chance.uniform(-1, 1))) for power in source.trace]
    else:
        trace = [_in_place(power, lie, worker, at, chance) for at, power in enumerate(source.trace)]
    return add_day(worker, before, source.phases, trace, chance)


def _in_place(power: int, lie: Lie, worker: Worker, at: int, chance: Random) -> int:
    """What a resistor or a constant shows where the instrument would have run or idled."""
    level = 1.4 * 1000 * worker.instrument.run_w * (3 if worker.instrument.family in ("thermostat", "relay") else 1)
    if power < 1000 * worker.instrument.idle_w * 0.8:
        return power  # it is off
    mains = 1 + 0.005 * ((at // 40 * 7919) % 13 - 6) / 6 if lie == "resistor" else 1
    return round(level * mains * (1 + (0.001 * chance.uniform(-1, 1) if lie == "resistor" else 0)))


def shape_by_meter(worker: Worker, trace: list[int], chance: Random) -> Shape:
    """What the collector has of a trace in the end."""
    samples = list(polls(trace, POLLING, chance))
    readings = list(entries(blocks(samples, worker.policy, POLLING)))
    observed = gather(readings, worker.policy).observed
    end_ms = START_MS + len(trace) * 500
    spans = derive(observed, worker.policy, start_ms=START_MS, end_ms=end_ms, lead_in="unobserved").spans
    runs, standby = (union(span[:2] for span in spans if span.state == state) for state in ("run", "standby"))
    return shape_of(observed, runs=runs, standby=standby)


def _day_of(worker: Worker, chance: Random) -> list[Phase]:
    """Off, standby and one to three runs; only the powered part of the day, for it is all that the rules look at."""
    phases = [Phase(0, 300, "off")]
    program_s = 5400 + 600 * len(worker.instrument.family)
    for _ in range(chance.randint(1, 2 if worker.habit == "program" else 3)):
        run_s = program_s + chance.uniform(-20, 20) if worker.habit == "program" else chance.uniform(1800, 14_400)
        for state, lasts_s in (("standby", chance.uniform(420, 2400)), ("run", run_s)):
            phases.append(Phase(phases[-1].end_s, phases[-1].end_s + lasts_s, state))
    begin_s = phases[-1].end_s
    return [*phases, Phase(begin_s, begin_s + 600, "standby"), Phase(begin_s + 600, begin_s + 900, "off")]
