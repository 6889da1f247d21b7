"""The whole way of a synthetic day: polled, cut into blocks by the agent, put into entries, derived by the kernel."""

from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import NamedTuple

from agent.calibration.policy_file import write_policy
from agent.calibration.verdict import Phases
from agent.calibration.yardstick import find
from agent.clock import Instant
from agent.reading import Block, BlockBuilder, Channel, Sample
from protocol.entry import Reading, make
from protocol.interval import Interval, day_bounds_ms, intersect, length, local_day, subtract, union
from protocol.observation import Observation
from protocol.policy import MS_PER_HOUR, Policy, parse_policy
from protocol.timeline import derive
from protocol.witness import gather
from tests.measures.instruments import STEP_S, Instrument, Phase, guided, power_mw

START_MS = day_bounds_ms(local_day(1_772_000_000_000))[0]
JITTER_S = 0.15
COUNTER_STEP_MWH = 1000
OUTAGE_S = 1200


class Polling(NamedTuple):
    """How the meter is read: each so many seconds, with this share of polls lost, and so many outages of 20 minutes."""

    every_s: float = 2.0
    loss: float = 0.0
    outages: int = 0


class Score(NamedTuple):
    """Seconds of run by truth and by the kernel, where observed; and what it claims of unobserved time (must be 0)."""

    true_s: float
    found_s: float
    over_unobserved_s: float
    intervals: int

    @property
    def error(self) -> float:
        """By how much of the truth the hours are wrong."""
        return abs(self.found_s - self.true_s) / self.true_s


def policy_for(instrument: Instrument, chance: Random, *, every_s: float = 2.0) -> Policy | str:
    """What a guided calibration proposes for this instrument, or why no thresholds serve."""
    phases = guided()
    trace = power_mw(instrument, phases, chance)
    samples = list(polls(trace, Polling(every_s), chance))
    observed = [_observation(before, after) for before, after in pairwise(samples)]
    off, idle, run, _ = map(_in_ms, phases)
    finding = find(observed, poll_ms=round(every_s * 1000), phases=Phases(off, idle, run))
    if finding.proposal is None or not finding.serves:
        return "; ".join(finding.objections)
    return parse_policy(write_policy(finding, finding.proposal, name=instrument.family))


def _observation(before: Sample, after: Sample) -> Observation:
    """What the kernel takes from two samples."""
    power_mw, counter_mwh = int(after.value), after.counter_mwh
    risen_mwh = counter_mwh - before.counter_mwh if counter_mwh is not None and before.counter_mwh is not None else None
    return Observation(before.at.wall_ms, after.at.wall_ms, power_mw, power_mw, power_mw, risen_mwh, counter_mwh)


def score(instrument: Instrument, phases: list[Phase], policy: Policy, *, polling: Polling, chance: Random) -> Score:
    """Run one day all the way, and hold it against the truth where anything was observed."""
    samples = list(polls(power_mw(instrument, phases, chance), polling, chance))
    readings = list(entries(blocks(samples, policy, polling)))
    evidence = gather(readings, policy)
    spans = derive(
        evidence.observed, policy, start_ms=START_MS, end_ms=START_MS + 86_400_000, lead_in="unobserved"
    ).spans
    found = [(span.start_ms, span.end_ms) for span in spans if span.state == "run"]
    unobserved = [(span.start_ms, span.end_ms) for span in spans if span.state == "unobserved"]
    truth = union(_in_ms(each) for each in phases if each.state == "run")
    return Score(
        true_s=length(subtract(truth, unobserved)) / 1000,
        found_s=length(found) / 1000,
        over_unobserved_s=length(intersect(union(found), _dark(samples, policy.gap_ms))) / 1000,
        intervals=sum(len(reading.durations_ms) for _, _, reading in readings),
    )


def _in_ms(phase: Phase) -> Interval:
    return START_MS + round(phase.start_s * 1000), START_MS + round(phase.end_s * 1000)


def polls(trace: list[int], polling: Polling, chance: Random) -> Iterator[Sample]:
    """Samples of the trace with a counter of whole watt-hours; what an outage or a loss takes does not appear."""
    end_s = len(trace) * STEP_S
    outages = [(start_s, start_s + OUTAGE_S) for start_s in _outages(polling.outages, end_s, chance)]
    energy_mw_s = 0.0
    counted = 0
    at_s = 0.0
    while at_s + JITTER_S < end_s:
        asked_s = at_s + chance.uniform(0, JITTER_S)
        step = int(asked_s / STEP_S)
        while counted < step:
            energy_mw_s += trace[counted] * STEP_S
            counted += 1
        lost = chance.random() < polling.loss or any(start <= asked_s < end for start, end in outages)
        at_s += polling.every_s
        if lost:
            continue
        energy_mwh = energy_mw_s * 1000 / MS_PER_HOUR
        counter_mwh = int(energy_mwh) // COUNTER_STEP_MWH * COUNTER_STEP_MWH
        at = Instant(START_MS + round(asked_s * 1000), 1_000_000 + round(asked_s * 1000))
        yield Sample("meter1", "power", at, trace[step], counter_mwh)


def _outages(number: int, end_s: float, chance: Random) -> list[float]:
    """Starts of outages that do not touch: one in each equal part of the day."""
    part_s = end_s / max(1, number)
    return [part_s * each + chance.uniform(0, part_s - OUTAGE_S - 60) for each in range(number)]


def blocks(samples: list[Sample], policy: Policy, polling: Polling) -> Iterator[Block]:
    builder = BlockBuilder("meter1", Channel("power", "gauge", round(polling.every_s * 1000)), levels=policy.levels())
    for sample in samples:
        yield from (each for each in builder.add(sample) if isinstance(each, Block))
    yield from builder.close()


def entries(blocks: Iterator[Block]) -> Iterator[tuple[str, object, Reading]]:
    for index, block in enumerate(blocks):
        at = block.at
        entry = make(block.reading, index=index, wall_ms=at.wall_ms, mono_ms=at.mono_ms, boot="0000000a")
        yield "x/a/em-01/1", entry, block.reading


def _dark(samples: list[Sample], gap_ms: int) -> list[tuple[int, int]]:
    """Where no sample came for longer than the policy bears, by the samples themselves."""
    walls = [sample.at.wall_ms for sample in samples]
    holes = zip([START_MS, *walls], [*walls, START_MS + 86_400_000], strict=True)
    return union((start, end) for start, end in holes if end - start > gap_ms)
