"""Proofs out of the collector's own log: that something is in it, and that one tree of it continues another.

The hashes come from the files of the log where they reach, else from the leaves in the database, which takes the
longer the longer the log is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from collector.evidence.tile_files import TileFiles
from collector.store.database import Connection
from collector.store.queries import load
from protocol import log_leaf, merkle
from protocol.errors import ForeignBytesError
from protocol.merkle import EMPTY_FRONTIER, Frontier, leaf_hash
from protocol.tiles import Builder, Tiles

_LEAVES_AT_ONCE = 4096
_SQL = load("log")


class Placed(NamedTuple):
    """A leaf of a log."""

    log: str
    leaf_index: int
    raw: bytes


class PlacedRecord(NamedTuple):
    """A revision of a record in its leaf: place, number of records, and the path in the leaf's own tree."""

    leaf: Placed
    place: int
    of: int
    grades: str
    path: tuple[bytes, ...]


class LogTree:
    """One log at its newest checkpoint. The connection stays in one snapshot."""

    def __init__(self, connection: Connection, directory: Path, log: str) -> None:
        row = connection.execute(_SQL.load_head_of, {"log": log}, binary=True).fetchone()
        if row is None:
            raise LookupError(f"no log {log}")
        self.log: str = row[0]
        self.vkey: str = row[2]
        self.size: int = row[3]
        self.note: bytes = bytes(row[5])
        self._tree = _by_files(directory, log, size=self.size, root=bytes(row[4])) or _by_leaves(
            connection, log, size=self.size
        )

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """The proof that leaf `index` is in the tree of the newest checkpoint."""
        return self._tree.inclusion_proof(index, size=self.size)

    def consistency(self, size: int) -> tuple[bytes, ...]:
        """The proof that the tree of a size begins that of the newest checkpoint."""
        return self._tree.consistency_proof(size, size=self.size)

    def root_at(self, size: int) -> bytes:
        """The root of the tree at a size."""
        return self._tree.root(size)


def find_leaf(connection: Connection, ref: str) -> Placed | None:
    """Where something is logged, as `fact:<sha256>` or `registered:<sha256>`; None where it is not yet."""
    row = connection.execute(_SQL.find_leaf, {"ref": ref}, binary=True).fetchone()
    return None if row is None else Placed(row[0], row[1], bytes(row[2]))


def find_record(connection: Connection, asset_no: str, *, day: str, revision: int) -> PlacedRecord | None:
    """Where a revision of a closed record is logged; None where it is not yet."""
    values = {"asset_no": asset_no, "day": day, "revision": revision}
    row = connection.execute(_SQL.find_record, values, binary=True).fetchone()
    if row is None:
        return None
    log, index, place, grades = row
    at = {"log": log, "leaf_index": index}
    leaf = connection.execute(_SQL.load_leaf, at, binary=True).fetchone()
    assert leaf is not None, "logged records name their leaf"
    hashes = [
        leaf_hash(log_leaf.closed_leaf(log_leaf.ClosedRecord(asset, each.isoformat(), number, sha256, grade)))
        for asset, each, number, sha256, grade in connection.execute(_SQL.list_records_of_leaf, at, binary=True)
    ]
    path = merkle.inclusion_proof(hashes, place)
    return PlacedRecord(Placed(log, index, bytes(leaf[0])), place, len(hashes), grades, path)


def frontier_at(connection: Connection, log: str, size: int) -> Frontier:
    """The frontier of a log at a size, from its leaves in the database."""
    frontier = EMPTY_FRONTIER
    for at in range(0, size, _LEAVES_AT_ONCE):
        frontier = frontier.extend(map(leaf_hash, _leaves(connection, log, first=at, end=size)))
    return frontier


def _leaves(connection: Connection, log: str, *, first: int, end: int) -> Sequence[bytes]:
    values = {"log": log, "first": first, "end": min(end, first + _LEAVES_AT_ONCE)}
    return [bytes(raw) for (raw,) in connection.execute(_SQL.list_leaves, values, binary=True).fetchall()]


def _by_files(directory: Path, log: str, *, size: int, root: bytes) -> Tiles | None:
    files = TileFiles(directory, log)
    held = files.checkpoint()
    if held is None or held.size < size:
        return None
    try:
        tree = files.tree(held.size)
        if tree.root(size) != root:
            return None
    except ForeignBytesError:
        return None
    return tree


def _by_leaves(connection: Connection, log: str, *, size: int) -> Tiles:
    held: dict[str, bytes] = {}
    builder = Builder()
    for at in range(0, size, _LEAVES_AT_ONCE):
        for raw in _leaves(connection, log, first=at, end=size):
            held |= {tile.path: hashes for tile, hashes in builder.add(leaf_hash(raw))}
    held |= {tile.path: hashes for tile, hashes in builder.partial()}
    return Tiles(held.get, size)
