"""What is held of one journal while a transaction is being judged: the stored state, moved on in memory.

Several batches of one journal may come in one transaction; each is judged by what the ones before it made of
the journal. Nothing here is stored before the writer swaps the journal from `old_size`.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from collector.ingest.accept import Accepted, Held
from collector.store.database import Connection
from collector.store.queries import load
from protocol.batch import MAX_INFLATED_BYTES, parse_bundle
from protocol.branch import Branch, branch_of
from protocol.merkle import EMPTY_FRONTIER, Frontier, leaf_hash
from protocol.note import parse_checkpoint, parse_note, parse_vkey

_SQL = load("ingest")


class Taken(NamedTuple):
    """One batch that will be stored: its first index, the size after it, its note, its compressed entries."""

    first: int
    size: int
    note: bytes
    bundle: bytes


@dataclass(slots=True)
class HeldJournal:
    """`held` and `standing` move with what is judged; `base` and `stored_standing` are the database's.

    `taken` are the batches that moved it; `receipt` is the latest once they are receipted. `asked` counts the
    messages that wait for that receipt: one answer serves them all, because a receipt covers what is before it.
    """

    held: Held
    receipt: bytes | None
    standing: str
    base: Frontier
    stored_standing: str
    leaves: list[bytes] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    asked: int = 0

    @property
    def moved(self) -> bool:
        return self.held.size > self.base.size

    def take(self, accepted: Accepted, *, note: bytes, bundle: bytes) -> None:
        """Moves on by an accepted batch; `bundle` is what will be stored of its entries."""
        held = self.held
        self.held = Held(held.journal_id, held.agent_id, held.key, held.revoked, accepted.frontier)
        self.leaves.extend(accepted.leaves)
        self.taken.append(Taken(accepted.first, accepted.frontier.size, note, bundle))
        self.stand("ok")

    def stand(self, standing: str) -> None:
        """A proved fork stays one."""
        if self.standing != "fork":
            self.standing = standing

    def root_at(self, connection: Connection, size: int) -> bytes:
        """The root of the held tree at a size up to the one held."""
        if size >= self.base.size:
            return self.base.extend(self.leaves[: size - self.base.size]).root()
        return _stored_root_at(connection, self.held.journal_id, size)

    def branch(self, connection: Connection, *, known: Iterable[int]) -> Branch:
        """All of the held tree, with the leaves of the tiles `known`. Reads the journal from its beginning."""
        values = {"journal_id": self.held.journal_id, "size": self.base.size}
        stored = (map(leaf_hash, entries) for entries in _stored_entries(connection, values))
        return branch_of(chain(stored, [self.leaves]), known=known)

    def note_at(self, connection: Connection, size: int) -> bytes | None:
        """The agent's own signed checkpoint over its first `size` entries, where one is stored or about to be."""
        fresh = next((taken.note for taken in self.taken if taken.size == size), None)
        if fresh is not None or not 0 < size <= self.base.size:
            return fresh
        row = connection.execute(_SQL.find_batch_up_to, {"journal_id": self.held.journal_id, "size": size}, binary=True)
        found = row.fetchone()
        return bytes(found[1]) if found is not None and found[0] == size else None


def load_held(connection: Connection, origins: set[str]) -> dict[str, HeldJournal]:
    """The held journals by origin; an origin that nobody enrolled is absent."""
    rows = connection.execute(_SQL.load_journals, {"origins": list(origins)}, binary=True).fetchall()
    return {row[0]: _from_row(row) for row in rows}


# A key is read once and not for each transaction; what is enrolled was checked, so nothing foreign fills this.
_key = lru_cache(maxsize=65_536)(parse_vkey)


def _from_row(row: tuple[Any, ...]) -> HeldJournal:
    _, journal_id, agent_id, vkey, revoked, standing, size, frontier_bytes, receipt = row
    frontier = Frontier.from_bytes(size, frontier_bytes)
    held = Held(journal_id, agent_id, _key(vkey), revoked, frontier)
    return HeldJournal(held, receipt, standing, frontier, standing)


def _stored_root_at(connection: Connection, journal_id: int, size: int) -> bytes:
    """The root at a size below the one stored: from the note of a batch that ended there, else recomputed.

    Recomputing reads the journal from its beginning. Only a checkpoint that the agent signed in the middle of
    what it later sent as one batch asks for it.
    """
    values = {"journal_id": journal_id, "size": size}
    row = connection.execute(_SQL.find_batch_up_to, values, binary=True).fetchone()
    if row is not None and row[0] == size:
        return parse_checkpoint(parse_note(row[1]).text).root
    frontier = EMPTY_FRONTIER
    for entries in _stored_entries(connection, values):
        frontier = frontier.extend(map(leaf_hash, entries[: size - frontier.size]))
    return frontier.root()


def _stored_entries(connection: Connection, values: dict[str, int]) -> Iterator[tuple[bytes, ...]]:
    with connection.cursor(name="stored_entries") as cursor:
        cursor.itersize = 50
        for (compressed,) in cursor.execute(_SQL.list_bundles_up_to, values):
            yield open_bundle(compressed)


def open_bundle(compressed: bytes) -> tuple[bytes, ...]:
    """The entries of a stored bundle, which was measured when it came."""
    return parse_bundle(zlib.decompressobj().decompress(compressed, MAX_INFLATED_BYTES))
