"""The agents' logs in a bundle: which entries, the tree before them, and the receipts that bound them.

A log's part begins far enough back for everything that the period's hours and grades rest on: the readings of the
evidence windows, the beacons before them, and what somebody said at the instrument that still holds. It ends where a
receipt covers the last of them, the beacon behind it and the start that names it as recovered. The stored batches are
read through once, in portions; memory holds one of them, the times of the beacons, and the tree's peaks.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from collector.accounts.blocks import window_of
from collector.evidence.bundle_files import Sink
from collector.ingest.held import open_bundle
from collector.store.database import Connection
from collector.store.queries import load
from protocol.bindings import Stretch
from protocol.brackets import NAMED_WITHIN
from protocol.clock_bounds import Fix, corrected
from protocol.entry import Reading, decode_all
from protocol.facts import MAX_USE_MS
from protocol.grades import GradedBlock
from protocol.interval import Interval
from protocol.keys import base64_text
from protocol.merkle import EMPTY_FRONTIER, Frontier, leaf_hash
from protocol.note import parse_checkpoint, parse_note
from protocol.observation import covered_ms
from protocol.policy import Grades
from protocol.thinning import Given, latest_ms, thin
from protocol.tiles import WIDTH, entries_path, pack_entries

_AT_ONCE = 50
_SQL, _CLOCKS = load("bundles"), load("clocks")

LimitsAt = Callable[[int, int], Iterable[Grades]]
"""The limits of the policies that hold over [start, end) of UTC ms."""
Tell = Callable[[str], object]


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


class _Needed(NamedTuple):
    """Entries of one boot that are needed; `mono_ms`: the earliest at which one was written, where it matters."""

    journal_id: int
    origin: str
    agent_id: str
    epoch: int
    vkey: str
    boot: str | None
    low: int
    high: int
    mono_ms: int | None


def plan(connection: Connection, asset_no: str, stretches: Sequence[Stretch], *, said_over: Interval) -> list[Part]:
    """The parts of all logs whose readings touch these stretches, or that tell who was there. ReadingsDropped."""
    needed: list[_Needed] = []
    for stretch in stretches:
        window = window_of(connection, stretch)
        needed += [_Needed(*row) for row in connection.execute(_SQL.find_readings, window).fetchall()]
    start_ms, end_ms = said_over
    said = {"asset_no": asset_no, "earliest_ms": start_ms - MAX_USE_MS, "start_ms": start_ms, "end_ms": end_ms}
    needed += [_Needed(*row) for row in connection.execute(_SQL.find_stays, said).fetchall()]
    logs = {each.journal_id: each for each in needed}
    parts = [
        _part(connection, logs[journal_id], low, high)
        for journal_id, (low, high) in _with_bounds(connection, needed).items()
    ]
    return sorted(parts, key=lambda part: (part.agent_id, part.epoch))


def _with_bounds(connection: Connection, needed: Sequence[_Needed]) -> dict[int, tuple[int, int]]:
    """By log the first and last entry that is needed, with what bounds those in time."""
    bottoms: dict[int, int] = {}
    for each in needed:
        bottoms[each.journal_id] = min(each.low, bottoms.get(each.journal_id, each.low))
    values: dict[str, object] = {
        "named_within": NAMED_WITHIN,
        "journals": [each.journal_id for each in needed],
        "boots": [each.boot for each in needed],
        "lows": [each.low for each in needed],
        "highs": [each.high for each in needed],
        "mono_mss": [each.mono_ms for each in needed],
        "bottoms": [bottoms[each.journal_id] for each in needed],
    }
    found: dict[int, tuple[int, int]] = {}
    for journal_id, low, high in connection.execute(_SQL.find_bounds, values).fetchall():
        before = found.get(journal_id, (low, high))
        found[journal_id] = min(low, before[0]), max(high, before[1])
    return found


def _part(connection: Connection, log: _Needed, low: int, high: int) -> Part:
    values = {"journal_id": log.journal_id, "entry_index": high}
    row = connection.execute(_SQL.find_receipt_over, values, binary=True).fetchone()
    assert row is not None, "what was decoded is stored"
    return Part(*log[:5], low // WIDTH * WIDTH, size_of(bytes(row[0])))


def size_of(receipt: bytes) -> int:
    """The size that a stored receipt is over; several batches of one transaction share the last one's."""
    return parse_checkpoint(parse_note(receipt).text).size


