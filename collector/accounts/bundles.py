"""Reading blocks and sign-ins out of the stored bytes: what `recompute` derives from instead of decoded rows.

The bundles of an instrument's agents are read through once, to note which time each one's readings cover; a
stretch is then read from the few bundles that touch it. So a journal of years needs no more memory than its list
of bundles. An entry that cannot be decoded, or that claims another place than its own, earns nothing here as it
earned nothing at ingest.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple, TypeGuard

from collector.accounts.grading import load_standings
from collector.accounts.history import NOW, Cut
from collector.store.database import Connection
from collector.store.queries import load
from protocol.batch import MAX_INFLATED_BYTES, parse_bundle
from protocol.bindings import Channel, MeasurementFact, Stretch
from protocol.brackets import Landmark, Log, recovered_by, running
from protocol.clock_bounds import Fix, corrected
from protocol.entry import Body, Declaration, Entry, Reading, decode
from protocol.errors import MalformedBatch, MalformedEntry
from protocol.interval import days_touched
from protocol.observation import covered_ms
from protocol.said import Stay, stays
from protocol.witness import Block

_SQL = load("accounts")
_CLOCKS = load("clocks")
_ROWS_AT_ONCE = 50


class _Extent(NamedTuple):
    """Where a bundle lies and the time that readings of one channel in it cover."""

    journal_id: int
    origin: str
    first: int
    channel: Channel
    start_ms: int
    end_ms: int


class _Log:
    """What was noted of a log that bounds its readings (protocol/brackets.py)."""

    def __init__(self, beacons: list[tuple[str, Fix]]) -> None:
        self.beacons = beacons
        self.receipts: list[tuple[int, int, int]] = []
        self.landmarks: dict[str, list[Landmark]] = {}
        self.recovered: set[int] = set()
        self.shifts: dict[int, int] = {}

    def note(self, entry: Entry) -> None:
        """Of an entry that is neither reading nor declaration."""
        self.landmarks.setdefault(entry.boot, []).append((entry.index, entry.mono_ms))
        self.recovered |= recovered_by(entry)


class Bundles:
    """The stored bundles of the agents that measured one instrument; the connection is inside a transaction."""

    def __init__(
        self, connection: Connection, facts: Sequence[MeasurementFact], asset_no: str, *, cut: Cut = NOW
    ) -> None:
        self._connection = connection
        self._cut = cut
        self._extents: list[_Extent] = []
        self._fixes: dict[tuple[int, str], list[Fix]] = {}
        self._logs: dict[str, _Log] = {}
        self.days: set[date] = set()
        """Local days that any reading of these channels touches."""
        self.stays: list[Stay] = []
        """Who was at the instrument, as these agents' journals say."""
        self._scan({fact.channel for fact in facts}, asset_no)

    def _scan(self, channels: set[Channel], asset_no: str) -> None:
        agents = sorted({channel.agent_id for channel in channels})
        beacons: dict[int, list[tuple[str, Fix]]] = {}
        for journal_id, boot, *fix in self._connection.execute(_CLOCKS.list_fixes_of_agents, {"agents": agents}):
            if fix[0] < self._cut.size(journal_id):
                self._fixes.setdefault((journal_id, boot), []).append(Fix(*fix))
                if fix[2] is not None:  # a sleep bounds nothing
                    beacons.setdefault(journal_id, []).append((boot, Fix(*fix)))
        said: dict[str, list[Entry]] = {}
        with self._connection.cursor(name="bundles", binary=True) as cursor:
            cursor.itersize = _ROWS_AT_ONCE
            cursor.execute(_SQL.list_bundles, {"agents": agents})
            for journal_id, agent_id, origin, first, size, received_ms, stored in cursor:
                if first >= self._cut.size(journal_id):
                    continue  # came later; a cut lies between two batches
                log = self._logs.setdefault(origin, _Log(beacons.get(journal_id, [])))
                log.receipts.append((first, size, received_ms))
                covered: dict[Channel, tuple[int, int]] = {}
                for entry in self._entries(journal_id, stored, first=first):
                    if not _has_extent(entry.body):
                        if isinstance(entry.body, Declaration):
                            said.setdefault(origin, []).append(entry)
                        elif not isinstance(entry.body, Reading):
                            log.note(entry)
                        continue
                    reading = entry.body
                    start_ms, end_ms = covered_ms(entry, reading)
                    channel = Channel(agent_id, reading.watcher, reading.channel)
                    if channel in channels:
                        self.days.update(days_touched(start_ms, end_ms))
                        held = covered.get(channel, (start_ms, end_ms))
                        covered[channel] = min(held[0], start_ms), max(held[1], end_ms)
                self._extents += [_Extent(journal_id, origin, first, *item[:1], *item[1]) for item in covered.items()]
        for origin, entries in said.items():
            self.stays += stays(origin, entries, asset_no)
        for log in self._logs.values():
            log.landmarks = {boot: running(held) for boot, held in log.landmarks.items()}

    def logs(self, blocks: Iterable[Block]) -> dict[str, Log]:
        """What bounds these blocks, by origin; whether a log is whole is what the database says now."""
        standings = load_standings(self._connection, sorted({origin for origin, *_ in blocks}))
        return {
            origin: Log(is_whole, log.receipts, log.beacons, log.landmarks, frozenset(log.recovered), log.shifts)
            for origin, (_, is_whole, _) in standings.items()
            if (log := self._logs.get(origin)) is not None
        }

    def read(self, stretch: Stretch) -> Iterator[Block]:
        """The blocks of the stretch's channels that touch it."""
        wanted: dict[tuple[int, int], list[_Extent]] = {}
        for extent in self._extents:
            if (
                extent.channel in stretch.channels
                and extent.start_ms < stretch.end_ms
                and stretch.start_ms < extent.end_ms
            ):
                wanted.setdefault((extent.journal_id, extent.first), []).append(extent)
        for (journal_id, first), extents in wanted.items():
            names = {(extent.channel.watcher, extent.channel.channel) for extent in extents}
            values = {"journal_id": journal_id, "first": first}
            row = self._connection.execute(_SQL.load_bundle, values, binary=True).fetchone()
            assert row is not None, "batches are never deleted"
            for block in self._blocks(journal_id, row[0], extents[0].origin, first=first):
                start_ms, end_ms = covered_ms(block[1], block[2])
                if (
                    (block[2].watcher, block[2].channel) in names
                    and start_ms < stretch.end_ms
                    and stretch.start_ms < end_ms
                ):
                    yield block

    def _blocks(self, journal_id: int, stored: bytes, origin: str, *, first: int) -> Iterator[Block]:
        """The readings with an extent of one stored bundle whose first entry has the index `first`."""
        for own in _entries(stored, first=first):
            if _has_extent(own.body):
                entry = corrected(own, self._fixes.get((journal_id, own.boot), ()))
                if entry is not own:
                    self._logs[origin].shifts[own.index] = entry.wall_ms - own.wall_ms
                yield origin, entry, own.body

    def _entries(self, journal_id: int, stored: bytes, *, first: int) -> Iterator[Entry]:
        """The entries as they are to be read: where beacons say that the clock was wrong, by those."""
        for entry in _entries(stored, first=first):
            yield corrected(entry, self._fixes.get((journal_id, entry.boot), ()))


def _entries(stored: bytes, *, first: int) -> Iterator[Entry]:
    """The entries of a bundle that are what they should be: decoded, and in their own place."""
    for index, raw in enumerate(parse_bundle(_inflate(stored)), first):
        try:
            entry = decode(raw)
        except MalformedEntry:
            continue
        if entry.index == index:
            yield entry


def _has_extent(body: Body) -> TypeGuard[Reading]:
    return isinstance(body, Reading) and body.events is None


def _inflate(stored: bytes) -> bytes:
    bundle = zlib.decompressobj().decompress(stored, MAX_INFLATED_BYTES + 1)
    if len(bundle) > MAX_INFLATED_BYTES:
        raise MalformedBatch(f"a stored bundle inflates to more than {MAX_INFLATED_BYTES} bytes")
    return bundle
