"""C2SP tlog-tiles: where the parts of a log lie, what is in them, and what follows from them. Pure.

    checkpoint                    the signed note of the newest tree
    tile/<L>/<N>[.p/<W>]          256 (or W) hashes: those of level 8·L of the tree, from 256·N on
    tile/entries/<N>[.p/<W>]      the entries themselves from 256·N on, each as u16 length ‖ bytes

N is written in groups of three digits, all but the last with an x before it; a tile that is not full yet says how
many hashes it has:

    >>> tile_path(0, 1234067)
    'tile/0/x001/x234/067'
    >>> entries_path(3, width=7)
    'tile/entries/003.p/7'

`Tiles` gives roots and proofs of a tree whose tiles somebody can read; `check` compares a whole directory with its
checkpoint. A log's reader has to trust nobody's tiles: everything leads to the root that was signed.
Source: C2SP tlog-tiles, RFC 6962 section 2.1.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from protocol.errors import BadProof, ForeignBytesError, MalformedBatch, MalformedName, TooLarge, excerpt
from protocol.merkle import EMPTY_ROOT, HASH_BYTES, MAX_SIZE, Frontier, leaf_hash, node_hash

WIDTH = 256
_HEIGHT = 8
MAX_ENTRY_BYTES = 65_535
CHECKPOINT = "checkpoint"

Read = Callable[[str], bytes | None]
"""The bytes of a path below the log's directory, None where there is nothing."""

_GROUPS = r"(?:x[0-9]{3}/){0,5}[0-9]{3}"
_PLACE = re.compile(rf"tile/(entries|0|[1-9]|[1-5][0-9]|6[0-3])/({_GROUPS})(?:\.p/([1-9][0-9]{{0,2}}))?")


class Place(NamedTuple):
    """Where a tile of hashes lies, or a bundle of entries (`level` None); `width` hashes or entries of at most 256."""

    level: int | None
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        if self.level is None:
            return entries_path(self.number, width=self.width)
        return tile_path(self.level, self.number, width=self.width)

    @property
    def end(self) -> int:
        """Up to which leaf it reaches: a tree of this size has it, a smaller one has not."""
        return (self.number * WIDTH + self.width) << (_HEIGHT * (self.level or 0))


def tile_path(level: int, index: int, *, width: int = WIDTH) -> str:
    """Return where a tile of hashes lies."""
    if not 0 <= level <= 63:
        raise ValueError(f"level {level}: 0 to 63 is expected")
    return f"tile/{level}/{_number(index, width)}"


def entries_path(index: int, *, width: int = WIDTH) -> str:
    """Return where a bundle of entries lies."""
    return f"tile/entries/{_number(index, width)}"


def parse_path(path: str) -> Place:
    """Read the path of a tile or a bundle, in its one spelling; MalformedName for any other."""
    found = _PLACE.fullmatch(path)
    if found is not None:
        level, number, width = found.groups()
        digits = number.replace("/", "").replace("x", "")
        place = Place(None if level == "entries" else int(level), int(digits), WIDTH if width is None else int(width))
        if place.width <= WIDTH and place.path == path:
            return place
    raise MalformedName(f"no path of a tile or a bundle of entries: {excerpt(path)}")


def with_full(read: Read) -> Read:
    """The same files, where a full tile or bundle stands for a partial one: a log may delete those (C2SP)."""

    def read_either(path: str) -> bytes | None:
        raw = read(path)
        base, partial, _ = path.rpartition(".p/")
        if raw is not None or not partial or (full := read(base)) is None:
            return raw
        return first_of(full, parse_path(path))

    return read_either


def tiles_of(size: int, *, since: int = 0) -> Iterator[Place]:
    """Return every tile of a tree of `size` leaves that one of `since` leaves had not, the lowest level first."""
    level, total, before = 0, size, since
    while total:
        for index in range(before // WIDTH, -(-total // WIDTH)):
            yield Place(level, index, min(WIDTH, total - index * WIDTH))
        level, total, before = level + 1, total // WIDTH, before // WIDTH


def bundles_of(size: int, *, since: int = 0) -> Iterator[tuple[int, int]]:
    """Return (index, width) of every bundle of entries that a tree of `since` leaves had not."""
    for index in range(since // WIDTH, -(-size // WIDTH)):
        yield index, min(WIDTH, size - index * WIDTH)


def pack_entries(entries: Iterable[bytes]) -> bytes:
    """Return a bundle of entries; ValueError for an entry that is too long."""
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise ValueError(f"an entry of a log has at most {MAX_ENTRY_BYTES} bytes, not {len(entry)}")
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def parse_entries(raw: bytes, *, most: int = WIDTH) -> tuple[bytes, ...]:
    """Read a bundle of at most `most` entries; MalformedBatch, TooLarge."""
    entries: list[bytes] = []
    at, end = 0, len(raw)
    while at < end:
        if len(entries) == most:
            raise TooLarge(f"a bundle of this width holds {most} entries, and more follow")
        length = int.from_bytes(raw[at : at + 2], "big")
        if at + 2 + length > end:
            raise MalformedBatch(f"a bundle that ends in the middle of entry {len(entries)}")
        entries.append(raw[at + 2 : at + 2 + length])
        at += 2 + length
    return tuple(entries)


def parse_hashes(raw: bytes, *, width: int) -> tuple[bytes, ...]:
    """Read a tile of hashes; MalformedBatch where it has not so many."""
    if len(raw) != width * HASH_BYTES:
        raise MalformedBatch(f"a tile of {width} hashes has {width * HASH_BYTES} bytes, not {len(raw)}")
    return tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))


