"""The power that an instrument's channels reported, for people to look at: as received, or thinned out.

These are the readings themselves, before any policy judges them: nothing is dropped as invalid, and overlapping
blocks both appear. What counts is decided in protocol/timeline.py and never here.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from collector.accounts.blocks import load_power_facts, read_blocks
from collector.store.database import Connection
from protocol.bindings import stretches
from protocol.observation import covered_ms
from protocol.witness import Block


class PowerInterval(NamedTuple):
    """One interval of one block, in UTC ms; `delta_mwh` where the meter has a counter."""

    start_ms: int
    end_ms: int
    mean_mw: int
    low_mw: int
    high_mw: int
    delta_mwh: int | None
    origin: str
    entry_index: int


class PowerPoint(NamedTuple):
    """One step of a thinned trace: the mean weighted by time, and the true extremes inside."""

    start_ms: int
    end_ms: int
    mean_mw: int
    low_mw: int
    high_mw: int
    observed_ms: int


def read_power(connection: Connection, asset_no: str, *, start_ms: int, end_ms: int) -> Iterator[PowerInterval]:
    """Intervals that touch [start_ms, end_ms) on channels bound to the instrument at that time, by journal and index.

    The connection must be inside a transaction.
    """
    facts = load_power_facts(connection, asset_no)
    for stretch in stretches(facts, asset_no, start_ms=start_ms, end_ms=end_ms):
        for block in read_blocks(connection, stretch):
            for interval in intervals_of(block):
                if interval.start_ms < stretch.end_ms and interval.end_ms > stretch.start_ms:
                    yield interval


def intervals_of(block: Block) -> Iterator[PowerInterval]:
    """The intervals of a gauge's block."""
    origin, entry, reading = block
    assert reading.means is not None
    assert reading.lows is not None
    assert reading.highs is not None
    deltas = reading.deltas or (None,) * len(reading.durations_ms)
    start_ms, _ = covered_ms(entry, reading)
    for duration_ms, mean, low, high, delta in zip(
        reading.durations_ms, reading.means, reading.lows, reading.highs, deltas, strict=True
    ):
        end_ms = start_ms + duration_ms
        yield PowerInterval(start_ms, end_ms, mean, low, high, delta, origin, entry.index)
        start_ms = end_ms


class _Step:
    """What is known of one step while intervals come in, in any order."""

    __slots__ = ("high_mw", "low_mw", "mw_ms", "observed_ms")

    def __init__(self, interval: PowerInterval) -> None:
        self.mw_ms = 0
        self.observed_ms = 0
        self.low_mw = interval.low_mw
        self.high_mw = interval.high_mw

    def add(self, interval: PowerInterval, overlap_ms: int) -> None:
        self.mw_ms += interval.mean_mw * overlap_ms
        self.observed_ms += overlap_ms
        self.low_mw = min(self.low_mw, interval.low_mw)
        self.high_mw = max(self.high_mw, interval.high_mw)


def thin_out(intervals: Iterable[PowerInterval], *, start_ms: int, end_ms: int, max_points: int) -> list[PowerPoint]:
    """At most `max_points` equal steps over [start_ms, end_ms); steps that nobody observed are left out.

    The highest and the lowest value of the range survive, because each step keeps its own.
    """
    step_ms = max(1, -(-(end_ms - start_ms) // max_points))
    steps: dict[int, _Step] = {}
    for interval in intervals:
        first_ms, last_ms = max(interval.start_ms, start_ms), min(interval.end_ms, end_ms)
        if first_ms >= last_ms:
            continue
        for number in range((first_ms - start_ms) // step_ms, (last_ms - 1 - start_ms) // step_ms + 1):
            begin_ms = start_ms + number * step_ms
            overlap_ms = min(last_ms, begin_ms + step_ms) - max(first_ms, begin_ms)
            step = steps.get(number) or steps.setdefault(number, _Step(interval))
            step.add(interval, overlap_ms)
    return [_point(steps[number], start_ms + number * step_ms, end_ms, step_ms) for number in sorted(steps)]


def _point(step: _Step, begin_ms: int, end_ms: int, step_ms: int) -> PowerPoint:
    until_ms = min(begin_ms + step_ms, end_ms)
    # Two overlapping blocks may observe a step twice; it is still not observed for longer than it lasts.
    observed_ms = min(step.observed_ms, until_ms - begin_ms)
    mean_mw = step.mw_ms // step.observed_ms
    return PowerPoint(begin_ms, until_ms, mean_mw, step.low_mw, step.high_mw, observed_ms)