def write_part(connection: Connection, part: Part, sink: Sink, *, limits_at: LimitsAt, tell: Tell) -> None:
    """Write a log's part."""
    walk = _Walk(connection, part, sink, limits_at, tell)
    kept: list[bytes] = []
    number = 0
    for receipt in thin(walk.given()):
        kept.append(receipt)
        if len(kept) == WIDTH:
            sink.add(receipts_path(part, number), pack_entries(kept))
            kept, number = [], number + 1
    if kept:
        sink.add(receipts_path(part, number), pack_entries(kept))


def receipts_path(part: Part, number: int) -> str:
    """Where receipts lie: in files of 256, numbered as tiles are."""
    return f"{part.directory}receipts/{entries_path(number).removeprefix('tile/entries/')}"


class _Walk:
    """One pass over a log's batches: the entries go to files, the receipts out with what they bound."""

    def __init__(self, connection: Connection, part: Part, sink: Sink, limits_at: LimitsAt, tell: Tell) -> None:
        self._connection, self._part, self._sink = connection, part, sink
        self._limits_at, self._tell = limits_at, tell
        self._frontier = EMPTY_FRONTIER
        self._rest: list[bytes] = []
        self._fixes: dict[str, list[Fix]] = {}
        key = {"journal_id": part.journal_id, "end": part.end}
        for boot, *fix in connection.execute(_CLOCKS.list_fixes_of_journal, key):
            self._fixes.setdefault(boot, []).append(Fix(*fix))
        self._beacons: list[tuple[int, int]] = connection.execute(_SQL.list_beacons, key).fetchall()

    def given(self) -> Iterator[Given[bytes]]:
        """Each receipt over entries of the part, in order of size, with the latest times for its blocks."""
        part, last = self._part, None
        with self._connection.cursor(name="bundle", binary=True) as cursor:
            cursor.itersize = _AT_ONCE
            for first, stored, receipt, at_ms in cursor.execute(
                _SQL.list_batches, {"journal_id": part.journal_id, "end": part.end}
            ):
                self._tell(f"{part.origin}: entry {first} of {part.end}")
                latest = self._take(open_bundle(bytes(stored)), first, at_ms)
                if last is not None and last.receipt == receipt:
                    last.latest_ms.extend(latest)
                    continue
                if last is not None:
                    yield last
                if size_of(bytes(receipt)) > part.first:
                    last = Given(bytes(receipt), at_ms, latest)
        if self._rest:
            path = entries_path(part.end // WIDTH, width=len(self._rest))
            self._sink.add(f"{part.directory}{path}", pack_entries(self._rest))
        if last is not None:
            yield last

    def _take(self, raws: tuple[bytes, ...], first: int, at_ms: int) -> list[int]:
        """Write down entries from `first` on, which were receipted at `at_ms`; the latest times for their blocks."""
        part = self._part
        before = max(0, part.first - first)
        if first <= part.first:
            self._frontier = self._frontier.extend(map(leaf_hash, raws[:before]))
        if first <= part.first < first + len(raws):
            self._sink.add(f"{part.directory}frontier", frontier_text(self._frontier))
        kept = raws[before : part.end - first]
        self._keep(kept, first + before)
        return list(self._latest(kept, first + before, at_ms))

    def _keep(self, raws: tuple[bytes, ...], first: int) -> None:
        for index, raw in enumerate(raws, first):
            self._rest.append(raw)
            if (index + 1) % WIDTH == 0:
                self._sink.add(f"{self._part.directory}{entries_path(index // WIDTH)}", pack_entries(self._rest))
                self._rest = []

    def _latest(self, raws: tuple[bytes, ...], first: int, at_ms: int) -> Iterator[int]:
        for index, found in enumerate(decode_all(raws), first):
            if found is None or found.index != index or not isinstance(found.body, Reading):
                continue
            if found.body.events is not None:
                continue
            read = corrected(found, self._fixes.get(found.boot, ()))
            start_ms, end_ms = covered_ms(read, found.body)
            at = bisect_right(self._beacons, index, key=itemgetter(0))
            beacon_ms = self._beacons[at - 1][1] if at else None
            block = GradedBlock(start_ms, end_ms, found.body.durations_ms, at_ms, beacon_ms, None)
            for limits in self._limits_at(start_ms, end_ms):
                latest = latest_ms(block, limits)
                if latest is not None:
                    yield latest


def frontier_text(frontier: Frontier) -> bytes:
    """The tree before a part's first entry, as a file."""
    peaks = "".join(f"{base64_text(peak)}\n" for peak in frontier.peaks)
    return f"jishi-frontier/v1\n{frontier.size}\n{peaks}".encode()
