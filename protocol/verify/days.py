"""The hour records of a bundle held against what its entries, facts and policies give, byte for byte. Pure.

Records are read in their order beside the chain of days (protocol/chain.py), one day in memory at a time; the grade
records beside them. A record that differs is false, unless it names something that the bundle does not hold: then it
cannot be shown. The records of the day before the first and of the day after the last hand over what the chain needs;
they are proved by their closing alone.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Final, NamedTuple

import msgspec

from protocol import grades, hours
from protocol.brackets import Log
from protocol.chain import ChainDay, Recomputed, bounded, chain
from protocol.errors import ForeignBytesError, MalformedRecord
from protocol.grades import Decided, GradeRecord
from protocol.grading import grade_day
from protocol.history import History
from protocol.hours import HourRecord
from protocol.hours_table import Row
from protocol.interval import DAY_S
from protocol.lead import UNOBSERVED
from protocol.log_leaf import Closed
from protocol.phases import NOTHING, UNKNOWN
from protocol.verify.beside import Ahead, Table
from protocol.verify.blocks import Blocks
from protocol.verify.container import Held
from protocol.verify.journal import Journal
from protocol.verify.layout import CLOSED, GRADES, RECORDS, TABLE, Manifest, parse_closing
from protocol.verify.line_files import Note, read_lines
from protocol.verify.log_proofs import Head, NoCheckpoint, check_closing
from protocol.verify.said_book import SaidBook
from protocol.verify.unreceipted import unreceipted

MAX_DAYS: Final = 40_000
_KEPT_SPANS: Final = 2_000
_ONE_DAY: Final = timedelta(days=1)
_DOUBT: Final = "log in doubt"
_MAX_DOUBTED: Final = 6


class Numbers(NamedTuple):
    """The numbers of the checks that are made here."""

    closed: int
    hours: int
    grades: int
    table: int


class ShownDay(NamedTuple):
    """A day as its record in the bundle states it; `is_recomputed`: the evidence gave the very same bytes."""

    day: str
    record: HourRecord | None
    sha256: str
    is_recomputed: bool
    revision: int | None
    by_grade: Mapping[str, int]
    counted_s: int | None
    counted_external_s: int | None


class _Closing(NamedTuple):
    revision: int
    sha256: str
    grades: str
    leaf: Closed


@dataclass
class Evidence:
    """Everything proved so far that days are made of."""

    held: Held
    manifest: Manifest
    heads: Mapping[str, Head]
    history: History
    book: SaidBook
    blocks: Blocks
    journals: Sequence[Journal]
    decisions: Sequence[Decided] = ()


class _Stated(NamedTuple):
    """What is known of a record before the chain comes to it."""

    sha256: str
    until: int


class Days:
    """One bundle's days."""

    def __init__(self, evidence: Evidence, numbers: Numbers, note: Note, count: Callable[[int, str], None]) -> None:
        self._evidence, self._numbers, self._note, self._count = evidence, numbers, note, count
        self._first, self._last = evidence.manifest.first_day, evidence.manifest.last_day
        self._lead: HourRecord | None = None
        self._tail: HourRecord | None = None
        self._stated: dict[date, _Stated] = {}
        self._closings: dict[str, _Closing] = {}
        self._whole = {journal.origin: self._bounds(journal) for journal in evidence.journals}

    def run(self) -> Iterator[ShownDay]:
        """Every day with a record or evidence, in order."""
        self._read_closings()
        for day, record, raw in self._records(self._note):
            self._take(day, record, raw)
        for day in self._stated:
            self._check_closed(day)
        for closed in sorted(set(self._closings) - {day.isoformat() for day in self._stated}):
            self._note(self._numbers.closed, "record-missing", RECORDS, day=closed)
        yield from self._compare()

    # 1: what closes the days

    def _read_closings(self) -> None:
        seen: set[tuple[str, int]] = set()
        for place, raw in read_lines(self._evidence.held, CLOSED, self._note, self._numbers.closed):
            try:
                closing = parse_closing(raw)
                leaf = check_closing(closing, self._evidence.manifest.asset, self._evidence.heads)
            except NoCheckpoint as error:
                self._note(self._numbers.closed, "proof-missing", place, why=str(error))
                continue
            except ForeignBytesError as error:
                self._note(self._numbers.closed, "closing-false", place, why=str(error))
                continue
            if (closing.day, closing.revision) in seen:
                self._note(self._numbers.closed, "closing-twice", place, day=closing.day)
                continue
            seen.add((closing.day, closing.revision))
            self._count(self._numbers.closed, "closings")
            before = self._closings.get(closing.day)
            if before is None or before.revision < closing.revision:
                self._closings[closing.day] = _Closing(closing.revision, closing.sha256, closing.grades, leaf)

    # 2: the records as they are stated

    def _records(self, note: Note) -> Iterator[tuple[date, HourRecord, bytes]]:
        """Those that can be read and stand in their order."""
        before = ""
        for place, raw in read_lines(self._evidence.held, RECORDS, note, self._numbers.hours):
            try:
                record = hours.decode(raw)
                if record.asset != self._evidence.manifest.asset or record.day <= before:
                    raise MalformedRecord(f"{record.asset} {record.day} does not belong behind {before or 'nothing'}")
            except ForeignBytesError as error:
                note(self._numbers.hours, "record-form", place, why=str(error))
                continue
            before = record.day
            yield date.fromisoformat(record.day), record, raw

    def _take(self, day: date, record: HourRecord, raw: bytes) -> None:
        if day == self._first - _ONE_DAY:
            self._lead = record
        elif day == self._last + _ONE_DAY:
            self._tail = record
        elif not self._first <= day <= self._last:
            self._note(self._numbers.hours, "record-outside", RECORDS, day=record.day)
            return
        self._stated[day] = _Stated(hashlib.sha256(raw).hexdigest(), record.until)

    def _check_closed(self, day: date) -> None:
        stated, name = self._stated[day], day.isoformat()
        closing = self._closings.get(name)
        if closing is None:
            word = "day-open" if stated.until < DAY_S else "day-not-closed"
            self._note(self._numbers.closed, word, RECORDS, day=name)
        elif closing.sha256 != stated.sha256:
            self._note(
                self._numbers.closed, "closing-differs", RECORDS, day=name, found=stated.sha256, closed=closing.sha256
            )
        else:
            self._count(self._numbers.closed, "days")

    # 3: what the evidence gives

    def _compare(self) -> Iterator[ShownDay]:
        records, stated_grades = Ahead(self._records(_told_before)), Ahead(self._grades())
        table = Table(read_lines(self._evidence.held, TABLE, self._note, self._numbers.table))
        for found in self._chain():
            if not self._first <= found.day <= self._last:
                continue
            stated = records.at(found.day)
            grade = stated_grades.at(found.day)
            if stated is None and found.record is None:
                continue
            if stated is not None:
                self._check_row(table, self._row(stated, grade))
            yield self._shown(found, stated, grade)
        for day, skipped in (*stated_grades.skipped, *stated_grades.rest()):
            stated_day = self._stated.get(day)
            if stated_day is None or stated_day.sha256 != skipped.record:
                self._note(self._numbers.grades, "grade-of-another", GRADES, day=day.isoformat())
        if TABLE not in self._evidence.held:
            self._note(self._numbers.table, "table-missing", TABLE)
        elif RECORDS not in self._evidence.held:
            self._note(self._numbers.table, "table-alone", TABLE)
        elif not table.is_over():
            self._note(self._numbers.table, "table-differs", TABLE, why=table.why)

    def _chain(self) -> Iterator[Recomputed]:
        evidence = self._evidence
        return chain(
            evidence.manifest.asset,
            self._days(),
            history=evidence.history,
            read=lambda stretch: bounded(evidence.blocks.read(stretch)),
            lead=self._lead,
            tail=self._tail,
        )

    def _days(self) -> Iterator[ChainDay]:
        evidence = self._evidence
        inside = {day for day in self._stated if self._first <= day <= self._last}
        touched = {day for day in evidence.blocks.days | evidence.book.hand_days if self._first <= day <= self._last}
        for day in sorted(inside | touched):
            said = evidence.book.said_on(day, evidence.history.owner_on(day))
            stated = self._stated.get(day)
            is_due = stated is not None or evidence.book.is_by_hand(said, day)
            is_over = stated is None or stated.until == DAY_S
            yield ChainDay(day, said, day in evidence.blocks.days, is_due, is_over)

    def _row(self, stated: tuple[HourRecord, bytes], grade: tuple[GradeRecord, bytes] | None) -> Row:
        record, raw = stated
        closing = self._closings.get(record.day)
        self._count(self._numbers.table, "lines")
        return Row(record, raw, None if closing is None else closing.revision, None if grade is None else grade[0])

    def _check_row(self, table: Table, row: Row) -> None:
        if TABLE in self._evidence.held and not table.holds(row):
            lacks = row.grades is None or row.revision is None
            word = "table-unchecked" if lacks else "table-differs"
            self._note(self._numbers.table, word, TABLE, day=row.record.day, why=table.why)

    def _shown(
        self, found: Recomputed, stated: tuple[HourRecord, bytes] | None, grade: tuple[GradeRecord, bytes] | None
    ) -> ShownDay:
        name = found.day.isoformat()
        self._count(self._numbers.hours, "days")
        if stated is None:
            self._note(self._numbers.hours, "record-missing", RECORDS, day=name)
            return ShownDay(name, None, "", False, None, {}, None, None)
        record, raw = stated
        is_equal = isinstance(found.record, HourRecord) and hours.encode(found.record) == raw
        if not is_equal:
            self._tell_difference(found, record, raw)
        self._check_grade(found, raw, grade, is_equal=is_equal)
        closing = self._closings.get(name)
        shown = None if grade is None else grade[0]
        return ShownDay(
            name,
            record if len(record.spans) <= _KEPT_SPANS else msgspec.structs.replace(record, told=()),
            hashlib.sha256(raw).hexdigest(),
            is_equal,
            None if closing is None else closing.revision,
            {} if shown is None else dict(shown.effective),
            None if shown is None else shown.counted_s,
            None if shown is None else shown.counted_external_s,
        )

    def _tell_difference(self, found: Recomputed, record: HourRecord, raw: bytes) -> None:
        """Whether a record is false or cannot be shown."""
        lacking = self._lacking(record)
        if lacking:
            self._note(self._numbers.hours, "evidence-missing", RECORDS, day=record.day, what=lacking)
        else:
            what = difference(raw, found.record)
            self._note(self._numbers.hours, "record-differs", RECORDS, day=record.day, what=what)

    def _lacking(self, record: HourRecord) -> str:
        """What a record names that the bundle does not hold; empty where it holds everything."""
        held = {journal.origin: journal for journal in self._evidence.journals}
        for origin, first, last in record.journals:
            if origin not in held:
                return f"{origin} is not in the bundle"
            if first < held[origin].first or last >= held[origin].end:
                shown = held[origin]
                return f"entries {first} to {last} of {origin}: the bundle shows {shown.first} to {shown.end - 1}"
        for ref in record.facts:
            if not self._holds(ref, held):
                return f"{ref} is not in the bundle"
        takes_over = (record.lead_in, record.phase_in) != (UNOBSERVED, UNKNOWN)
        if record.day == self._first.isoformat() and self._lead is None and takes_over:
            return "the record of the day before is not in the bundle"
        if record.day == self._last.isoformat() and self._tail is None and record.follow != NOTHING:
            return "the record of the day after is not in the bundle"
        policy = f"policy/{record.policy}.json"
        if policy in self._evidence.manifest.files and policy not in self._evidence.held:
            return f"{policy} is not in the bundle"
        if self._evidence.history.policy_on(date.fromisoformat(record.day)) is None:
            return "no policy in the bundle holds on this day"
        return ""

    def _holds(self, ref: str, held: Mapping[str, Journal]) -> bool:
        if ref.startswith("fact:"):
            return ref in self._evidence.book
        origin, _, index = ref.removeprefix("entry:").rpartition("#")
        journal = held.get(origin)
        return journal is not None and index.isdecimal() and journal.first <= int(index) < journal.end

    # 4: grades

    def _grades(self) -> Iterator[tuple[date, GradeRecord, bytes]]:
        before = ""
        for place, raw in read_lines(self._evidence.held, GRADES, self._note, self._numbers.grades):
            try:
                record = grades.decode(raw)
                day = date.fromisoformat(record.day)
                if (
                    record.asset != self._evidence.manifest.asset
                    or record.day <= before
                    or day.isoformat() != record.day
                ):
                    raise MalformedRecord(f"{record.asset} {record.day} does not belong behind {before or 'nothing'}")
            except ValueError as error:
                self._note(self._numbers.grades, "grade-form", place, why=str(error))
                continue
            before = record.day
            yield day, record, raw

    def _check_grade(
        self, found: Recomputed, raw: bytes, stated: tuple[GradeRecord, bytes] | None, *, is_equal: bool
    ) -> None:
        name, number = found.day.isoformat(), self._numbers.grades
        if stated is None:
            self._note(number, "grade-missing", GRADES, day=name)
            return
        record, grade_raw = stated
        if record.record != hashlib.sha256(raw).hexdigest():
            self._note(number, "grade-of-another", GRADES, day=name)
            return
        if not is_equal:
            return  # its hour record is not what it should be, so nothing can be said of its grades
        for doubted in self._doubts(found, record):
            again = self._grade(found, raw, doubted)
            if again is not None and grades.encode(again) == grade_raw:
                self._count(number, "days")
                return
            if again is not None and record.lost_s and msgspec.structs.replace(again, lost_s=record.lost_s) == record:
                self._note(number, "lost-unshown", GRADES, day=name, seconds=str(record.lost_s))
                return
        again = self._grade(found, raw, ())
        lacking = unreceipted(found, self._whole)
        if again is not None and lacking is not None and lacking.agree(record, again):
            self._note(number, "grade-unshown", GRADES, day=name, entries=lacking.entries)
            return
        what = "" if again is None else difference(grade_raw, again)
        self._note(number, "grade-differs", GRADES, day=name, what=what)

    def _doubts(self, found: Recomputed, stated: GradeRecord) -> Iterator[tuple[str, ...]]:
        """Which logs the collector may hold in doubt: that only lowers grades, and it alone knows of reviews."""
        yield ()
        origins = sorted({origin for origin, _, _ in found.blocks})[:_MAX_DOUBTED]
        if any(span[3] == _DOUBT for span in stated.spans):
            for many in range(1, len(origins) + 1):
                yield from combinations(origins, many)

    def _grade(self, found: Recomputed, raw: bytes, doubted: Sequence[str]) -> GradeRecord | None:
        if not isinstance(found.record, HourRecord) or found.measured is None or found.policy is None:
            return None
        logs = {origin: log._replace(is_whole=origin not in doubted) for origin, log in self._whole.items()}
        return grade_day(
            found.record,
            raw,
            blocks=found.blocks,
            logs=logs,
            measured=found.measured,
            said=found.said,
            policy=found.policy,
            decisions=self._evidence.decisions,
        )

    def _bounds(self, journal: Journal) -> Log:
        return journal.bounds(shifts=self._evidence.blocks.shifts.get(journal.origin, {}))


def _told_before(*_args: object, **_values: str) -> None:
    """The records are read twice; what is wrong with them was told the first time."""


def difference(stated: bytes, again: HourRecord | GradeRecord | str | None) -> str:
    """Where a record that is stated and one that was made again (or why there is none) part."""
    if again is None:
        return "the evidence shows nothing of this day"
    if isinstance(again, str):
        return again
    is_, should = msgspec.json.decode(stated), msgspec.json.decode(msgspec.json.encode(again))
    parts = [f"{name} is {_short(is_.get(name))}, recomputed {_short(should[name])}" for name in should]
    return "; ".join(part for name, part in zip(should, parts, strict=True) if is_.get(name) != should[name])


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"
