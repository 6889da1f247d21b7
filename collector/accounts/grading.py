"""The grade record of a derived day: what bounds its readings, out of the database, and protocol/grades.py over it.

In the transaction that stores the hour record, and under the same lock. `decisions` and `lost` come from where people
rule and where forks are proved.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple

from collector.accounts.blocks import utc
from collector.store.database import Connection
from collector.store.queries import load
from protocol import entry as entries
from protocol import grades
from protocol.attribution import attribute
from protocol.clock_bounds import LIMIT_MS, Fix
from protocol.derivation import Measured, effective_spans
from protocol.entry import MAX_BLOCK_MS, Entry, Reading
from protocol.grades import Decided, GradedBlock, GradeRecord, is_ruly
from protocol.hours import HourRecord
from protocol.interval import Interval, day_bounds_ms
from protocol.policy import Policy
from protocol.said import Said, claims_of
from protocol.witness import Block

_SQL = load("grades")


class _Log(NamedTuple):
    """What bounds the entries of one log in a range; `receipts` (first, size, UTC ms) and `fixes` in their order."""

    is_whole: bool
    receipts: list[tuple[int, int, int]]
    fixes: list[tuple[str, Fix]]
    recovered: frozenset[int]
    shifts: dict[int, int]

    def received_ms(self, index: int) -> int | None:
        """When the first receipt over an entry was given."""
        at = bisect_right(self.receipts, index, key=itemgetter(0)) - 1
        return self.receipts[at][2] if at >= 0 and index < self.receipts[at][1] else None

    def beacon(self, index: int) -> tuple[str, Fix] | None:
        """The newest beacon at or before an entry."""
        at = bisect_right(self.fixes, index, key=lambda each: each[1].entry_index)
        return self.fixes[at - 1] if at else None


def grade_day(
    connection: Connection,
    record: HourRecord,
    raw: bytes,
    *,
    blocks: Sequence[Block],
    measured: Measured,
    said: Said,
    policy: Policy,
    decisions: Sequence[Decided] = (),
    lost: Sequence[Interval] = (),
) -> GradeRecord:
    """The grade record; `blocks` are those that touch the day, as they were read for deriving it."""
    start_ms, end_ms = day_bounds_ms(measured.day)
    claims = claims_of(said, record.asset, measured.day, reached=measured.reached).claims

    def external_of(part: list[Interval]) -> int:
        served = attribute(part, claims, split=policy.split)
        return sum(line.seconds for line in served if line.standing in ("claimed", "verified"))

    logs = _load_logs(connection, blocks, start_ms=start_ms, end_ms=end_ms)
    return grades.grade(
        record,
        raw,
        blocks=list(bound(blocks, logs)),
        limits=policy.grades,
        day_start_ms=start_ms,
        effective=effective_spans(record.spans, record.classes, policy),
        external_of=external_of,
        decisions=decisions,
        lost=lost,
    )


def put_grade(connection: Connection, record: GradeRecord, *, day: date) -> bool:
    """Store it; whether anything changed."""
    by_grade = dict(record.effective)
    values: dict[str, object] = {f"{each.lower()}_s": by_grade.get(each, 0) for each in grades.GRADES}
    values |= {
        "asset_no": record.asset,
        "day": day,
        "body": grades.encode(record),
        "lost_s": record.lost_s,
        "counted_s": record.counted_s,
        "counted_external_s": record.counted_external_s,
    }
    return connection.execute(_SQL.put_grade, values).rowcount > 0


def load_grade(connection: Connection, asset_no: str, *, day: date) -> GradeRecord | None:
    """The grade record of a day; None where it was derived before there were any."""
    row = connection.execute(_SQL.load_grade, {"asset_no": asset_no, "day": day}, binary=True).fetchone()
    return None if row is None else grades.decode(bytes(row[0]))


def touch_days_of_journal(connection: Connection, journal_id: int) -> None:
    """A log came into doubt, or out of it: the days that rest on it are derived again."""
    connection.execute(_SQL.touch_days_of_journal, {"journal_id": journal_id})


def bound(blocks: Iterable[Block], logs: dict[str, _Log]) -> Iterable[GradedBlock]:
    """Each block with its bounds; `blocks` by origin and index."""
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


def _load_logs(connection: Connection, blocks: Sequence[Block], *, start_ms: int, end_ms: int) -> dict[str, _Log]:
    ranges: dict[str, tuple[int, int]] = {}
    for origin, entry, _ in blocks:
        low, high = ranges.get(origin, (entry.index, entry.index))
        ranges[origin] = min(low, entry.index), max(high, entry.index)
    if not ranges:
        return {}
    values = {"origins": list(ranges), "limit_ms": LIMIT_MS}
    found = connection.execute(_SQL.load_journals, values).fetchall()
    places: dict[str, object] = {
        "journals": [row[1] for row in found],
        "lows": [ranges[row[0]][0] for row in found],
        "highs": [ranges[row[0]][1] for row in found],
    }
    logs = {row[1]: _Log(row[2], [], [], frozenset(), {}) for row in found}
    for journal_id, *receipt in connection.execute(_SQL.list_receipts, places):
        logs[journal_id].receipts.append((receipt[0], receipt[1], receipt[2]))
    for journal_id, boot, *fix in connection.execute(_SQL.list_beacons, places):
        logs[journal_id].fixes.append((boot, Fix(*fix)))
    for journal_id, body in connection.execute(_SQL.list_starts, places, binary=True):
        logs[journal_id] = logs[journal_id]._replace(recovered=logs[journal_id].recovered | _recovered(bytes(body)))
    wrong = [row[1] for row in found if row[3]]
    if wrong:
        around = {"journals": wrong, "earliest": utc(start_ms - MAX_BLOCK_MS), "end": utc(end_ms)}
        for journal_id, index, shift_ms in connection.execute(_SQL.list_shifts, around):
            logs[journal_id].shifts[index] = shift_ms
    return {row[0]: logs[row[1]] for row in found}


def _recovered(raw: bytes) -> frozenset[int]:
    body = entries.decode(raw).body
    return frozenset(index for _, index in body.recovered) if isinstance(body, entries.Start) else frozenset()
