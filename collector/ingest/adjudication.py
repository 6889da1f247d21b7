"""A tree that does not fit: what it turns out to be. A network fault must never accuse anyone.

    a batch, or a hello of a size that is held, does not fit what is held
      │ does the batch show by itself where the histories part? (its entries, on what is held before them, lead to
      │ the root that was signed)                                                             yes: fork, with the index
      ├─ it is of a size that is held: two statements are proof enough                        fork
      └─ else ask the agent for its hashes: its tops (roots over 256 leaves each), then the leaves of the first tile
         that differs from ours
           they lead to the signed root and differ from ours at an index                      fork, with the index
           they lead to it and are ours as far as ours go                                     ok: altered on the way
           the agent's log has no tree of that size any more                                  gap
           no answer, the entries are deleted, or hashes that do not lead to the signed root  suspect: asked again

The question goes out in place of the refusal, and the answer to the agent's hashes is the refusal: so every road
carries it, one answer to a message. It is kept in the database, one for each journal: whichever process hears the
answer goes on. At most 12 questions of a journal in ten minutes; beyond that the refusal is plain, as it is for a
medium, where nobody is there to answer.

Source: evidence.md section 4, docs/forks.md.
"""

import logging
from datetime import timedelta
from functools import partial
from typing import Literal, NamedTuple

from collector.ingest import answers
from collector.ingest.accept import Fork, Refused, Suspect
from collector.ingest.fork_proofs import has_proof, prove_by_leaves, prove_by_note, prove_by_notes
from collector.ingest.held import HeldJournal
from collector.ingest.lost import keep_lost
from collector.ingest.prepare import Answered, Offer, prepare
from collector.ingest.work import Answer, Work
from collector.store.queries import load
from protocol import merkle
from protocol.branch import LEVEL, WIDTH, Branch, first_difference, tops_of
from protocol.errors import ForeignBytesError
from protocol.fork_proof import read_statement
from protocol.leaves import Ask, Leaves, ask_tile, ask_tops, pack_ask
from protocol.note import Checkpoint, open_checkpoint
from protocol.topics import up_topic

ROUNDS = 12
WINDOW = timedelta(minutes=10)
ALTERED = Refused("gap", "what was sent was altered on its way: send it again from what is held")
SHORTER = Refused("gap", "the log was signed over more entries than it has now")

log = logging.getLogger(__name__)
_SQL = load("forks")

Outcome = Literal["ok", "gap", "suspect", "fork"]


class _Question(NamedTuple):
    """What is open about a journal; `tops` and `tile` are known once the first answer is here."""

    size: int
    root: bytes
    note: bytes
    batch: bytes
    tops: bytes | None
    tile: int | None
    rounds: int

    def ask(self, log: str) -> Ask:
        return ask_tops(log, self.size) if self.tile is None else ask_tile(log, self.size, self.tile)

    def theirs(self) -> Branch:
        """The tree whose tops are here."""
        raw = self.tops or b""
        return Branch(
            self.size, tuple(raw[at : at + merkle.HASH_BYTES] for at in range(0, len(raw), merkle.HASH_BYTES))
        )


def doubt(
    work: Work, note: bytes, journal: HeldJournal, outcome: Fork | Suspect, *, offer: Offer | None = None
) -> Answer:
    """Answers a note of a tree that does not fit: with a question, or with what is known already.

    `offer` is the batch that brought it; None for a hello, which has no entries to show.
    """
    stated = read_statement(note, journal.held.key)
    question = _open(work, journal, stated, note, batch=offer.raw if offer else b"")
    within = question.rounds <= ROUNDS
    if within and offer and _is_told_by(work, offer, journal, stated):
        return _settle(work, journal, "fork", size=stated.size)
    if isinstance(outcome, Fork):
        prove_by_note(work, journal, note)
        if not within or stated.size in (0, journal.held.size) or has_proof(work, journal, with_index=True):
            if offer:
                keep_lost(work, journal, offer)
            return _settle(work, journal, "fork", size=stated.size)
    if not within or not work.can_ask:
        return _settle(work, journal, "fork" if isinstance(outcome, Fork) else "suspect", size=stated.size)
    return _ask(work, question, journal)


def hear(work: Work, answered: Answered, journal: HeldJournal | None) -> Answer:
    """Judges an agent's answer."""
    work.counts["answers"] += 1
    held, leaves = journal.held if journal else None, answered.leaves
    if journal is None or held is None or held.agent_id != answered.agent_id:
        return partial(answers.refuse, Refused("unknown-key", "no such log was enrolled"), None, log=answered.origin)
    if held.revoked:
        return partial(answers.refuse, Refused("revoked", f"the key of {answered.origin} was revoked"), None, log="")
    row = work.connection.execute(_SQL.load_question, {"journal_id": held.journal_id}, binary=True).fetchone()
    if row is None:
        return _verdict(journal)
    question = _Question(*row)
    asked = question.ask(answered.origin)
    if (leaves.size, leaves.level) != (asked.size, asked.level):
        return _again(work, journal, question)
    if leaves.cannot:
        outcome: Outcome = "gap" if leaves.cannot == "unknown" else "suspect"
        return _settle(work, journal, outcome, size=question.size)
    try:
        signed = open_checkpoint(leaves.note, held.key)
    except ForeignBytesError:
        return _again(work, journal, question)
    if signed.size != question.size:
        return _again(work, journal, question)
    if signed.root != question.root:
        prove_by_notes(work, journal, leaves.note, question.note)
        return _fork(work, journal, question, theirs=None, index=None)
    return (_hear_tops if leaves.level == LEVEL else _hear_tile)(work, journal, question, leaves)


