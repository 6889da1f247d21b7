"""One history of a log as far as its hashes are known: a root over each 256 leaves, and the leaves of some of those.

Two histories of one log part at some index. Comparing their *tops* (the roots of their tiles: 256 leaves each, the
last one as many as there are) names the first tile that differs, comparing that tile's leaves the index. 20 years of a
busy instrument are 8192 tops.

    >>> tree = Branch.of([bytes([n % 7]) * 32 for n in range(600)])
    >>> tree.size, len(tree.tops), tree.missing(255), tree.missing(256)
    (600, 3, None, None)

A tree of RFC 6962 divides at powers of two, so its root is the root over its tops as if they were leaves, and a proof
is a proof inside the tile and one over the tops behind it. Whether a root was signed is the caller's to say.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from protocol import merkle
from protocol.merkle import Frontier

WIDTH = 256
LEVEL = 8
"""The level of the tree at which tops lie: 2^8 leaves each."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A tree of `size` leaves; `tiles` has the leaf hashes of those tiles, by number, that are known."""

    size: int
    tops: tuple[bytes, ...]
    tiles: Mapping[int, tuple[bytes, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.tops) != tops_of(self.size):
            raise ValueError(f"a tree of {self.size} leaves has {tops_of(self.size)} tops, not {len(self.tops)}")

    @staticmethod
    def of(leaves: Sequence[bytes]) -> "Branch":
        """Return the whole tree over these leaf hashes."""
        tiles = [tuple(leaves[at : at + WIDTH]) for at in range(0, len(leaves), WIDTH)]
        return Branch(len(leaves), tuple(map(merkle.root, tiles)), dict(enumerate(tiles)))

    def missing(self, size: int) -> int | None:
        """The tile whose leaves `root_at` and a proof of this size take and that is not known; None: nothing lacks."""
        number = size // WIDTH
        return None if size == self.size or not size % WIDTH or number in self.tiles else number

    def with_tile(self, number: int, leaves: Sequence[bytes]) -> "Branch | None":
        """Return the branch with a tile's leaves; None where they do not lead to its top."""
        is_theirs = number < len(self.tops) and len(leaves) == self.width(number)
        if not is_theirs or merkle.root(leaves) != self.tops[number]:
            return None
        return Branch(self.size, self.tops, {**self.tiles, number: tuple(leaves)})

    def width(self, number: int) -> int:
        """How many leaves a tile has."""
        return min(WIDTH, self.size - number * WIDTH)

    def root(self) -> bytes:
        """The root over all of it."""
        return merkle.root(self.tops)

    def root_at(self, size: int) -> bytes:
        """The root over its first `size` leaves; the tile in which they end must be known."""
        return self.root() if size == self.size else self.frontier_at(size).root()

    def frontier_at(self, size: int) -> Frontier:
        """What must be known of its first `size` leaves to go on from there."""
        full = size // WIDTH
        if size % WIDTH and full not in self.tiles:
            raise ValueError(f"the leaves of tile {full} are not known: nothing of size {size} can be worked out")
        tops = merkle.EMPTY_FRONTIER.extend(self.tops[:full])
        rest = merkle.EMPTY_FRONTIER.extend(self.tiles[full][: size % WIDTH] if size % WIDTH else ())
        return Frontier(size, tops.peaks + rest.peaks)

    def graft(self, size: int, leaves: Sequence[bytes]) -> "Branch":
        """Return the history that shares its first `size` leaves, the tile there known, and goes on with these."""
        full, place = divmod(size, WIDTH)
        new = [*(self.tiles[full][:place] if place else ()), *leaves]
        tiles = [tuple(new[at : at + WIDTH]) for at in range(0, len(new), WIDTH)]
        known = {number: tile for number, tile in self.tiles.items() if number < full} | dict(enumerate(tiles, full))
        return Branch(size + len(leaves), self.tops[:full] + tuple(map(merkle.root, tiles)), known)

    def leaf(self, index: int) -> bytes:
        """A leaf hash; its tile must be known."""
        return self.tiles[index // WIDTH][index % WIDTH]

    def inclusion_proof(self, index: int) -> tuple[bytes, ...]:
        """Return the audit path of a leaf, lowest sibling first; its tile must be known."""
        number, place = divmod(index, WIDTH)
        return merkle.inclusion_proof(self.tiles[number], place) + merkle.inclusion_proof(self.tops, number)

    def consistency_proof(self, old_size: int) -> tuple[bytes, ...]:
        """Return the proof that its first `old_size` leaves begin it; the tile in which they end must be known."""
        number, place = divmod(old_size, WIDTH)
        if old_size == self.size:
            return ()
        if not place:
            return merkle.consistency_proof(self.tops, number)
        tile = self.tiles[number]
        inside = merkle.consistency_proof(tile, place)
        if number and place & (place - 1) == 0:
            # Inside the tile its verifier would hold this root, as a whole left subtree; in the larger tree it is none.
            inside = (merkle.root(tile[:place]), *inside)
        return inside + merkle.inclusion_proof(self.tops, number)


def tops_of(size: int) -> int:
    """How many tiles a tree of `size` leaves has."""
    return -(-size // WIDTH)


def branch_of(chunks: Iterable[Iterable[bytes]], *, known: Iterable[int] = ()) -> Branch:
    """Return the tree over leaf hashes that come in pieces, and keep the leaves of the tiles `known` and the last one.

    Memory: a hash for each 256 leaves.
    """
    wanted, tops, tiles, size = set(known), list[bytes](), dict[int, tuple[bytes, ...]](), 0
    tile: list[bytes] = []
    for chunk in chunks:
        for leaf in chunk:
            tile.append(leaf)
            if len(tile) == WIDTH:
                if len(tops) in wanted:
                    tiles[len(tops)] = tuple(tile)
                tops.append(merkle.root(tile))
                size, tile = size + WIDTH, []
    if tile:
        tiles[len(tops)] = tuple(tile)
        tops.append(merkle.root(tile))
    return Branch(size + len(tile), tuple(tops), tiles)


def first_difference(one: Sequence[bytes], other: Sequence[bytes]) -> int | None:
    """The first place at which two rows of hashes differ, as far as both go."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
