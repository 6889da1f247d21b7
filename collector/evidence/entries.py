"""One entry as it was received, with its receipt and the proof that the receipt covers it.

The bytes come out of the stored batch, never out of anything decoded. The proof is made of the leaves of the whole
journal up to the receipt's size, so it takes the longer the longer the journal is: some tenths of a second for a year.
"""

from datetime import datetime
from itertools import islice
from typing import NamedTuple

from collector.ingest.held import open_bundle
from collector.store.database import Connection
from collector.store.queries import load
from protocol.merkle import inclusion_proof, leaf_hash
from protocol.note import parse_checkpoint, parse_note

_SQL = load("evidence")
_BATCHES_AT_ONCE = 50


class Receipted(NamedTuple):
    """An entry's bytes and the receipt over a tree of `size` entries, with the proof that it is one of them."""

    origin: str
    entry_index: int
    agent_id: str
    raw: bytes
    receipt: bytes
    size: int
    proof: tuple[bytes, ...]
    received_at: datetime


def find_entry(connection: Connection, origin: str, index: int) -> Receipted | None:
    """The entry at a place of a journal; None where nothing is stored of it. The connection is in a transaction."""
    values = {"origin": origin, "entry_index": index}
    row = connection.execute(_SQL.find_batch_of_entry, values, binary=True).fetchone()
    if row is None:
        return None
    journal_id, agent_id, first, _, entries, receipt, received_at = row
    raw = open_bundle(bytes(entries))[index - first]
    size = parse_checkpoint(parse_note(bytes(receipt)).text).size
    leaves = _load_leaves(connection, journal_id, size)
    proof = inclusion_proof(leaves, index)
    return Receipted(origin, index, agent_id, raw, bytes(receipt), size, proof, received_at)


def _load_leaves(connection: Connection, journal_id: int, size: int) -> list[bytes]:
    """The leaf hashes of a journal's first entries; batches follow each other without a gap."""
    leaves: list[bytes] = []
    with connection.cursor(name="leaves", binary=True) as cursor:
        cursor.itersize = _BATCHES_AT_ONCE
        for first, _, entries in cursor.execute(_SQL.list_bundles_before, {"journal_id": journal_id, "size": size}):
            assert first == len(leaves), "batches follow each other"
            leaves += [leaf_hash(raw) for raw in islice(open_bundle(bytes(entries)), size - first)]
    return leaves