def _is_told_by(work: Work, offer: Offer, journal: HeldJournal, stated: Checkpoint) -> bool:
    """Whether the batch itself shows where its history parts from ours; then that is proved and the batch kept."""
    batch, held = offer.batch, journal.held.size
    common = min(held, stated.size)
    if batch.old >= common:
        return False
    tiles = range(batch.old // WIDTH, tops_of(common) + 1)
    ours = journal.branch(work.connection, known=tiles)
    leaves = tuple(map(merkle.leaf_hash, batch.entries))
    theirs = ours.graft(batch.old, leaves)
    if theirs.root() != stated.root:
        return False
    index = next((at for at in range(batch.old, common) if ours.leaf(at) != leaves[at - batch.old]), None)
    if index is None:
        return False
    if not prove_by_leaves(work, journal, batch.note, ours=ours, theirs=theirs, index=index):
        return False
    keep_lost(work, journal, offer, theirs=theirs, index=index)
    return True


def _hear_tops(work: Work, journal: HeldJournal, question: _Question, leaves: Leaves) -> Answer:
    """Level 8: which tile is the first that differs? What the agent no longer has is taken to be as ours."""
    common = min(journal.held.size, question.size)
    ours = journal.branch(work.connection, known=())
    tops = ours.tops[: min(leaves.first, common // WIDTH)] + leaves.hashes
    if len(tops) != tops_of(question.size) or merkle.root(tops) != question.root:
        return _again(work, journal, question)
    tile = first_difference(ours.tops[: common // WIDTH], tops)
    if tile is None and common % WIDTH:
        tile = common // WIDTH  # the last one is whole in one of both trees only
    if tile is None:
        return _settle(work, journal, "ok", size=question.size)
    values = {"journal_id": journal.held.journal_id, "tops": b"".join(tops), "tile": tile, "now": work.now}
    work.connection.execute(_SQL.ask_on, values)
    return _ask(work, question._replace(tile=tile), journal)


def _hear_tile(work: Work, journal: HeldJournal, question: _Question, leaves: Leaves) -> Answer:
    """Level 0: which leaf of that tile is the first that differs?"""
    assert question.tile is not None, "level 0 is asked for once the tile is known"
    theirs = question.theirs().with_tile(question.tile, leaves.hashes)
    if theirs is None:
        return _again(work, journal, question)
    ours = journal.branch(work.connection, known=[question.tile])
    place = first_difference(ours.tiles.get(question.tile, ()), theirs.tiles[question.tile])
    if place is None:
        return _settle(work, journal, "ok", size=question.size)
    index = question.tile * WIDTH + place
    if not prove_by_leaves(work, journal, question.note, ours=ours, theirs=theirs, index=index):
        return _again(work, journal, question)
    return _fork(work, journal, question, theirs=theirs, index=index)


def _fork(work: Work, journal: HeldJournal, question: _Question, *, theirs: Branch | None, index: int | None) -> Answer:
    offer = prepare(up_topic(journal.held.agent_id), question.batch) if question.batch else None
    if isinstance(offer, Offer):
        keep_lost(work, journal, offer, theirs=theirs, index=index)
    return _settle(work, journal, "fork", size=question.size)


def _open(work: Work, journal: HeldJournal, stated: Checkpoint, note: bytes, *, batch: bytes) -> _Question:
    values = {
        "journal_id": journal.held.journal_id,
        "size": stated.size,
        "root": stated.root,
        "note": note,
        "batch": batch,
        "now": work.now,
        "window": WINDOW,
    }
    row = work.connection.execute(_SQL.open_question, values, binary=True).fetchone()
    assert row is not None, "an insert returns its row"
    return _Question(*row)


def _ask(work: Work, question: _Question, journal: HeldJournal) -> Answer:
    work.counts["questions"] += 1
    return partial(pack_ask, question.ask(journal.held.key.name))


def _again(work: Work, journal: HeldJournal, question: _Question) -> Answer:
    """What came leads nowhere, and may have been altered on its way: asked once more, up to the bound."""
    if question.rounds >= ROUNDS:
        return _settle(work, journal, "suspect", size=question.size)
    values = {"journal_id": journal.held.journal_id, "tops": question.tops, "tile": question.tile, "now": work.now}
    work.connection.execute(_SQL.ask_on, values)
    return _ask(work, question, journal)


def _settle(work: Work, journal: HeldJournal, outcome: Outcome, *, size: int) -> Answer:
    origin = journal.held.key.name
    work.counts[f"doubts_{outcome}"] += 1
    values = {"journal_id": journal.held.journal_id, "outcome": outcome, "now": work.now}
    work.connection.execute(_SQL.settle_question, values)
    journal.stand(outcome)
    log.warning("settled a doubt origin=%s outcome=%s size=%d", origin, outcome, size)
    return partial(answers.refuse, _rejection(outcome, size), journal, log=origin)


def _verdict(journal: HeldJournal) -> Answer:
    """What to tell an agent whose answer nobody waits for (any more)."""
    outcome: Outcome = "fork" if journal.standing == "fork" else "ok"
    return partial(answers.refuse, _rejection(outcome, journal.held.size), journal, log=journal.held.key.name)


def _rejection(outcome: Outcome, size: int) -> answers.Rejection:
    """What the agent is told; where nothing is wrong it is to send again what was altered."""
    match outcome:
        case "ok":
            return ALTERED
        case "gap":
            return SHORTER
        case "suspect":
            return Suspect(size)
    return Fork(size)
