"""One agent's log in a bundle: its entries against every receipt, in one pass and bounded memory. Pure.

The bundle holds the entries from `first` on, and the tree before them as a frontier. The entries are hashed on; at the
size of each receipt the root must be the receipt's, which the agent's own key signed (0x01) and the collector's (0x04).
The last receipt must cover the last entry, so nothing stands there that nobody receipted.

On the way the landmarks are kept that bound the readings: when the receipts were given, beacons, boots, what was
recovered after a crash. Readings themselves are left to blocks.py.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from protocol import entry as entries
from protocol.beacon import verify_beacon
from protocol.brackets import Log, recovered_by, running
from protocol.clock_bounds import LIMIT_MS, Fix
from protocol.entry import Beacon, ClockJump, Declaration, Entry
from protocol.errors import BadProof, BadSignature, ForeignBytesError, MalformedBatch, excerpt
from protocol.interval import local_day
from protocol.keys import VerifierKey
from protocol.merkle import Frontier, leaf_hash
from protocol.note import Note, parse_checkpoint, parse_note
from protocol.tiles import WIDTH, entries_path, parse_entries
from protocol.verify.container import Held
from protocol.verify.layout import parse_frontier
from protocol.verify.revoked import Tree
from protocol.verify.signed import Line

MAX_TILE_BYTES: Final = WIDTH * (entries.MAX_ENTRY_BYTES + 2)
MAX_RECEIPT_BYTES: Final = 128 * 1024
MAX_RECEIPTS_FILE: Final = 8 * 1024 * 1024
MAX_ENTRIES: Final = 4_000_000
MAX_LANDMARKS: Final = 1_000_000
READING_MARK: Final = b',"k":"reading","d":{'
_MS = 1000


class Tile(NamedTuple):
    """A file of `many` entries: its path and the index of its first one."""

    path: str
    first: int
    many: int


class Receipted(NamedTuple):
    """A receipt that both keys signed."""

    size: int
    root: bytes
    time_s: int


class DayBeacon(NamedTuple):
    """The last verified beacon of a local day, in entry `at`: what the collector's log must be shown to continue."""

    log: str
    size: int
    root: str
    at: int


@dataclass
class Journal:
    """What a log's pass leaves: where its entries lie, and what bounds them."""

    origin: str
    agent_id: str
    first: int = 0
    end: int = 0
    tiles: list[Tile] = field(default_factory=list)
    receipts: list[tuple[int, int, int]] = field(default_factory=list)  # first, size, UTC ms
    beacons: list[tuple[str, Fix]] = field(default_factory=list)
    fixes: dict[str, list[Fix]] = field(default_factory=dict)
    recovered: set[int] = field(default_factory=set)
    landmarks: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    trees: "dict[str, array[int]]" = field(default_factory=dict)
    """Of each of the collector's logs, size and UTC ms of every tree that a beacon shows, one after the other."""
    of_day: dict[tuple[str, str], DayBeacon] = field(default_factory=dict)

    def trees_of(self, log: str) -> Iterator[Tree]:
        """Every tree of one of the collector's logs that the beacons here show."""
        held = self.trees.get(log, array("q"))
        return map(Tree, held[::2], held[1::2])

    def bounds(self, *, shifts: Mapping[int, int], is_whole: bool = True) -> Log:
        """What bounds the readings of this log."""
        landmarks = {boot: running(held) for boot, held in self.landmarks.items()}
        return Log(is_whole, self.receipts, self.beacons, landmarks, frozenset(self.recovered), shifts)


Tell = Callable[[int, str, str, Mapping[str, str]], None]
"""Is told check, word, place and values of what was found."""


class Keys(NamedTuple):
    """The log's own key, the receipt keys that are trusted, and the name under which beacons are signed."""

    agent: VerifierKey
    receipts: Sequence[VerifierKey]
    domain: str


def read_journal(held: Held, directory: str, *, origin: str, keys: Keys, numbers: "Numbers", tell: Tell) -> Journal:
    """Check one log. What is wrong is told to `tell`; what could be read is returned."""
    return _Pass(held, directory, origin, keys, numbers, tell).run()


class Numbers(NamedTuple):
    """The numbers of the checks that are made here."""

    entries: int
    receipts: int
    beacons: int
    time: int


