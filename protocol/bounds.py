"""What bounds the time of readings: receipts from above, beacons from below, and the rule on what they may cover. Pure.

The collector takes receipts and beacons out of its database, the auditor out of a bundle; from here on both do the same
arithmetic (grades.py says what the bounds are worth).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple

from protocol.attribution import attribute
from protocol.clock_bounds import Fix
from protocol.derivation import Measured, effective_spans
from protocol.entry import Entry, Reading
from protocol.grades import Decided, GradedBlock, GradeRecord, grade, is_ruly
from protocol.hours import HourRecord
from protocol.interval import Interval, day_bounds_ms
from protocol.policy import Policy
from protocol.said import Said, claims_of
from protocol.witness import Block


class LogBounds(NamedTuple):
    """What bounds the entries of one log.

    `receipts` (first, size, UTC ms): the entries of [first, size) were receipted then, for the first time; `beacons`: the
    verified ones with the boot in which they were journalled; both in their order. `recovered`: indexes of readings that
    were saved after a crash; `shifts`: by how many ms the clock of an entry was corrected. `is_whole`: nothing about the
    log is in doubt.
    """

    is_whole: bool
    receipts: Sequence[tuple[int, int, int]]
    beacons: Sequence[tuple[str, Fix]]
    recovered: frozenset[int]
    shifts: Mapping[int, int]

    def received_ms(self, index: int) -> int | None:
        """When the first receipt over an entry was given."""
        at = bisect_right(self.receipts, index, key=itemgetter(0)) - 1
        return self.receipts[at][2] if at >= 0 and index < self.receipts[at][1] else None

    def beacon(self, index: int) -> tuple[str, Fix] | None:
        """The newest beacon at or before an entry."""
        at = bisect_right(self.beacons, index, key=lambda each: each[1].entry_index)
        return self.beacons[at - 1] if at else None


def bound(blocks: Iterable[Block], logs: Mapping[str, LogBounds]) -> Iterator[GradedBlock]:
    """Each block with its bounds; `blocks` by origin and index, each of a log that is known."""
    ended: dict[tuple[str, str, str, str], int] = {}
    for origin, entry, reading in blocks:
        log = logs[origin]
        shown = (origin, entry.boot, reading.watcher, reading.channel)
        end_mono_ms = reading.start_mono_ms + sum(reading.durations_ms)
        ruly = is_ruly(reading.start_mono_ms, end_mono_ms, written_ms=entry.mono_ms, before_ms=ended.get(shown))
        ended[shown] = max(end_mono_ms, ended.get(shown, 0))
        beacon = log.beacon(entry.index)
        yield GradedBlock(
            start_ms=_utc_of(entry, reading.start_mono_ms),
            end_ms=_utc_of(entry, end_mono_ms),
            edges_ms=_edges(entry, reading),
            received_ms=log.received_ms(entry.index),
            beacon_ms=None if beacon is None else beacon[1].time_ms,
            error_ms=_error_ms(entry, beacon, log.shifts.get(entry.index, 0)),
            is_recovered=entry.index in log.recovered,
            is_ruly=ruly,
            is_whole=log.is_whole,
        )


def grade_measured(
    record: HourRecord,
    raw: bytes,
    *,
    blocks: Iterable[Block],
    logs: Mapping[str, LogBounds],
    measured: Measured,
    said: Said,
    policy: Policy,
    decisions: Sequence[Decided] = (),
    lost: Sequence[Interval] = (),
) -> GradeRecord:
    """The grade record of a derived day; `raw` are the record's bytes, `blocks` those that touch the day, by origin
    and index."""
    claims = claims_of(said, record.asset, measured.day, reached=measured.reached).claims

    def external_of(part: list[Interval]) -> int:
        served = attribute(part, claims, split=policy.split)
        return sum(line.seconds for line in served if line.standing in ("claimed", "verified"))

    return grade(
        record,
        raw,
        blocks=list(bound(blocks, logs)),
        limits=policy.grades,
        day_start_ms=day_bounds_ms(measured.day)[0],
        effective=effective_spans(record.spans, record.classes, policy),
        external_of=external_of,
        decisions=decisions,
        lost=lost,
    )


def _error_ms(entry: Entry, beacon: tuple[str, Fix] | None, shift_ms: int) -> int | None:
    """Of the entry's own clock, against the newest beacon of its boot; what was corrected counts whole."""
    if shift_ms:
        return -shift_ms
    if beacon is None or beacon[0] != entry.boot:
        return None
    return entry.wall_ms - entry.mono_ms - beacon[1].offset_ms


def _edges(entry: Entry, reading: Reading) -> tuple[int, ...]:
    start_ms = _utc_of(entry, reading.start_mono_ms)
    return tuple(accumulate(reading.durations_ms[:-1], initial=start_ms))


def _utc_of(entry: Entry, mono_ms: int) -> int:
    return entry.wall_ms - entry.mono_ms + mono_ms
