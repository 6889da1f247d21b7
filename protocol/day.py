"""What a day is measured from, gathered into one value, and the one way from there to its measured states. Pure.

The deriver gathers from the decoded rows, `recompute` from the stored bytes; both end here, and protocol does the
arithmetic. A day without evidence of its own has no record, unless it had one before or hours were
entered by hand.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from protocol.bindings import MeasurementFact, Stretch, stretches
from protocol.derivation import Measured, contributing, evidence_window, measure, reaches
from protocol.interval import day_bounds_ms
from protocol.lead import UNOBSERVED
from protocol.observation import covered_ms
from protocol.policy import Policy
from protocol.witness import Block, Evidence, gather, joined, within


class Day(NamedTuple):
    """One instrument's day and what holds for it; `is_over`: the day has ended, so its record reaches midnight."""

    asset_no: str
    day: date
    policy: Policy
    facts: Sequence[MeasurementFact]
    lead_in: str = UNOBSERVED
    is_over: bool = True

    @property
    def stretches(self) -> list[Stretch]:
        """The evidence window, cut where other channels begin to measure the instrument."""
        start_ms, end_ms = evidence_window(self.day, self.policy)
        channels = self.policy.channels()
        facts = [fact for fact in self.facts if fact.channel.channel in channels]
        return stretches(facts, self.asset_no, start_ms=start_ms, end_ms=end_ms)


class Gathered(NamedTuple):
    """Evidence over a day's window; `blocks` are those that touch the day itself."""

    evidence: Evidence
    blocks: Sequence[Block]


def gather_day(day: Day, read: Callable[[Stretch], Iterable[Block]]) -> Gathered:
    """All evidence that the day is measured by.

    `read` gives the blocks of a stretch's channels that touch it, in any order; how many it gives is its to bound.
    """
    start_ms, end_ms = day_bounds_ms(day.day)
    evidence: list[Evidence] = []
    of_the_day: list[Block] = []
    for stretch in day.stretches:
        blocks = list(read(stretch))
        evidence.append(within(gather(blocks, day.policy), stretch.start_ms, end_ms=stretch.end_ms))
        if stretch.start_ms < end_ms and start_ms < stretch.end_ms:
            bounds = max(start_ms, stretch.start_ms), min(end_ms, stretch.end_ms)
            of_the_day += [block for block in blocks if _touches(block, *bounds)]
    return Gathered(joined(evidence, day.policy), of_the_day)


def measure_day(day: Day, read: Callable[[Stretch], Iterable[Block]]) -> Measured | None:
    """The day's measured states, or None where nothing was observed in the day itself; as gather_day."""
    gathered = gather_day(day, read)
    return measure_gathered(day, gathered) if gathered.blocks else None


def measure_gathered(day: Day, gathered: Gathered) -> Measured:
    """The measured states by what was gathered; without blocks those of a silent day."""
    if not gathered.blocks:
        return measure_silence(day)
    _, end_ms = day_bounds_ms(day.day)
    if day.is_over:
        return _measure(day, gathered, until_ms=end_ms)
    return _measure(day, gathered, until_ms=max(covered_ms(entry, reading)[1] for _, entry, reading in gathered.blocks))


def measure_silence(day: Day) -> Measured:
    """The states of a day without evidence: hours were entered by hand, or its channel measured something else."""
    start_ms, end_ms = day_bounds_ms(day.day)
    return _measure(day, Gathered(joined([], day.policy), ()), until_ms=end_ms if day.is_over else start_ms)


def _measure(day: Day, gathered: Gathered, *, until_ms: int) -> Measured:
    start_ms, end_ms = day_bounds_ms(day.day)
    return measure(
        day.day,
        evidence=gathered.evidence,
        policy=day.policy,
        lead_in=day.lead_in,
        journals=contributing(gathered.blocks, start_ms, end_ms=end_ms),
        reached=reaches(gathered.blocks, start_ms, end_ms=end_ms),
        observed_until_ms=until_ms,
    )


def _touches(block: Block, start_ms: int, end_ms: int) -> bool:
    begin_ms, finish_ms = covered_ms(block[1], block[2])
    return begin_ms < end_ms and start_ms < finish_ms