class _Pass:
    def __init__(self, held: Held, directory: str, origin: str, keys: Keys, numbers: Numbers, tell: Tell) -> None:
        self._held, self._directory, self._keys = held, directory, keys
        self._numbers, self._told = numbers, tell
        self.journal = Journal(origin, directory.split("/")[1])
        self._agent_line = Line(keys.agent)
        self._receipt_lines = [Line(key) for key in keys.receipts]
        self._landmarks = 0
        self._newest: dict[str, tuple[int, int, int]] = {}  # log: time, size, index of its newest beacon

    def run(self) -> Journal:
        journal, path = self.journal, f"{self._directory}frontier"
        if path not in self._held:
            self._tell(self._numbers.entries, "file-missing", path)
            return journal
        try:
            frontier = parse_frontier(self._held.read(path, most=8192))
            journal.first = journal.end = frontier.size
            journal.tiles = list(self._list_tiles(frontier.size))
            self._walk(frontier)
        except ForeignBytesError as error:
            self._tell(self._numbers.entries, "journal-form", self._directory, why=str(error))
        return journal

    def _list_tiles(self, first: int) -> Iterator[Tile]:
        """The bundles of entries from `first` on; BadProof where one is missing or does not belong here."""
        prefix = f"{self._directory}tile/"
        paths = self._held.under(prefix)
        places = {path: _place(path[len(self._directory) :]) for path in paths}
        expected = first // WIDTH
        for path, (number, width) in sorted(places.items(), key=lambda item: item[1]):
            if number != expected or path != self._directory + entries_path(number, width=width):
                raise BadProof(f"{path} is not the next bundle of entries: {entries_path(expected)} is expected")
            expected = number + 1 if width == WIDTH else -1
            if (number + 1) * WIDTH - first > MAX_ENTRIES:
                raise BadProof(f"a log has at most {MAX_ENTRIES} entries in a bundle: ask for a shorter period")
            yield Tile(path, number * WIDTH, width)

    def _walk(self, frontier: Frontier) -> None:
        """Entries and receipts side by side: the tree grows up to the next receipt, and is compared."""
        receipts = self._receipts(frontier.size)
        wanted = next(receipts, None)
        if wanted is None:
            self._tell(self._numbers.receipts, "no-receipt", f"{self._directory}receipts/")
        for tile in self.journal.tiles:
            raws = self._read_tile(tile)
            if raws is None:
                return
            self._look_at(raws, tile.first)
            leaves = iter([leaf_hash(raw) for raw in raws])
            end = tile.first + len(raws)
            while wanted is not None and wanted.size <= end:
                frontier = frontier.extend(islice(leaves, wanted.size - frontier.size))
                if frontier.root() != wanted.root:
                    self._tell(self._numbers.entries, "root", tile.path, size=str(wanted.size), first=str(tile.first))
                    return
                wanted = next(receipts, None)
            frontier = frontier.extend(leaves)
            self.journal.end = end
        last = self.journal.receipts[-1][1] if self.journal.receipts else self.journal.first
        if wanted is not None:
            self._tell(
                self._numbers.entries,
                "entries-missing",
                self._directory,
                size=str(wanted.size),
                end=str(self.journal.end),
            )
        elif last < self.journal.end:
            self._tell(
                self._numbers.receipts, "not-receipted", self._directory, last=str(last), end=str(self.journal.end)
            )

    def _read_tile(self, tile: Tile) -> tuple[bytes, ...] | None:
        try:
            raws = parse_entries(self._held.read(tile.path, most=MAX_TILE_BYTES), most=tile.many)
            if len(raws) != tile.many:
                raise MalformedBatch(f"a bundle of {len(raws)} entries, {tile.many} are expected")
        except ForeignBytesError as error:
            self._tell(self._numbers.entries, "tile-form", tile.path, why=str(error))
            return None
        return raws

    def _receipts(self, first: int) -> Iterator[Receipted]:
        """The receipts in order of size, each verified; those that are not are told and passed over."""
        before, latest_s = first, 0
        for place, raw in self._receipt_notes():
            found = self._open(place, raw)
            if found is None:
                continue
            if found.size <= before:
                self._tell(self._numbers.receipts, "receipt-order", place, size=str(found.size), before=str(before))
                continue
            if found.time_s * _MS < latest_s * _MS - LIMIT_MS:
                self._tell(self._numbers.time, "receipt-time", place, by=str(latest_s - found.time_s))
            latest_s = max(latest_s, found.time_s)
            self.journal.receipts.append((before, found.size, found.time_s * _MS))
            before = found.size
            yield found

    def _receipt_notes(self) -> Iterator[tuple[str, bytes]]:
        for path in sorted(self._held.under(f"{self._directory}receipts/"), key=_number):
            try:
                raws = parse_entries(self._held.read(path, most=MAX_RECEIPTS_FILE))
            except ForeignBytesError as error:
                self._tell(self._numbers.receipts, "receipts-form", path, why=str(error))
                return
            for number, raw in enumerate(raws):
                yield f"{path} no. {number}", raw

    def _open(self, place: str, raw: bytes) -> Receipted | None:
        """Both signatures of a receipt; it is parsed once, because there are many."""
        numbers = self._numbers
        try:
            note = parse_note(raw)
            checkpoint = parse_checkpoint(note.text)
            self._agent_line.check(note)
            if checkpoint.origin != self.journal.origin:
                raise BadSignature(f"it is over another log, {excerpt(checkpoint.origin)}")
        except ForeignBytesError as error:
            self._tell(numbers.receipts, "receipt-agent", place, why=str(error))
            return None
        for line in self._receipt_lines:
            if line.is_in(note):
                try:
                    return Receipted(checkpoint.size, checkpoint.root, line.check_stamped(note))
                except ForeignBytesError as error:
                    self._tell(numbers.receipts, "receipt-collector", place, why=str(error))
                    return None
        self._tell(numbers.receipts, "receipt-unknown", place, why=_signers(note))
        return None

    def _look_at(self, raws: Sequence[bytes], first: int) -> None:
        """Landmarks among the entries; one that cannot be decoded or claims another place earns nothing."""
        for index, raw in enumerate(raws, first):
            if READING_MARK in raw[:200]:
                continue
            try:
                found = entries.decode(raw)
            except ForeignBytesError:
                continue
            if found.index == index:
                self._mark(found)

    def _mark(self, found: Entry) -> None:
        self._landmarks += 1
        if self._landmarks > MAX_LANDMARKS:
            raise BadProof(
                f"a log has more than {MAX_LANDMARKS} entries that are no readings here: ask for a shorter period"
            )
        if not isinstance(found.body, Declaration):
            self.journal.landmarks.setdefault(found.boot, []).append((found.index, found.mono_ms))
        self.journal.recovered.update(recovered_by(found))
        if isinstance(found.body, ClockJump) and found.body.cause == "suspend":
            self.journal.fixes.setdefault(found.boot, []).append(Fix(found.index, found.mono_ms, None))
        elif isinstance(found.body, Beacon):
            self._mark_beacon(found, found.body)

    def _mark_beacon(self, found: Entry, body: Beacon) -> None:
        place, numbers = f"{self.journal.origin} entry {found.index}", self._numbers
        try:
            verify_beacon(body, domain=self._keys.domain, receipt_keys=self._keys.receipts)
        except ForeignBytesError as error:
            self._tell(numbers.beacons, "beacon-unknown", place, why=str(error))
            return
        self.journal.trees.setdefault(body.log, array("q")).extend((body.size, body.time_s * _MS))
        fix = Fix(found.index, found.mono_ms, body.time_s * _MS)
        self.journal.beacons.append((found.boot, fix))
        self.journal.fixes.setdefault(found.boot, []).append(fix)
        newest = self._newest.get(body.log)
        if newest is not None and body.time_s >= newest[0] and body.size < newest[1]:
            self._tell(
                numbers.beacons, "beacon-shrank", place, size=str(body.size), before=str(newest[1]), at=str(newest[2])
            )
        if newest is None or body.time_s >= newest[0]:
            self._newest[body.log] = (body.time_s, body.size, found.index)
        day = local_day(found.wall_ms).isoformat()
        self.journal.of_day[body.log, day] = DayBeacon(body.log, body.size, body.root, found.index)

    def _tell(self, check: int, word: str, place: str, **values: str) -> None:
        self._told(check, word, place, values)


def _number(path: str) -> tuple[int, str]:
    digits = "".join(each for each in path.rpartition("receipts/")[2].partition(".p/")[0] if each.isdecimal())
    return (int(digits) if digits else -1), path


def _place(path: str) -> tuple[int, int]:
    """Number and width of a bundle of entries by its path below the log's directory."""
    name, _, width = path.removeprefix("tile/entries/").partition(".p/")
    return int("".join(each for each in name if each.isdecimal())), int(width or WIDTH)


def _signers(note: Note) -> str:
    told = sorted({f"{line.name}+{line.key_id:08x}" for line in note.signatures})
    return f"it bears lines of {', '.join(told[:4])}"