def first_of(raw: bytes, place: Place) -> bytes:
    """The beginning of a tile or bundle, as wide as `place`; what is no bundle comes whole, for its reader to say."""
    if place.level is not None:
        return raw[: place.width * HASH_BYTES]
    try:
        return pack_entries(parse_entries(raw)[: place.width])
    except ForeignBytesError:
        return raw


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a power of two of hashes of one level."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


class Tiles:
    """A tree of `size` leaves by its tiles. BadProof where one is missing, MalformedBatch where one is no tile."""

    def __init__(self, read: Read, size: int) -> None:
        if not 0 <= size <= MAX_SIZE:
            raise BadProof(f"a tree of size {size} cannot be")
        self.size = size
        self._read = with_full(read)
        self._held: dict[tuple[int, int], tuple[bytes, ...]] = {}

    def leaf(self, index: int) -> bytes:
        """Return the hash of a leaf."""
        return self._hashes(0, index // WIDTH)[index % WIDTH]

    def frontier(self, size: int | None = None) -> Frontier:
        """Return the peaks of the tree at a size (its own, if none is given)."""
        rest, start, peaks = self.size if size is None else size, 0, []
        for bit in range(rest.bit_length() - 1, -1, -1):
            if rest >> bit & 1:
                peaks.append(self._subtree(start, bit))
                start += 1 << bit
        return Frontier(rest, tuple(peaks))

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the tree at a size (its own, if none is given)."""
        wanted = self.size if size is None else size
        return self._range(0, wanted) if wanted else EMPTY_ROOT

    def inclusion_proof(self, index: int, *, size: int | None = None) -> tuple[bytes, ...]:
        """Return the audit path of a leaf in the tree at a size, lowest sibling first (RFC 6962 section 2.1.1)."""
        start, end = 0, self.size if size is None else size
        if not 0 <= index < end <= self.size:
            raise ValueError(f"leaf {index} is not in a tree of {end} of {self.size} leaves")
        path = []
        while end - start > 1:
            middle = start + _left_size(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return tuple(reversed(path))

    def consistency_proof(self, old_size: int, *, size: int | None = None) -> tuple[bytes, ...]:
        """Return the proof that the tree at `old_size` begins that at a size (RFC 6962 section 2.1.2)."""
        start, end = 0, self.size if size is None else size
        if not 0 < old_size <= end <= self.size:
            raise ValueError(f"no consistency proof leads from size {old_size} to size {end} of {self.size}")
        path = []
        while end != old_size:
            middle = start + _left_size(end - start)
            if old_size <= middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        if start > 0:
            path.append(self._range(start, end))
        return tuple(reversed(path))

    def _range(self, start: int, end: int) -> bytes:
        """The root over [start, end), which begins where a subtree of its size may."""
        count = end - start
        if count & (count - 1) == 0:
            return self._subtree(start, count.bit_length() - 1)
        middle = start + _left_size(count)
        return node_hash(self._subtree(start, (middle - start).bit_length() - 1), self._range(middle, end))

    def _subtree(self, start: int, height: int) -> bytes:
        level, above = divmod(height, _HEIGHT)
        first = start >> (_HEIGHT * level)
        hashes = self._hashes(level, first // WIDTH)
        at = first % WIDTH
        return perfect_root(hashes[at : at + (1 << above)])

    def _hashes(self, level: int, index: int) -> tuple[bytes, ...]:
        held = self._held.get((level, index))
        if held is None:
            width = min(WIDTH, (self.size >> (_HEIGHT * level)) - index * WIDTH)
            tile = Place(level, index, width)
            raw = self._read(tile.path)
            if raw is None:
                raise BadProof(f"{tile.path} is missing")
            if len(self._held) >= 4 * WIDTH:
                self._held.clear()
            held = self._held[level, index] = parse_hashes(raw, width=width)
        return held


class Builder:
    """The tiles of a growing tree, in memory that grows with the logarithm of its size."""

    def __init__(self, size: int = 0, partial: Sequence[Sequence[bytes]] = ()) -> None:
        """`partial`: the hashes of the last tile of each level that is not full, lowest level first."""
        self.size = size
        self._partial = [list(hashes) for hashes in partial]

    @staticmethod
    def resume(tiles: Tiles) -> "Builder":
        """Go on where a tree ends whose tiles can be read."""
        partial, level = [], 0
        while (total := tiles.size >> (_HEIGHT * level)) > 0:
            partial.append(tiles._hashes(level, total // WIDTH) if total % WIDTH else ())
            level += 1
        return Builder(tiles.size, partial)

    def add(self, leaf: bytes) -> Iterator[tuple[Place, bytes]]:
        """Take a leaf hash; return the tiles that it fills, with their bytes."""
        self.size += 1
        level, node = 0, leaf
        while True:
            if level == len(self._partial):
                self._partial.append([])
            hashes = self._partial[level]
            hashes.append(node)
            if len(hashes) < WIDTH:
                return
            yield Place(level, (self.size >> (_HEIGHT * (level + 1))) - 1), b"".join(hashes)
            node = perfect_root(hashes)
            hashes.clear()
            level += 1

    def partial(self) -> Iterator[tuple[Place, bytes]]:
        """The tiles that are not full."""
        for level, hashes in enumerate(self._partial):
            if hashes:
                yield Place(level, (self.size >> (_HEIGHT * level)) // WIDTH, len(hashes)), b"".join(hashes)


def check(read: Read, size: int, root: bytes) -> Iterator[tuple[str, bool, str]]:
    """Compare every tile and every bundle with the root of the tree: (path, whether it is missing, what is wrong).

    Nothing comes where all is as it should be. A full bundle or tile stands for a partial one of the same place. Where
    a bundle is missing or no bundle, the hashes of its tile stand for it, so that what follows is checked all the same.
    """
    read = with_full(read)
    builder = Builder()
    frontier = Frontier(0, ())
    for index, width in bundles_of(size):
        path = entries_path(index, width=width)
        try:
            leaves = [leaf_hash(entry) for entry in _read_bundle(read, path, width)]
        except _Missing as error:
            yield path, True, str(error)
            leaves = _leaves_of_tile(read, Place(0, index, width))
        except ForeignBytesError as error:
            yield path, False, str(error)
            leaves = _leaves_of_tile(read, Place(0, index, width))
        if not leaves:
            yield Place(0, index, width).path, True, "neither these entries nor their tile can be read: nothing follows"
            return
        frontier = frontier.extend(leaves)
        for leaf in leaves:
            yield from (wrong for tile in builder.add(leaf) if (wrong := _compare(read, *tile)))
    yield from (wrong for tile in builder.partial() if (wrong := _compare(read, *tile)))
    if frontier.root() != root:
        yield CHECKPOINT, False, f"the entries do not lead to the signed root of size {size}"


class _Missing(BadProof):
    """A file that is not there."""


def _read_bundle(read: Read, path: str, width: int) -> tuple[bytes, ...]:
    raw = read(path)
    if raw is None:
        raise _Missing("a bundle of entries is missing")
    entries = parse_entries(raw, most=width)
    if len(entries) != width:
        raise MalformedBatch(f"a bundle of {len(entries)} entries, {width} are expected")
    return entries


def _leaves_of_tile(read: Read, tile: Place) -> list[bytes]:
    """The leaf hashes by a tile; none where it cannot be read."""
    raw = read(tile.path)
    try:
        return [] if raw is None else list(parse_hashes(raw, width=tile.width))
    except ForeignBytesError:
        return []


def _compare(read: Read, tile: Place, expected: bytes) -> tuple[str, bool, str] | None:
    raw = read(tile.path)
    if raw is None:
        return tile.path, True, "a tile is missing"
    if raw == expected:
        return None
    if len(raw) != len(expected):
        return tile.path, False, f"a tile of {len(raw)} bytes, {len(expected)} are expected"
    place = next(
        at for at in range(0, len(raw), HASH_BYTES) if raw[at : at + HASH_BYTES] != expected[at : at + HASH_BYTES]
    )
    at = place // HASH_BYTES
    below = f"entry {tile.number * WIDTH + at}" if tile.level == 0 else "the entries below it"
    return tile.path, False, f"hash {at} is not that of {below}"


def _number(index: int, width: int) -> str:
    if index < 0 or not 1 <= width <= WIDTH:
        raise ValueError(f"tile {index} of width {width}: from 0 on, and a width of 1 to {WIDTH}, are expected")
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    return "/".join(groups) + ("" if width == WIDTH else f".p/{width}")


def _left_size(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1
