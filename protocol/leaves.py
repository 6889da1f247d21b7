"""Hashes of a log, asked for and answered: how the collector finds out where two histories of it part.

    down                                          up
    jishi-ask/v1                                  jishi-leaves/v1
    log jishi.example/a/em-01/1                   log jishi.example/a/em-01/1
    size 1242                                     size 1242
    level 8                                       level 8
    first 0                                       first 0
    count 5                                       note 213
                                                  hashes 160

                                                  <213 bytes of signed checkpoint at that size><5 hashes of 32 bytes>

Level 8: roots over 256 leaves each, the last one over as many as there are; level 0: leaf hashes. `first` and `count`
are in units of the level. An answer to level 8 may begin later than it was asked to: the entries before were receipted
and are no longer kept, and their hashes with them. Where nothing can be answered it says so with no hash, and signs
nothing that it does not have:

    cannot unknown       a member behind `first`: the log has no tree of that size
    cannot deleted       the entries were receipted and are no longer kept
    cannot unreadable    the entries are damaged

The question is not signed: whoever forges it learns hashes, and costs time (agent/asked.py bounds it). The answer is
believed only as far as its hashes lead to a root that the log's own key signed. Source: evidence.md section 4,
docs/forks.md.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from protocol.branch import LEVEL, WIDTH, tops_of
from protocol.entry import MAX_INT
from protocol.errors import MalformedMessage, TooLarge, excerpt
from protocol.header import Header, format_header
from protocol.merkle import HASH_BYTES
from protocol.note import MAX_NOTE_BYTES
from protocol.topics import parse_origin

ASK_KIND = "jishi-ask/v1"
LEAVES_KIND = "jishi-leaves/v1"
MAX_HASHES = 8_192

Cannot = Literal["unknown", "deleted", "unreadable"]
_CANNOT: tuple[Cannot, ...] = get_args(Cannot)


@dataclass(frozen=True, slots=True)
class Ask:
    """Which hashes of the tree of `size` leaves are asked for: `count` from `first` on, at level 8 or 0."""

    log: str
    size: int
    level: int
    first: int
    count: int

    @property
    def end(self) -> int:
        return self.first + self.count


@dataclass(frozen=True, slots=True)
class Leaves:
    """The hashes from `first` on, and the signed checkpoint of the tree that they are of; or why there are none."""

    log: str
    size: int
    level: int
    first: int
    note: bytes
    hashes: tuple[bytes, ...]
    cannot: Cannot | None = None


def pack_ask(ask: Ask) -> bytes:
    """Return the question as it travels; ValueError when it could not be read."""
    numbers = [(name, str(getattr(ask, name))) for name in ("size", "level", "first", "count")]
    raw = format_header(ASK_KIND, [("log", ask.log), *numbers])
    if parse_ask(raw) != ask:
        raise ValueError(f"this question would be read as another: {excerpt(raw)}")
    return raw


def parse_ask(raw: bytes) -> Ask:
    """Read a question; MalformedMessage, MalformedName, TooLarge."""
    header = Header(raw)
    log, size, level, first = _take_place(header)
    count = header.take_number("count", MAX_INT)
    header.end()
    if len(raw) != header.body_at:
        raise MalformedMessage("a question has nothing behind its header")
    ask = Ask(log, size, level, first, count)
    _check_reach(size, level, first, count)
    if not count:
        raise MalformedMessage("a question asks for one hash at least")
    return ask


def pack_leaves(leaves: Leaves) -> bytes:
    """Return the answer as it travels; ValueError when it could not be read."""
    body = b"".join(leaves.hashes)
    members = [("log", leaves.log), *((name, str(getattr(leaves, name))) for name in ("size", "level", "first"))]
    members += [("cannot", leaves.cannot)] if leaves.cannot else []
    members += [("note", str(len(leaves.note))), ("hashes", str(len(body)))]
    raw = format_header(LEAVES_KIND, members) + leaves.note + body
    if parse_leaves(raw) != leaves:
        raise ValueError(f"this answer would be read as another: {excerpt(raw)}")
    return raw


def parse_leaves(raw: bytes) -> Leaves:
    """Read an answer, its note unverified; MalformedMessage, MalformedName, TooLarge."""
    header = Header(raw)
    log, size, level, first = _take_place(header)
    word = next(header.take_all("cannot"), None)
    cannot = next((known for known in _CANNOT if known == word), None)
    note_bytes = header.take_number("note", MAX_NOTE_BYTES)
    body_bytes = header.take_number("hashes", MAX_INT)
    header.end()
    count, odd = divmod(body_bytes, HASH_BYTES)
    _check_reach(size, level, first, count)
    note_at, body_at = header.body_at, header.body_at + note_bytes
    if odd or len(raw) != body_at + body_bytes:
        raise MalformedMessage(f"an answer of {len(raw)} bytes does not have the lengths that its header says")
    if word is not None and (cannot is None or count or note_bytes):
        raise MalformedMessage(f"cannot {excerpt(word)}: one of {', '.join(_CANNOT)}, and nothing with it, is expected")
    if word is None and not (count and note_bytes):
        raise MalformedMessage("an answer without a note or without a hash must say why")
    hashes = tuple(raw[at : at + HASH_BYTES] for at in range(body_at, len(raw), HASH_BYTES))
    return Leaves(log, size, level, first, raw[note_at:body_at], hashes, cannot)


def hashes_at(size: int, level: int) -> int:
    """How many hashes the tree of `size` leaves has at level 8 or 0."""
    return tops_of(size) if level == LEVEL else size


def ask_tops(log: str, size: int) -> Ask:
    """Ask for the roots over 256 leaves each: all of them, of a tree with more than 8192 the last ones."""
    count = tops_of(size)
    return Ask(log, size, LEVEL, max(0, count - MAX_HASHES), min(count, MAX_HASHES))


def ask_tile(log: str, size: int, number: int) -> Ask:
    """Ask for the leaf hashes of one tile."""
    return Ask(log, size, 0, number * WIDTH, min(WIDTH, size - number * WIDTH))


def _take_place(header: Header) -> tuple[str, int, int, int]:
    log = header.take("log")
    parse_origin(log)
    size = header.take_number("size", MAX_INT)
    level = header.take_number("level", LEVEL)
    if level not in (0, LEVEL) or not size:
        raise MalformedMessage(f"size {size}, level {level}: a size above 0, and level 0 or {LEVEL}, are expected")
    return log, size, level, header.take_number("first", MAX_INT)


def _check_reach(size: int, level: int, first: int, count: int) -> None:
    if count > MAX_HASHES:
        raise TooLarge(f"a message asks for or holds at most {MAX_HASHES} hashes, not {count}")
    if first + count > hashes_at(size, level):
        found = f"hashes {first} to {first + count}"
        raise MalformedMessage(f"{found} of the {hashes_at(size, level)} that level {level} of size {size} has")
