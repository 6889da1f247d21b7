"""Reading blocks and sign-ins out of the entries of a bundle, as collector/accounts/bundles.py takes them from batches.

The entries are read through once to note which local days the readings of each channel touch; a stretch of time is then
read from the few files that touch its days. So a journal of years needs no more memory than its list of files. An entry
that cannot be decoded, or that claims another place than its own, earns nothing. Pure.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final, TypeGuard

import msgspec

from protocol.bindings import Channel, MeasurementFact, Stretch
from protocol.clock_bounds import LIMIT_MS, Clocks, clocks_of, corrected, shift_ms
from protocol.entry import Body, Declaration, Entry, MonoMs, Natural, Naturals, Reading, WallMs, decode_all
from protocol.errors import TooLarge
from protocol.interval import DAY_MS, UTC_OFFSET_MS, days_touched, local_day
from protocol.observation import covered_ms
from protocol.said import Stay, stays
from protocol.tiles import parse_entries
from protocol.verify.container import Held
from protocol.verify.journal import MAX_TILE_BYTES, READING_MARK, Journal, Tile
from protocol.witness import Block

MAX_DECLARATIONS: Final = 200_000
_HELD_TILES: Final = 24
DECLARATION_MARK: Final = b',"k":"declaration","d":{'

_Readings = list[tuple[int, int, Block]]
"""The UTC ms that each covers, and the block."""


class Blocks:
    """The readings of the agents that measured one instrument."""

    def __init__(
        self, held: Held, journals: Sequence[Journal], facts: Sequence[MeasurementFact], *, asset_no: str
    ) -> None:
        self._held = held
        self._tiles: dict[tuple[Channel, date], list[tuple[Journal, Tile]]] = defaultdict(list)
        self._calm: dict[tuple[str, str], tuple[int, int]] = {}
        self._cache: OrderedDict[str, _Readings] = OrderedDict()
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
                for start_ms, end_ms, block in self._readings(journal, tile):
                    touches = start_ms < stretch.end_ms and stretch.start_ms < end_ms
                    if touches and (block[2].watcher, block[2].channel) in names:
                        yield block

    def _scan(self, journal: Journal, channels: set[Channel], asset_no: str) -> None:
        said: list[Entry] = []
        for tile in journal.tiles:
            raws = self._raws(journal, tile)
            readings = [raw for raw in raws if READING_MARK in raw[:200]]
            extents = {self._extent(journal, glance, channels) for glance in _glances(readings)}
            for channel, first, last in sorted(each for each in extents if each is not None):
                self._note(journal, tile, channel, range(first, last + 1))
            others = [(index, raw) for index, raw in enumerate(raws, tile.first) if DECLARATION_MARK in raw[:200]]
            decoded = decode_all([raw for _, raw in others])
            placed = ((index, entry) for (index, _), entry in zip(others, decoded, strict=True))
            said += [entry for entry in self._placed(journal, placed) if _is_said(entry.body, asset_no)]
            if len(said) > MAX_DECLARATIONS:
                raise TooLarge(f"more than {MAX_DECLARATIONS} declarations: ask for a shorter period")
        self.stays += stays(journal.origin, said, asset_no)

    def _extent(self, journal: Journal, glance: "_Glance", channels: set[Channel]) -> tuple[Channel, int, int] | None:
        """The channel of a reading, and the first and last local day that it touches, in days since 1970.

        More days than the readings touch do no harm, so an entry is not held to its form here.
        """
        channel = Channel(journal.agent_id, glance.d.s, glance.d.ch)
        if channel not in channels or glance.d.x is not None:
            return None
        self.readings += 1
        by_ms = self._shift_ms(journal, glance.b, Clocks(glance.i, glance.t, glance.m))
        start_ms = glance.t + by_ms - glance.m + glance.d.a + UTC_OFFSET_MS
        lasts_ms = sum(glance.d.d)
        return (channel, start_ms // DAY_MS, (start_ms + lasts_ms - 1) // DAY_MS) if lasts_ms else None

    def _note(self, journal: Journal, tile: Tile, channel: Channel, numbers: Iterable[int]) -> None:
        """A file has readings of a channel that touch these days."""
        for number in numbers:
            day = local_day(number * DAY_MS - UTC_OFFSET_MS)
            self.days.add(day)
            held = self._tiles[channel, day]
            if not held or held[-1][1] is not tile:
                held.append((journal, tile))

    def _readings(self, journal: Journal, tile: Tile) -> _Readings:
        """The readings with an extent of one file; the last few files stay in memory."""
        found = self._cache.pop(tile.path, None)
        if found is None:
            found = [
                (*covered_ms(entry, entry.body), (journal.origin, entry, entry.body))
                for entry in self._entries(journal, tile)
                if _has_extent(entry.body)
            ]
            if len(self._cache) >= _HELD_TILES:
                self._cache.popitem(last=False)
        self._cache[tile.path] = found
        return found

    def _raws(self, journal: Journal, tile: Tile) -> Sequence[bytes]:
        """The entries of a file, as far as they were shown to lead to a receipt."""
        raws = parse_entries(self._held.read(tile.path, most=MAX_TILE_BYTES), most=tile.many)
        return raws[: max(0, journal.end - tile.first)]

    def _entries(self, journal: Journal, tile: Tile) -> Iterator[Entry]:
        return self._placed(journal, enumerate(decode_all(self._raws(journal, tile)), tile.first))

    def _placed(self, journal: Journal, decoded: Iterable[tuple[int, Entry | None]]) -> Iterator[Entry]:
        """The entries as they are to be read: where beacons say that the clock was wrong, by those."""
        shifts = self.shifts[journal.origin]
        for index, entry in decoded:
            if entry is None or entry.index != index:
                continue
            by_ms = self._shift_ms(journal, entry.boot, clocks_of(entry))
            if by_ms:
                shifts[index] = by_ms
                yield corrected(entry, journal.fixes[entry.boot])
            else:
                yield entry

    def _shift_ms(self, journal: Journal, boot: str, at: Clocks) -> int:
        """What is added to the clock. Where it agrees with all fixes of the boot, the nearest is not looked for."""
        fixes = journal.fixes.get(boot)
        if not fixes:
            return 0
        calm = self._calm.get((journal.origin, boot))
        if calm is None:
            offsets = [fix.offset_ms for fix in fixes if fix.time_ms is not None]
            calm = max(offsets, default=0) - LIMIT_MS, min(offsets, default=0) + LIMIT_MS
            self._calm[journal.origin, boot] = calm
        return 0 if calm[0] <= at.wall_ms - at.mono_ms <= calm[1] else shift_ms(at, fixes)


def _has_extent(body: Body) -> TypeGuard[Reading]:
    return isinstance(body, Reading) and body.events is None


def _is_said(body: Body, asset_no: str) -> bool:
    return isinstance(body, Declaration) and body.asset == asset_no


class _GlancedReading(msgspec.Struct, gc=False):
    """Where a reading lies in time: as much of entry.Reading as that needs."""

    s: str
    ch: str
    a: MonoMs
    d: Naturals
    x: msgspec.Raw | None = None


class _Glance(msgspec.Struct, gc=False):
    """An entry of the kind reading, looked at fleetingly."""

    i: Natural
    t: WallMs
    m: MonoMs
    b: str
    d: _GlancedReading


def _glances(raws: Sequence[bytes]) -> list[_Glance]:
    """A glance at each that can be read; a tenth of what `decode_all` takes: nothing is made again to compare."""
    try:
        return _decode_glances(b"\n".join(raws))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return [glance for raw in raws if (glance := _glance_or_none(raw)) is not None]


def _glance_or_none(raw: bytes) -> _Glance | None:
    try:
        return _decode_glance(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


_decode_glance = msgspec.json.Decoder(_Glance).decode
_decode_glances = msgspec.json.Decoder(_Glance).decode_lines
