"""What a day is measured from, gathered into one value, and the one way from there to its measured states. Pure.

The deriver gathers from the decoded rows, `recompute` from the stored bytes; both end here, and protocol does the
arithmetic. A day without evidence of its own has no record, unless it had one before.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from collector.accounts.bindings import MeasurementFact, Stretch, stretches
from collector.errors import DerivationError
from protocol.derivation import Measured, contributing, evidence_window, measure
from protocol.interval import day_bounds_ms
from protocol.lead import UNOBSERVED
from protocol.observation import covered_ms
from protocol.policy import Policy
from protocol.witness import Block, Evidence, gather, joined, within

MAX_BLOCKS = 50_000
"""Blocks that one day may be derived from. An honest agent writes about 300 a day, and at most 9 000 when its token
bucket of one interval each 10 s is never full; what is beyond is refused, so that nobody fills our memory."""


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


def measure_day(day: Day, read: Callable[[Stretch], Iterable[Block]]) -> Measured | None:
    """The day's measured states, or None where nothing was observed in the day itself.

    `read` gives the blocks of a stretch's channels that touch it, in any order. Raises DerivationError for more
    blocks than MAX_BLOCKS.
    """
    start_ms, end_ms = day_bounds_ms(day.day)
    evidence: list[Evidence] = []
    of_the_day: list[Block] = []
    for stretch in day.stretches:
        blocks = _read(stretch, read)
        evidence.append(within(gather(blocks, day.policy), stretch.start_ms, end_ms=stretch.end_ms))
        if stretch.start_ms < end_ms and start_ms < stretch.end_ms:
            bounds = max(start_ms, stretch.start_ms), min(end_ms, stretch.end_ms)
            of_the_day += [block for block in blocks if _touches(block, *bounds)]
    if not of_the_day:
        return None
    newest_ms = max(covered_ms(entry, reading)[1] for _, entry, reading in of_the_day)
    return _measure(day, joined(evidence, day.policy), blocks=of_the_day, until_ms=end_ms if day.is_over else newest_ms)


def measure_silence(day: Day) -> Measured:
    """The states of a day that lost its evidence (its channel was found to measure something else)."""
    start_ms, end_ms = day_bounds_ms(day.day)
    return _measure(day, joined([], day.policy), blocks=[], until_ms=end_ms if day.is_over else start_ms)


def _measure(day: Day, evidence: Evidence, *, blocks: Iterable[Block], until_ms: int) -> Measured:
    start_ms, end_ms = day_bounds_ms(day.day)
    return measure(
        day.day,
        evidence=evidence,
        policy=day.policy,
        lead_in=day.lead_in,
        journals=contributing(blocks, start_ms, end_ms=end_ms),
        observed_until_ms=until_ms,
    )


def _read(stretch: Stretch, read: Callable[[Stretch], Iterable[Block]]) -> list[Block]:
    blocks: list[Block] = []
    for block in read(stretch):
        if len(blocks) == MAX_BLOCKS:
            raise DerivationError(
                f"more than {MAX_BLOCKS} reading blocks touch this day; an agent that writes so many is at fault: "
                "look at its journal, then revoke or re-enrol it"
            )
        blocks.append(block)
    return blocks


def _touches(block: Block, start_ms: int, end_ms: int) -> bool:
    begin_ms, finish_ms = covered_ms(block[1], block[2])
    return begin_ms < end_ms and start_ms < finish_ms
