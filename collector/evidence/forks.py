"""What became of doubts about logs, for people: how each log stands, and the proofs that third parties can check.

A proof names a log and its key, never a culprit (protocol/fork_proof.py).
"""

from datetime import datetime
from typing import NamedTuple

from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("forks")


class Doubt(NamedTuple):
    """A journal that is or was in doubt.

    asked_*: the newest doubt, of a tree of `asked_size` entries: questions so far, when the last one went out, and what
    it ended in (None while it is open). index, proved_at, proof_bytes: the proof, None where there is none; the index
    is None, too, where it shows that histories part and not where. lost_*: what is kept of the branch that came later.
    """

    agent_id: str
    epoch: int
    origin: str
    vkey: str
    standing: str
    size: int
    asked_size: int | None
    questions: int | None
    asked_at: datetime | None
    outcome: str | None
    settled_at: datetime | None
    entry_index: int | None
    proved_at: datetime | None
    proof_bytes: int | None
    lost_batches: int
    lost_bytes: int
    lost_s: int


class KeptProof(NamedTuple):
    """The file, an index at which it shows two histories, and whose it is."""

    raw: bytes
    entry_index: int | None
    vkey: str
    agent_id: str


def list_doubts(connection: Connection, *, agent_id: str | None = None) -> list[Doubt]:
    """By agent and epoch, of one agent or all."""
    return [Doubt(*row) for row in connection.execute(_SQL.list_forks, {"agent_id": agent_id})]


def find_proof(connection: Connection, origin: str) -> KeptProof | None:
    """The proof that says most about a log; None where there is none."""
    row = connection.execute(_SQL.find_proof, {"origin": origin}, binary=True).fetchone()
    return None if row is None else KeptProof(bytes(row[0]), *row[1:])
