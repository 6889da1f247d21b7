"""Reading blocks and sign-ins out of the entries of a bundle, as `collector/accounts/bundles.py` takes them from batches.

The entries are read through once to note which local days the readings of each channel touch; a stretch of time is then
read from the few files that touch its days. So a journal of years needs no more memory than its list of files. An entry
that cannot be decoded, or that claims another place than its own, earns nothing. Pure.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, TypeGuard

from protocol.bindings import Channel, MeasurementFact, Stretch
from protocol.clock_bounds import clocks_of, corrected, shift_ms
from protocol.entry import Body, Declaration, Entry, Reading, decode_all
from protocol.errors import TooLarge
from protocol.interval import days_touched
from protocol.observation import covered_ms
from protocol.said import Stay, stays
from protocol.tiles import parse_entries
from protocol.verify.container import Held
from protocol.verify.journal import MAX_TILE_BYTES, Journal, Tile
from protocol.witness import Block

MAX_DECLARATIONS: Final = 200_000
_HELD_TILES: Final = 24

_Entries = list[tuple[str, Entry, Reading]]


class Blocks:
    """The readings of the agents that measured one instrument."""

    def __init__(
        self, held: Held, journals: Sequence[Journal], facts: Sequence[MeasurementFact], *, asset_no: str
    ) -> None:
        self._held = held
        self._tiles: dict[tuple[Channel, date], list[tuple[Journal, Tile]]] = defaultdict(list)
        self._cache: OrderedDict[str, _Entries] = OrderedDict()
        self.days: set[date] = set()
        """Local days that any reading of these channels touches."""
        self.stays: list[Stay] = []
        self.shifts: dict[str, dict[int, int]] = {journal.origin: {} for journal in journals}
        """By origin and index, by how many ms the clock of a reading was corrected."""
        self.readings = 0
        channels = {fact.channel for fact in facts}
        for journal in journals:
            self._scan(journal, channels, asset_no)

    def read(self, stretch: Stretch) -> Iterator[Block]:
        """The blocks of the stretch's channels that touch it."""
        days = days_touched(stretch.start_ms, stretch.end_ms)
        for agent_id in sorted({channel.agent_id for channel in stretch.channels}):
            channels = [channel for channel in stretch.channels if channel.agent_id == agent_id]
            names = {(channel.watcher, channel.channel) for channel in channels}
            tiles = {
                (journal.origin, tile.first): (journal, tile)
                for channel in channels
                for day in days
                for journal, tile in self._tiles.get((channel, day), ())
            }
            for _, (journal, tile) in sorted(tiles.items()):
                for block in self._readings(journal, tile):
                    reading = block[2]
                    if (reading.watcher, reading.channel) in names:
                        start_ms, end_ms = covered_ms(block[1], reading)
                        if start_ms < stretch.end_ms and stretch.start_ms < end_ms:
                            yield block

    def _scan(self, journal: Journal, channels: set[Channel], asset_no: str) -> None:
        said: list[Entry] = []
        for tile in journal.tiles:
            for entry in self._entries(journal, tile):
                if isinstance(entry.body, Declaration) and entry.body.asset == asset_no:
                    said.append(entry)
                    if len(said) > MAX_DECLARATIONS:
                        raise TooLarge(f"more than {MAX_DECLARATIONS} declarations: ask for a shorter period")
                elif _has_extent(entry.body):
                    self._note(journal, tile, entry, entry.body, channels)
        self.stays += stays(journal.origin, said, asset_no)

    def _note(self, journal: Journal, tile: Tile, entry: Entry, reading: Reading, channels: set[Channel]) -> None:
        channel = Channel(journal.agent_id, reading.watcher, reading.channel)
        if channel not in channels:
            return
        self.readings += 1
        for day in days_touched(*covered_ms(entry, reading)):
            self.days.add(day)
            held = self._tiles[channel, day]
            if not held or held[-1][1] is not tile:
                held.append((journal, tile))

    def _readings(self, journal: Journal, tile: Tile) -> _Entries:
        """The readings with an extent of one file; the last few files stay in memory."""
        found = self._cache.pop(tile.path, None)
        if found is None:
            found = [
                (journal.origin, entry, entry.body) for entry in self._entries(journal, tile) if _has_extent(entry.body)
            ]
            if len(self._cache) >= _HELD_TILES:
                self._cache.popitem(last=False)
        self._cache[tile.path] = found
        return found

    def _entries(self, journal: Journal, tile: Tile) -> Iterator[Entry]:
        """The entries as they are to be read: where beacons say that the clock was wrong, by those."""
        shifts = self.shifts[journal.origin]
        raws = parse_entries(self._held.read(tile.path, most=MAX_TILE_BYTES), most=tile.many)
        for index, entry in enumerate(decode_all(raws), tile.first):
            if entry is None or entry.index != index or index >= journal.end:
                continue
            fixes = journal.fixes.get(entry.boot)
            by_ms = shift_ms(clocks_of(entry), fixes) if fixes else 0
            if by_ms and fixes:
                shifts[index] = by_ms
                yield corrected(entry, fixes)
            else:
                yield entry


def _has_extent(body: Body) -> TypeGuard[Reading]:
    return isinstance(body, Reading) and body.events is None
