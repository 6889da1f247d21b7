"""Grade records in the database: what bounds a day's readings, out of it, and what protocol/grading.py makes of them.

A grade record is stored in the transaction that stores the hour record, and under the same lock. Of a closed day it is
one more revision of its grades (closing.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from collector.accounts.decisions import load_decisions
from collector.clock import utc
from collector.store.database import Connection
from collector.store.queries import load
from protocol import entry as entries
from protocol import grades
from protocol.brackets import Landmark, Log, recovered_by, running
from protocol.clock_bounds import LIMIT_MS, Fix
from protocol.entry import MAX_BLOCK_MS
from protocol.grades import Decided, GradeRecord
from protocol.interval import Interval, day_bounds_ms
from protocol.observation import covered_ms
from protocol.witness import Block

_SQL = load("grades")
_FORKS = load("forks")


class Rulings(NamedTuple):
    """What people and proofs say about the seconds of a day, beside its readings (grades.py, rules 7 and 8)."""

    decisions: Sequence[Decided] = ()
    lost: Sequence[Interval] = ()


def load_rulings(connection: Connection, asset_no: str, *, day: date) -> Rulings:
    """What was ruled about a day of an instrument: the one place that the deriver and `--verify` ask."""
    start_ms, end_ms = day_bounds_ms(day)
    decided = load_decisions(connection, asset_no, start_ms=start_ms, end_ms=end_ms)
    stretch = {"asset_no": asset_no, "start": utc(start_ms), "end": utc(end_ms)}
    lost = connection.execute(_FORKS.list_lost_of_instrument, stretch).fetchall()
    return Rulings(
        [Decided(*each) for each in decided],
        [(round(start.timestamp() * 1000), round(end.timestamp() * 1000)) for start, end in lost],
    )


def put_grade(connection: Connection, record: GradeRecord, *, day: date, owner: str, why: str) -> None:
    """Store it behind its hour record; where it changed and the day is closed, as one more revision."""
    by_grade = dict(record.effective)
    values: dict[str, object] = {f"{each.lower()}_s": by_grade.get(each, 0) for each in grades.GRADES}
    values |= {
        "asset_no": record.asset,
        "day": day,
        "owner": owner,
        "why": why,
        "body": grades.encode(record),
        "lost_s": record.lost_s,
        "counted_s": record.counted_s,
        "counted_external_s": record.counted_external_s,
    }
    connection.execute(_SQL.put_grade, values)


def load_grade(connection: Connection, asset_no: str, *, day: date) -> GradeRecord | None:
    """The grade record of a day; None where it was derived before there were any."""
    row = connection.execute(_SQL.load_grade, {"asset_no": asset_no, "day": day}, binary=True).fetchone()
    return None if row is None else grades.decode(bytes(row[0]))


def load_logs(connection: Connection, blocks: Sequence[Block]) -> dict[str, Log]:
    """What bounds these blocks of one day, by origin; out of the decoded tables."""
    found = load_standings(connection, sorted({origin for origin, *_ in blocks}))
    journals = {origin: journal_id for origin, (journal_id, *_) in found.items()}
    places = _places(blocks, journals)
    receipts: dict[int, list[tuple[int, int, int]]] = {}
    for journal_id, first, size, time_ms in connection.execute(_SQL.list_receipts, places):
        receipts.setdefault(journal_id, []).append((first, size, time_ms))
    beacons: dict[int, list[tuple[str, Fix]]] = {}
    landmarks: dict[tuple[int, str], list[Landmark]] = {}
    recovered: dict[int, frozenset[int]] = {}
    for journal_id, index, boot, mono_ms, beacon_ms, start in connection.execute(
        _SQL.list_landmarks, places, binary=True
    ):
        landmarks.setdefault((journal_id, boot), []).append((index, mono_ms))
        if beacon_ms is not None:
            beacons.setdefault(journal_id, []).append((boot, Fix(index, mono_ms, beacon_ms)))
        if start is not None:
            named = recovered_by(entries.decode(bytes(start)))
            recovered[journal_id] = recovered.get(journal_id, frozenset()) | named
    for journal_id, boot, mono_ms in connection.execute(_SQL.list_earlier, _boots(blocks, journals)):
        landmarks.setdefault((journal_id, boot), []).append((-1, mono_ms))
    shifts = _load_shifts(connection, blocks, [found[each][0] for each in found if found[each][2]])
    return {
        origin: Log(
            is_whole,
            receipts.get(journal_id, ()),
            beacons.get(journal_id, ()),
            {boot: running(held) for (of, boot), held in landmarks.items() if of == journal_id},
            recovered.get(journal_id, frozenset()),
            shifts.get(journal_id, {}),
        )
        for origin, (journal_id, is_whole, _) in found.items()
    }


def load_standings(connection: Connection, origins: Sequence[str]) -> dict[str, tuple[int, bool, bool]]:
    """By origin: the journal, whether nothing about it is in doubt, whether a clock of it was corrected."""
    rows = connection.execute(_SQL.load_journals, {"origins": list(origins), "limit_ms": LIMIT_MS}).fetchall()
    return {origin: (journal_id, is_whole, is_corrected) for origin, journal_id, is_whole, is_corrected in rows}


def _places(blocks: Iterable[Block], journals: Mapping[str, int]) -> dict[str, list[int]]:
    """The first and last index of the blocks of each journal."""
    ranges: dict[str, tuple[int, int]] = {}
    for origin, entry, _ in blocks:
        low, high = ranges.get(origin, (entry.index, entry.index))
        ranges[origin] = min(low, entry.index), max(high, entry.index)
    return {
        "journals": [journals[origin] for origin in ranges],
        "lows": [low for low, _ in ranges.values()],
        "highs": [high for _, high in ranges.values()],
    }


def _boots(blocks: Iterable[Block], journals: Mapping[str, int]) -> dict[str, list[object]]:
    """Of each boot its lowest index and the earliest monotonic ms at which a block was written."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for origin, entry, _ in blocks:
        boot = origin, entry.boot
        index, mono_ms = found.get(boot, (entry.index, entry.mono_ms))
        if boot not in found or entry.index < index or entry.mono_ms < mono_ms:
            found[boot] = min(index, entry.index), min(mono_ms, entry.mono_ms)
    return {
        "journals": [journals[origin] for origin, _ in found],
        "boots": [boot for _, boot in found],
        "lows": [index for index, _ in found.values()],
        "mono_mss": [mono_ms for _, mono_ms in found.values()],
    }


def _load_shifts(
    connection: Connection, blocks: Iterable[Block], corrected: Sequence[int]
) -> dict[int, dict[int, int]]:
    """What was added to clocks, by journal and index, of journals of which some was corrected."""
    if not corrected:
        return {}
    covered = [covered_ms(entry, reading) for _, entry, reading in blocks]
    around: dict[str, object] = {
        "journals": corrected,
        "earliest": utc(min(start for start, _ in covered) - MAX_BLOCK_MS),
        "end": utc(max(end for _, end in covered)),
    }
    found: dict[int, dict[int, int]] = {}
    for journal_id, index, shift_ms in connection.execute(_SQL.list_shifts, around):
        found.setdefault(journal_id, {})[index] = shift_ms
    return found
