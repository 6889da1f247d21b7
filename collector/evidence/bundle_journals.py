"""The agents' logs in a bundle: which entries, the tree before them, and the receipts that bound them.

A log's part begins far enough back for everything that the period's hours rest on: the readings of the evidence window,
the beacon before them, and what somebody said at the instrument that may still hold. It ends with the receipt over the
last of them, the beacon behind it and what a start may name as recovered. The stored batches are read through once, in
portions; memory holds one of them and the tree's peaks.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from collector.accounts.blocks import utc
from collector.evidence.bundle_files import Sink
from collector.ingest.held import open_bundle
from collector.store.database import Connection
from collector.store.queries import load
from protocol.bindings import Stretch
from protocol.clock_bounds import LIMIT_MS, Fix, clocks_of, corrected, error_ms
from protocol.entry import MAX_BLOCK_MS, Entry, Reading, Start, decode
from protocol.errors import MalformedEntry
from protocol.facts import MAX_USE_MS
from protocol.grades import GradedBlock, is_ruly
from protocol.keys import base64_text
from protocol.merkle import EMPTY_FRONTIER, Frontier, leaf_hash
from protocol.policy import Grades
from protocol.thinning import Given, thin
from protocol.tiles import WIDTH, entries_path, pack_entries

RECOVERED_BEHIND = 130
"""How far behind a recovered block the `start` may stand that names it."""
_AT_ONCE = 50
_SQL = load("bundles")

LimitsAt = Callable[[int], Grades]
"""The limits of the policy that holds at an instant (UTC ms)."""


class Part(NamedTuple):
    """A log's entries [first, end) in a bundle; `first` is a multiple of 256, `end` the size of a receipt."""

    journal_id: int
    origin: str
    agent_id: str
    epoch: int
    vkey: str
    first: int
    end: int

    @property
    def directory(self) -> str:
        return f"agents/{self.agent_id}/{self.epoch}/"


def plan(connection: Connection, asset_no: str, stretches: list[Stretch]) -> list[Part]:
    """The parts of all logs whose readings touch these stretches."""
    ranges: dict[int, tuple[list[Any], int, int]] = {}
    for stretch in stretches:
        agents, watchers, channels = zip(*stretch.channels, strict=True)
        values = {
            "agents": list(agents),
            "watchers": list(watchers),
            "channels": list(channels),
            "earliest": utc(stretch.start_ms - MAX_BLOCK_MS),
            "start": utc(stretch.start_ms),
            "end": utc(stretch.end_ms),
        }
        for journal_id, *log, low, high in connection.execute(_SQL.find_ranges, values).fetchall():
            held = ranges.get(journal_id, (log, low, high))
            ranges[journal_id] = (log, min(low, held[1]), max(high, held[2]))
    if not stretches:
        return []
    said = {
        "asset_no": asset_no,
        "earliest_ms": stretches[0].start_ms - MAX_USE_MS,
        "end_ms": stretches[-1].end_ms,
    }
    parts = [_part(connection, journal_id, *found, said=said) for journal_id, found in ranges.items()]
    return sorted(parts, key=lambda part: (part.agent_id, part.epoch))


def _part(
    connection: Connection, journal_id: int, log: list[Any], low: int, high: int, *, said: dict[str, object]
) -> Part:
    key = {"journal_id": journal_id}
    declared = connection.execute(_SQL.find_first_declaration, {**key, **said}).fetchone()
    if declared is not None and declared[0] is not None:
        low = min(low, declared[0])
    around = connection.execute(_SQL.find_beacons_around, {**key, "first": low, "last": high}).fetchone()
    assert around is not None
    before, behind = around
    first = (low if before is None else before) // WIDTH * WIDTH
    last = max(high + RECOVERED_BEHIND, high if behind is None else behind)
    row = connection.execute(_SQL.find_end, {**key, "last": last}).fetchone()
    if row is None:  # the log ends sooner
        row = connection.execute(_SQL.load_size, key).fetchone()
    assert row is not None
    origin, agent_id, epoch, vkey = log
    return Part(journal_id, origin, agent_id, epoch, vkey, first, row[0])


def write_part(connection: Connection, part: Part, sink: Sink, *, limits_at: LimitsAt) -> int:
    """Write a log's part; returns how many entries that are."""
    walk = _Walk(connection, part, sink, limits_at)
    kept: list[bytes] = []
    written = 0
    for receipt in thin(walk.given()):
        kept.append(receipt)
        if len(kept) == WIDTH:
            sink.add(f"{part.directory}receipts/{_number(written)}", pack_entries(kept))
            kept, written = [], written + 1
    if kept:
        sink.add(f"{part.directory}receipts/{_number(written)}", pack_entries(kept))
    return walk.entries


