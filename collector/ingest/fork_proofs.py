"""Makes the file that proves a fork, from what is held and what the log's key signed beside it, and keeps it.

    the two trees, and the leaves of both at the index     leaves: says where they part
    two statements of one size                             roots
    the held tree and a statement of a smaller one         prefix: that they part, not where

What is held is stated by the agent's own note over it, which is in its receipt. Every proof is verified once more as a
third party would before it is stored: a mistake of ours must accuse nobody.
"""

import logging

from collector.ingest.held import HeldJournal
from collector.ingest.work import Work
from collector.store.queries import load
from protocol.branch import WIDTH, Branch
from protocol.errors import ForeignBytesError
from protocol.fork_proof import (
    DifferentLeaves,
    DifferentPrefix,
    ForkProof,
    Included,
    Roots,
    Shown,
    decode,
    encode,
    read_statement,
    verify_fork,
)

log = logging.getLogger(__name__)
_SQL = load("forks")


def has_proof(work: Work, journal: HeldJournal, *, with_index: bool) -> bool:
    """Whether a proof is kept already, one that says where where that is asked for."""
    row = work.connection.execute(_SQL.load_best_proof, {"journal_id": journal.held.journal_id}).fetchone()
    return row is not None and (row[0] is not None or not with_index)


def prove_by_leaves(work: Work, journal: HeldJournal, note: bytes, *, ours: Branch, theirs: Branch, index: int) -> bool:
    """Keep the proof that both trees have another leaf at `index`, unless one is kept; whether there is one.

    Both trees know the tile in which it lies.
    """
    if has_proof(work, journal, with_index=True):
        return True
    sides = [
        (branch.size, stated, Included(branch.leaf(index), branch.inclusion_proof(index)))
        for branch, stated in ((ours, _own_note(work, journal)), (theirs, note))
    ]
    (_, note_a, a), (_, note_b, b) = sorted(sides, key=lambda side: side[0])
    return _keep(work, journal, ForkProof(note_a, note_b, DifferentLeaves(index, a, b)), index)


def prove_by_notes(work: Work, journal: HeldJournal, note: bytes, other: bytes) -> None:
    """Keep the proof by two statements of one size."""
    _keep(work, journal, ForkProof(other, note, Roots()), None)


def prove_by_note(work: Work, journal: HeldJournal, note: bytes) -> None:
    """Keep the proof by a statement of a tree that is not the held one at its size, unless there is one.

    Where the agent stated the held tree at that size, too, these two; else the held tree shows what it began with.
    """
    size = read_statement(note, journal.held.key).size
    if not size or has_proof(work, journal, with_index=False):
        return  # a tree without entries has one root; who signs another has signed nonsense, which proves nothing
    other = journal.note_at(work.connection, size)
    if other is not None:
        prove_by_notes(work, journal, note, other)
        return
    ours = journal.branch(work.connection, known=[size // WIDTH])
    shown: Shown = DifferentPrefix(ours.root_at(size), ours.consistency_proof(size))
    _keep(work, journal, ForkProof(note, _own_note(work, journal), shown), None)


def _own_note(work: Work, journal: HeldJournal) -> bytes:
    note = journal.note_at(work.connection, journal.held.size) or journal.receipt
    assert note is not None, "what is held was signed by the agent"
    return note


def _keep(work: Work, journal: HeldJournal, proof: ForkProof, index: int | None) -> bool:
    """Whether it holds."""
    raw = encode(proof)
    try:
        verify_fork(decode(raw), journal.held.key)
    except ForeignBytesError as error:
        log.error("a fork proof of ours does not hold, and is not kept origin=%s: %s", journal.held.key.name, error)
        return False
    values = {"journal_id": journal.held.journal_id, "entry_index": index, "proof": raw, "now": work.now}
    if work.connection.execute(_SQL.insert_proof, values).rowcount:
        work.counts["forks_proved"] += 1
        log.warning("proved a fork origin=%s index=%s", journal.held.key.name, index)
    return True
