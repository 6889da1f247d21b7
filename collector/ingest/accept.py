"""The accept rule: what a batch is worth to a collector that holds a journal up to some size.

A pure function over what is held and what was offered; the numbers are those of evidence.md section 4. It
decides and changes nothing: the writer stores what it says, in one transaction, and answers afterwards.

    1  frame and limits: protocol.batch.parse_batch; here only that the note counts the entries
    2  origin known and not revoked, the note verifies with the key enrolled for exactly that origin
    3  same size as held: same root -> Repeat, another root -> Fork
    4  smaller than held: Repeat, unless its root is not the held tree's root at that size -> Fork
    5  begins above what is held -> Gap
    6  entries below the size held are dropped, the rest goes on a copy of the frontier
    7  the root is the signed one -> Accepted
    8  it is not -> Suspect: altered on the way, or the agent's tree is another; ask again

A network fault must never accuse anyone: only 3 and 4 speak of a fork, and there the log's own key has signed
two trees that exclude each other.
"""

from collections.abc import Callable
from dataclasses import dataclass

from protocol.batch import Batch
from protocol.entry import Genesis, decode
from protocol.errors import BadSignature, ForeignBytesError, MalformedEntry, TooLarge
from protocol.keys import VerifierKey
from protocol.merkle import Frontier, leaf_hash
from protocol.message import RefusalCode
from protocol.note import MAX_SIGNATURES, Checkpoint, open_checkpoint, parse_note

STORED_NOTE_BYTES = 8_192
"""Of a note that is stored with every receipt: an agent's line takes 200 bytes, a post-quantum one beside it 3 400.
What C2SP allows (128 KiB) would let an enrolled agent fill the disk with lines that nobody asked for."""

RootAt = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Held:
    """What the collector holds of one journal."""

    journal_id: int
    agent_id: str
    key: VerifierKey
    revoked: bool
    frontier: Frontier

    @property
    def size(self) -> int:
        return self.frontier.size


@dataclass(frozen=True, slots=True)
class Accepted:
    """Entries from index `first` on continue the journal; `leaves` are their hashes."""

    first: int
    entries: tuple[bytes, ...]
    leaves: tuple[bytes, ...]
    frontier: Frontier


@dataclass(frozen=True, slots=True)
class Repeat:
    """Held already: the latest receipt is the answer."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Entries are missing before these."""

    old: int


@dataclass(frozen=True, slots=True)
class Fork:
    """The log's key signed another tree of this size."""

    size: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """The entries do not lead to the signed root."""

    size: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Not from this log, or not a batch."""

    code: RefusalCode
    detail: str


Outcome = Accepted | Repeat | Gap | Fork | Suspect | Refused


def accept(held: Held | None, batch: Batch, *, agent_id: str, root_at: RootAt) -> Outcome:
    """Judges a parsed batch that came in the name of `agent_id`.

    `held` is None where nobody enrolled the origin in the batch's note. `root_at(size)` gives the root of the
    held tree at a size up to the one held.
    """
    checkpoint = _open_note(held, batch.note, agent_id=agent_id)  # 2
    if isinstance(checkpoint, Refused):
        return checkpoint
    assert held is not None, "a note of an unknown origin is refused"
    if checkpoint.size != batch.old + len(batch.entries) or checkpoint.size == 0:  # 1
        return Refused(
            "malformed",
            f"the note covers {checkpoint.size} entries, the batch leads from {batch.old} "
            f"to {batch.old + len(batch.entries)}",
        )
    if checkpoint.size <= held.size:  # 3, 4
        return _compare(held, checkpoint, root_at=root_at)
    if batch.old > held.size:  # 5
        return Gap(batch.old)
    entries = batch.entries[held.size - batch.old :]  # 6
    leaves = tuple(map(leaf_hash, entries))
    frontier = held.frontier.extend(leaves)
    if frontier.root() != checkpoint.root:  # 8
        return Suspect(checkpoint.size)
    return Accepted(held.size, entries, leaves, frontier)  # 7


def judge_hello(held: Held | None, note: bytes, *, agent_id: str, root_at: RootAt) -> Checkpoint | Fork | Refused:
    """Judges the checkpoint of a hello by the same rules 2 to 4; a size above the one held is no gap here."""
    checkpoint = _open_note(held, note, agent_id=agent_id)
    if isinstance(checkpoint, Refused):
        return checkpoint
    assert held is not None, "a note of an unknown origin is refused"
    if checkpoint.size <= held.size:
        judged = _compare(held, checkpoint, root_at=root_at)
        if isinstance(judged, Fork):
            return judged
    return checkpoint


def names_key(entry: bytes, key: VerifierKey) -> bool:
    """Whether a log's first entry is a genesis that names the key that was enrolled for it."""
    try:
        body = decode(entry).body
    except MalformedEntry:
        return False
    return isinstance(body, Genesis) and body.key == str(key)


def can_cosign(note: bytes, receipt_key_name: str) -> bool:
    """Whether a verified note, which is short enough, leaves room for our line and bears none in our name already."""
    lines = note.count(b"\n\xe2\x80\x94 ")
    ours = b"\n\xe2\x80\x94 " + receipt_key_name.encode() + b" "
    return lines < MAX_SIGNATURES and ours not in note


def _compare(held: Held, checkpoint: Checkpoint, *, root_at: RootAt) -> Repeat | Fork:
    """Rules 3 and 4: is the signed tree the held one at that size?"""
    held_root = held.frontier.root() if checkpoint.size == held.size else root_at(checkpoint.size)
    return Repeat() if held_root == checkpoint.root else Fork(checkpoint.size)


def _open_note(held: Held | None, note: bytes, *, agent_id: str) -> Checkpoint | Refused:
    """Rule 2: who signed this, and may he? Before it the note's limit, of rule 1."""
    if len(note) > STORED_NOTE_BYTES:
        return Refused("too-large", f"the note has {len(note)} bytes; {STORED_NOTE_BYTES} is the limit")
    if held is None or held.agent_id != agent_id:
        return Refused("unknown-key", f"no log of agent {agent_id} was enrolled under this origin")
    if held.revoked:
        return Refused("revoked", f"the key of {held.key.name} was revoked: enrol again")
    try:
        return open_checkpoint(note, held.key)
    except BadSignature as error:
        # With a line of the enrolled key that does not fit, the note was altered on the way; that must not
        # tell an honest agent that its key is unknown.
        code: RefusalCode = "malformed" if _bears_line_of(note, held.key) else "unknown-key"
        return Refused(code, str(error))
    except TooLarge as error:
        return Refused("too-large", str(error))
    except ForeignBytesError as error:
        return Refused("malformed", str(error))


def _bears_line_of(note: bytes, key: VerifierKey) -> bool:
    return any(line.name == key.name and line.key_id == key.key_id for line in parse_note(note).signatures)
