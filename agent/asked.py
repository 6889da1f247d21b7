"""The collector asks for hashes of the log, to find out where two histories part; the answer is what the journal holds.

Answered is about sizes that the log has: what is signed for it is a tree that the log answers for anyway, and the mark
is on the medium before (journal.py), so an answer can never sign a second root. Entries that were receipted and are
deleted have left no hashes behind, only what goes on from them: an answer to level 8 begins after them, and where
nothing asked for is left, it says so.

Whoever forges a question makes the agent read its journal: eight answers at once, then one in five seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from agent.errors import JournalDamaged
from agent.exchange import Action, SendLeaves, Tell
from protocol.branch import LEVEL, WIDTH, tops_of
from protocol.leaves import Ask, Cannot, Leaves
from protocol.merkle import leaf_hash, root

ANSWERS: Final = 8
ANSWER_EVERY_MS: Final = 5_000
_TILES_AT_ONCE = 16
"""4096 entries in memory, and the recorder waits no longer than for those."""


class Readable(Protocol):
    """What is read of the journal."""

    @property
    def size(self) -> int: ...
    @property
    def readable_from(self) -> int: ...
    def root_at(self, size: int) -> bytes: ...
    def entries(self, first: int, last: int) -> tuple[bytes, ...]: ...


class AskLimit:
    """Which questions are answered at all: those about this log, and no more than so many."""

    def __init__(self) -> None:
        self._credit_ms = ANSWERS * ANSWER_EVERY_MS
        self._told_ms: int | None = None

    def judge(self, ask: Ask, *, origin: str, now_ms: int) -> list[Action]:
        """What is done about a question that came at this monotonic time."""
        if ask.log != origin:
            return [Tell(f"ignored a question about another log, {ask.log}")]
        if self._told_ms is not None:
            self._credit_ms = min(ANSWERS * ANSWER_EVERY_MS, self._credit_ms + now_ms - self._told_ms)
        self._told_ms = now_ms
        if self._credit_ms < ANSWER_EVERY_MS:
            return [Tell("ignored a question for hashes: too many came")]
        self._credit_ms -= ANSWER_EVERY_MS
        return [SendLeaves(ask)]


def answer(journal: Readable, ask: Ask, *, sign: Callable[[int, bytes], bytes]) -> Leaves:
    """The hashes asked for, under a checkpoint that `sign` makes of size and root; or why there are none.

    EntryRefused, as `sign` raises it, where nothing can be signed: then nothing may be said.
    """
    if ask.size > journal.size:
        return _nothing(ask, "unknown")
    kept = tops_of(journal.readable_from) if ask.level == LEVEL else journal.readable_from
    first = max(ask.first, kept) if ask.level == LEVEL else ask.first
    if first < kept or first >= ask.end:
        return _nothing(ask, "deleted")
    try:
        hashes = tuple(_tops(journal, ask, first) if ask.level == LEVEL else _leaves(journal, first, ask.end))
        signed = journal.root_at(ask.size)
    except JournalDamaged:
        return _nothing(ask, "unreadable")
    return Leaves(ask.log, ask.size, ask.level, first, sign(ask.size, signed), hashes)


def _nothing(ask: Ask, why: Cannot) -> Leaves:
    return Leaves(ask.log, ask.size, ask.level, ask.first, b"", (), why)


def _tops(journal: Readable, ask: Ask, first: int) -> Iterator[bytes]:
    for number in range(first, ask.end, _TILES_AT_ONCE):
        last = min((number + _TILES_AT_ONCE), ask.end) * WIDTH
        leaves = _leaves(journal, number * WIDTH, min(last, ask.size))
        for at in range(0, len(leaves), WIDTH):
            yield root(leaves[at : at + WIDTH])


def _leaves(journal: Readable, first: int, last: int) -> list[bytes]:
    return [leaf_hash(raw) for raw in journal.entries(first, last)]