class _Walk:
    """One pass over a log's batches: the entries go to files, the receipts out with what they bound."""

    def __init__(self, connection: Connection, part: Part, sink: Sink, limits_at: LimitsAt) -> None:
        self._connection, self._part, self._sink, self._limits_at = connection, part, sink, limits_at
        self._frontier = EMPTY_FRONTIER
        self._rest: list[bytes] = []
        self._ended: dict[tuple[str, str, str], int] = {}
        self._recovered: set[int] = set()
        self.entries = 0
        key = {"journal_id": part.journal_id, "end": part.end}
        self._beacons = [(Fix(i, mono, at), boot) for i, boot, mono, at in connection.execute(_SQL.list_beacons, key)]
        self._fixes: dict[str, list[Fix]] = {}
        for fix, boot in self._beacons:
            self._fixes.setdefault(boot, []).append(fix)

    def given(self) -> Iterator[Given[bytes]]:
        """Each receipt from the part's first entry on, in order of size, with the blocks that it bounds."""
        key = {"journal_id": self._part.journal_id, "end": self._part.end}
        for journal in self._connection.execute(_SQL.list_starts, key).fetchall():
            self._note_recovered(bytes(journal[0]))
        last: Given[bytes] | None = None
        with self._connection.cursor(name="bundle", binary=True) as cursor:
            cursor.itersize = _AT_ONCE
            for first, size, stored, receipt, at_ms in cursor.execute(_SQL.list_batches, key):
                raws = open_bundle(bytes(stored))
                blocks = list(self._take(raws, first, at_ms))
                if size <= self._part.first:
                    continue
                if last is not None and last.receipt == bytes(receipt):
                    last.blocks.extend(blocks)
                    continue
                if last is not None:
                    yield last
                last = Given(bytes(receipt), at_ms, blocks)
        self._finish()
        if last is not None:
            yield last

    def _note_recovered(self, raw: bytes) -> None:
        body = decode(raw).body
        if isinstance(body, Start):
            self._recovered.update(index for _, index in body.recovered)

    def _take(self, raws: tuple[bytes, ...], first: int, at_ms: int) -> Iterator[tuple[GradedBlock, Grades]]:
        part = self._part
        before = raws[: max(0, part.first - first)]
        if before:
            self._frontier = self._frontier.extend(map(leaf_hash, before))
        for index, raw in enumerate(raws[len(before) :], first + len(before)):
            if index == part.first:
                self._sink.add(f"{part.directory}frontier", _frontier_text(self._frontier))
            self._keep(raw, index)
            found = _decoded(raw, index)
            if found is not None and isinstance(found.body, Reading) and found.body.events is None:
                yield self._graded(found, found.body, at_ms)

    def _keep(self, raw: bytes, index: int) -> None:
        self._rest.append(raw)
        self.entries += 1
        if (index + 1) % WIDTH == 0:
            self._sink.add(f"{self._part.directory}tile/{_tile(index // WIDTH)}", pack_entries(self._rest))
            self._rest = []

    def _finish(self) -> None:
        if self._rest:
            path = _tile(self._part.end // WIDTH, len(self._rest))
            self._sink.add(f"{self._part.directory}tile/{path}", pack_entries(self._rest))

    def _graded(self, entry: Entry, reading: Reading, at_ms: int) -> tuple[GradedBlock, Grades]:
        own = clocks_of(entry)
        fixes = self._fixes.get(entry.boot, [])
        read = corrected(entry, fixes)
        start_ms = read.wall_ms - read.mono_ms + reading.start_mono_ms
        end_mono_ms = reading.start_mono_ms + sum(reading.durations_ms)
        shown = (entry.boot, reading.watcher, reading.channel)
        ruly = is_ruly(reading.start_mono_ms, end_mono_ms, written_ms=entry.mono_ms, before_ms=self._ended.get(shown))
        self._ended[shown] = max(end_mono_ms, self._ended.get(shown, 0))
        at = bisect_right(self._beacons, entry.index, key=lambda each: each[0].entry_index) - 1
        beacon = self._beacons[at] if at >= 0 else None
        error = error_ms(own, [beacon[0]]) if beacon is not None and beacon[1] == entry.boot else None
        if read is not entry:
            error = entry.wall_ms - read.wall_ms or LIMIT_MS + 1
        block = GradedBlock(
            start_ms,
            start_ms + sum(reading.durations_ms),
            tuple(accumulate(reading.durations_ms[:-1], initial=start_ms)),
            at_ms,
            None if beacon is None else beacon[0].time_ms,
            error,
            entry.index in self._recovered,
            ruly,
        )
        return block, self._limits_at(start_ms)


def _decoded(raw: bytes, index: int) -> Entry | None:
    try:
        found = decode(raw)
    except MalformedEntry:
        return None
    return found if found.index == index else None


def _frontier_text(frontier: Frontier) -> bytes:
    peaks = "".join(f"{base64_text(peak)}\n" for peak in frontier.peaks)
    return f"jishi-frontier/v1\n{frontier.size}\n{peaks}".encode()


def _tile(number: int, width: int = WIDTH) -> str:
    return entries_path(number, width=width).removeprefix("tile/")


def _number(number: int) -> str:
    return entries_path(number).removeprefix("tile/entries/")
