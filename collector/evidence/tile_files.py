"""The log as files, for anybody who reads tlog-tiles: written after each commit, and again from the database if lost.

    <directory>/2026-1/checkpoint            written last, so that whatever it promises is there
    <directory>/2026-1/tile/0/x001/234       see protocol/tiles.py
    <directory>/2026-1/tile/entries/000.p/7

Files are whole or absent: each gets its name when it is on the medium. A partial tile goes once the full one is there.
The directory is the log's second witness: a checkpoint in it that the database does not have means that the database
was restored.
"""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from collector.evidence.sequencer import Head
from collector.private_file import replace
from collector.store.database import Connection
from collector.store.queries import load
from protocol import tiles
from protocol.errors import BadProof, ForeignBytesError
from protocol.merkle import leaf_hash, verify_consistency
from protocol.note import Checkpoint, parse_checkpoint, parse_note
from protocol.tiles import CHECKPOINT, WIDTH, Builder, Tiles

_LEAVES_AT_ONCE = 4096
_READABLE = 0o644
_SQL = load("log")


class TileFiles:
    """The files of one log."""

    def __init__(self, directory: Path, log: str) -> None:
        self.directory = directory / log
        self._log = log

    def read(self, path: str) -> bytes | None:
        """The bytes of a file below the log's directory; None where there is none."""
        try:
            return (self.directory / path).read_bytes()
        except FileNotFoundError:
            return None

    def checkpoint(self) -> Checkpoint | None:
        """What the newest file says, which nobody verifies here; None where there is none that can be read."""
        raw = self.read(CHECKPOINT)
        try:
            return None if raw is None else parse_checkpoint(parse_note(raw).text)
        except ForeignBytesError:
            return None

    def tree(self, size: int) -> Tiles:
        """The tree of a size that the files hold; BadProof at a missing one."""
        return Tiles(self.read, size)

    def checked_root_at(self, size: int, head: Head) -> bytes | None:
        """The root at a size by the files; None where they do not reach, or do not lead to the head's root as well."""
        held = self.checkpoint()
        if held is None or not 0 < size <= held.size or (held.size, held.root) != (head.size, head.frontier.root()):
            return None
        try:
            tree = self.tree(held.size)
            frontier = tree.frontier(size)
            rest = tree.consistency_proof(size)
            verify_consistency(
                old_size=size, old_root=frontier.root(), new_size=held.size, new_root=held.root, proof=rest
            )
        except ForeignBytesError:
            return None
        return frontier.root()

    def publish(self, connection: Connection, head: Head) -> int:
        """Write what the files lack of the head's tree, the checkpoint last; returns how many leaves that were.

        Files that are not the beginning of this tree are written anew: whoever calls has looked whose fault it is.
        """
        size = self._usable(head)
        builder = Builder.resume(self.tree(size)) if size else Builder()
        rest = self._rest_of_bundle(size)
        for raw in _leaves(connection, self._log, first=size, end=head.size):
            rest.append(raw)
            for tile, hashes in builder.add(leaf_hash(raw)):
                self._write(tile.path, hashes)
            if builder.size % WIDTH == 0:
                self._write(tiles.entries_path(builder.size // WIDTH - 1), tiles.pack_entries(rest))
                rest = []
        for tile, hashes in builder.partial():
            self._write(tile.path, hashes)
        if rest:
            self._write(tiles.entries_path(builder.size // WIDTH, width=len(rest)), tiles.pack_entries(rest))
        self._write(CHECKPOINT, head.note)
        self._clear(size, head.size)
        return head.size - size

    def remove(self) -> None:
        """Take the files away, the checkpoint first, so that nobody finds one that promises more than is there."""
        (self.directory / CHECKPOINT).unlink(missing_ok=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _usable(self, head: Head) -> int:
        """How many leaves the files hold of this very tree; 0 where they are to be written anew."""
        held = self.checkpoint()
        if held is None or held.size > head.size:
            return 0
        try:
            tree = self.tree(held.size)
            if tree.root() != held.root:
                return 0
            if held.size == head.size and held.root != head.frontier.root():
                return 0
            self._rest_of_bundle(held.size)
        except ForeignBytesError:
            return 0
        return held.size

    def _rest_of_bundle(self, size: int) -> list[bytes]:
        if size % WIDTH == 0:
            return []
        raw = self.read(tiles.entries_path(size // WIDTH, width=size % WIDTH))
        if raw is None:
            raise BadProof(f"the last bundle of entries of a tree of {size} is missing")
        return list(tiles.parse_entries(raw, most=size % WIDTH))

    def _write(self, path: str, content: bytes) -> None:
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        replace(target, content, mode=_READABLE)

    def _clear(self, before: int, size: int) -> None:
        """Remove partial tiles whose full ones are there."""
        for path in _filled(before, size):
            shutil.rmtree(self.directory / f"{path}.p", ignore_errors=True)


def _filled(before: int, size: int) -> Iterable[str]:
    for number in range(before // WIDTH, size // WIDTH):
        yield tiles.entries_path(number)
    for tile in tiles.tiles_of(size, since=before):
        if tile.width == WIDTH:
            yield tile.path


def _leaves(connection: Connection, log: str, *, first: int, end: int) -> Iterator[bytes]:
    """The leaves of [first, end) out of the database, in portions."""
    for at in range(first, end, _LEAVES_AT_ONCE):
        values = {"log": log, "first": at, "end": min(end, at + _LEAVES_AT_ONCE)}
        for (raw,) in connection.execute(_SQL.list_leaves, values, binary=True).fetchall():
            yield bytes(raw)
