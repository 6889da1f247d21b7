"""Readings and declarations once more, from the stored entries: what was dropped, or a fault left out, comes back.

Journal by journal, each in a transaction of its own: its rows of the period go, its stored entries are decoded as
ingest decodes them, and those that start in the period are copied in. Ingest may go on: only entries below the size
that was read first are touched, and whatever comes later is of ingest's making. Memory holds one portion of rows,
however long the journal. All entries are read, whenever they were received: a clock may have been ahead.

The days that the rows decide are marked for the deriver: it finds the records that it had, or what was left out.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import NamedTuple

from collector.clock import utc
from collector.errors import StoreError
from collector.ingest import rows
from collector.ingest.clocks import bounds_of, note_clocks, widen
from collector.ingest.declarations import Declared, store_declarations
from collector.ingest.held import open_bundle
from collector.ingest.landmarks import Marked, is_landmark, store_landmarks
from collector.ingest.prepare import Touch
from collector.store.database import DIRTY_DAY_CHANNEL, Connection
from collector.store.queries import load
from protocol.clock_bounds import Fix, clocks_of, shift_ms
from protocol.days_decided import DECIDES_AFTER_MS, DECIDES_BEFORE_MS, days_decided
from protocol.entry import MAX_BLOCK_MS, Declaration, Entry, Reading, decode
from protocol.errors import MalformedEntry
from protocol.interval import day_bounds_ms
from protocol.keys import VerifierKey
from protocol.observation import covered_ms

_PORTION_ROWS = 2_000
_BUNDLES_AT_ONCE = 50
_SQL = load("rebuild")
_INGEST = load("ingest")
_LAYOUT = load("layout")
_CLOCKS = load("clocks")


class Period(NamedTuple):
    """[start_ms, end_ms) in UTC, in which a reading starts."""

    start_ms: int
    end_ms: int

    @classmethod
    def deciding(cls, first_day: date, last_day: date) -> "Period":
        """All the readings that local days are derived from: hours before and after decide them as well."""
        start_ms, end_ms = day_bounds_ms(first_day)[0], day_bounds_ms(last_day)[1]
        return cls(start_ms - DECIDES_AFTER_MS - MAX_BLOCK_MS, end_ms + DECIDES_BEFORE_MS)

    def as_values(self) -> dict[str, datetime]:
        start_at, end_at = (utc(at_ms) for at_ms in self)
        return {"start": start_at, "end": end_at}


class Rebuilt(NamedTuple):
    """What became of one journal: its rows in the period before and after."""

    origin: str
    removed: int
    stored: int


def rebuild(connection: Connection, period: Period, *, receipt_key: VerifierKey) -> Iterator[Rebuilt]:
    """Rebuilds the readings of every journal; the period counts as whole when the last one is done.

    `receipt_key` is the one that beacons count by.

    Raises StoreError while another rebuild runs. Where it is broken off, what was done stays, and the period is as
    absent as it was before.
    """
    row = connection.execute(_SQL.try_lock).fetchone()
    if row is None or not row[0]:
        raise StoreError("another rebuild-readings is at work on this database: wait until it has ended")
    connection.execute(_LAYOUT.hold_back_dropping)
    for journal_id, origin, agent_id, size in connection.execute(_SQL.list_journals).fetchall():
        with connection.transaction():
            counts = _rebuild_journal(connection, period, (journal_id, origin, agent_id, size), receipt_key=receipt_key)
        yield Rebuilt(origin, *counts)
    connection.execute(_LAYOUT.note_rebuilt, period.as_values())


def _rebuild_journal(
    connection: Connection, period: Period, journal: tuple[int, str, str, int], *, receipt_key: VerifierKey
) -> tuple[int, int]:
    journal_id, origin, agent_id, size = journal
    key = {"journal_id": journal_id, "size": size}
    fixes = _store_others(connection, key, origin, receipt_key=receipt_key)
    connection.execute(_SQL.lift_limit)
    removed = connection.execute(_SQL.remove_rows, {**key, **period.as_values()}).rowcount
    touches: set[Touch] = set()
    portion: list[bytes] = []
    stored = 0
    with connection.cursor(name="bundles", binary=True) as cursor:
        cursor.itersize = _BUNDLES_AT_ONCE
        for first, entries in cursor.execute(_SQL.list_bundles, key):
            for entry, reading, shift_ms in _readings(entries, first=first, fixes=fixes):
                start_ms, end_ms = (bound_ms + shift_ms for bound_ms in covered_ms(entry, reading))
                if period.start_ms <= start_ms < period.end_ms:
                    tail = rows.reading_row_tail(entry, reading, start_ms=start_ms, end_ms=end_ms)
                    portion.append(rows.with_shift(tail, shift_ms))
                    touches.update((reading.watcher, reading.channel, day) for day in days_decided(start_ms, end_ms))
            if len(portion) >= _PORTION_ROWS:
                stored += _copy(connection, journal_id, portion)
    stored += _copy(connection, journal_id, portion)
    _mark(connection, agent_id, touches)
    return removed, stored


def _entries(stored: bytes, *, first: int) -> Iterator[tuple[Entry, bytes]]:
    """The entries of a bundle whose first one has the index `first`, with their bytes, as far as they are in order."""
    for index, raw in enumerate(open_bundle(stored), first):
        try:
            entry = decode(raw)
        except MalformedEntry:
            continue
        if entry.index == index:
            yield entry, raw


def _readings(stored: bytes, *, first: int, fixes: Mapping[str, list[Fix]]) -> Iterator[tuple[Entry, Reading, int]]:
    """The readings of a bundle, each with the correction of its clock in ms."""
    for entry, _ in _entries(stored, first=first):
        if isinstance(entry.body, Reading):
            yield entry, entry.body, shift_ms(clocks_of(entry), fixes.get(entry.boot, []))


def _store_others(
    connection: Connection, key: dict[str, int], origin: str, *, receipt_key: VerifierKey
) -> dict[str, list[Fix]]:
    """Declarations and landmarks of a journal once more, and its clocks; returns its verified beacons by boot."""
    journal_id = key["journal_id"]
    fixes: list[tuple[tuple[int, str], int]] = []
    own: dict[tuple[int, str], tuple[int, int]] = {}
    with connection.cursor(name="others", binary=True) as cursor:
        cursor.itersize = _BUNDLES_AT_ONCE
        for first, stored in cursor.execute(_SQL.list_bundles, key):
            placed = list(_entries(stored, first=first))
            declared = [Declared(journal_id, entry) for entry, _ in placed if isinstance(entry.body, Declaration)]
            store_declarations(connection, declared)
            marked = [Marked(journal_id, origin, *each) for each in placed if is_landmark(each[0])]
            fixes += store_landmarks(connection, marked, receipt_key)
            for entry, _ in placed:
                own[journal_id, entry.boot] = widen(own.get((journal_id, entry.boot)), entry.wall_ms - entry.mono_ms)
    note_clocks(connection, own=own, fixes=bounds_of(fixes))
    found: dict[str, list[Fix]] = {}
    for boot, *fix in connection.execute(_CLOCKS.list_fixes_of_journal, key):
        found.setdefault(boot, []).append(Fix(*fix))
    return found


def _copy(connection: Connection, journal_id: int, portion: list[bytes]) -> int:
    """Copies the rows in and empties the list; returns how many there were."""
    copied = len(portion)
    if portion:
        with connection.cursor().copy(rows.COPY_READING) as copy:
            copy.write(rows.COPY_HEADER + rows.reading_rows(journal_id, portion) + rows.COPY_TRAILER)
        portion.clear()
    return copied


def _mark(connection: Connection, agent_id: str, touches: set[Touch]) -> None:
    """Marks the days for the deriver, as ingest does and under the same lock."""
    if not touches:
        return
    connection.execute(_INGEST.hold_measurements)
    watchers, channels, days = map(list, zip(*sorted(touches), strict=True))
    values = {
        "agents": [agent_id] * len(days),
        "watchers": watchers,
        "channels": channels,
        "days": days,
        "reason": "readings",
    }
    connection.execute(_INGEST.touch_days, values)
    connection.execute(_INGEST.notify, {"channel": DIRTY_DAY_CHANNEL})
