"""What an agent answers when it is asked for hashes: what it has, what it signed, and no more than so many."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.asked import ANSWER_EVERY_MS, ANSWERS, AskLimit, answer
from agent.clock import Instant
from agent.errors import JournalDamaged
from agent.exchange import SendLeaves, Tell
from agent.journal import Journal
from agent.segments import Limits
from protocol import merkle
from protocol.branch import Branch
from protocol.entry import Storage
from protocol.keys import ED25519, SigningKey
from protocol.leaves import Ask, Leaves, ask_tile, ask_tops
from protocol.note import Checkpoint, cosign, open_checkpoint, open_receipt, sign_checkpoint
from tests.light_agent import RECEIPT_KEY

ORIGIN = "jishi.example/a/em-01/1"
KEY = SigningKey(ORIGIN, ED25519, bytes(32))


class Log:
    """A journal in memory; `lost` are entries that cannot be read."""

    def __init__(self, size: int, *, readable_from: int = 0, lost: frozenset[int] = frozenset()) -> None:
        self.raw = [f"entry {n}".encode() for n in range(size)]
        self.readable_from = readable_from
        self.lost = lost

    @property
    def size(self) -> int:
        return len(self.raw)

    def root_at(self, size: int) -> bytes:
        return merkle.root(map(merkle.leaf_hash, self.raw[:size]))

    def entries(self, first: int, last: int) -> tuple[bytes, ...]:
        assert first >= self.readable_from, "what was deleted is not read"
        if self.lost & set(range(first, last)):
            raise JournalDamaged("an entry cannot be read")
        return tuple(self.raw[first:last])


def sign(size: int, root: bytes) -> bytes:
    return sign_checkpoint(Checkpoint(ORIGIN, size, root), KEY)


def nothing(size: int, root: bytes) -> bytes:
    raise AssertionError("nothing is signed for this")


@given(size=st.integers(1, 1_200), more=st.integers(0, 300))
def test_tops_and_tiles_are_those_of_the_tree_that_is_signed(size: int, more: int) -> None:
    log = Log(size + more)
    tree = Branch.of(list(map(merkle.leaf_hash, log.raw[:size])))
    tops = answer(log, ask_tops(ORIGIN, size), sign=sign)
    assert tops.hashes == tree.tops
    assert open_checkpoint(tops.note, KEY.verifier) == Checkpoint(ORIGIN, size, tree.root())
    for number in {0, len(tree.tops) - 1}:
        tile = answer(log, ask_tile(ORIGIN, size, number), sign=sign)
        assert tree.with_tile(number, tile.hashes) is not None


def test_a_tree_that_the_log_never_had_is_not_signed() -> None:
    found = answer(Log(10), ask_tops(ORIGIN, 11), sign=nothing)
    assert (found.cannot, found.hashes, found.note) == ("unknown", (), b"")


def test_what_was_receipted_and_deleted_is_left_out_and_said_so() -> None:
    log = Log(1000, readable_from=300)
    tops = answer(log, ask_tops(ORIGIN, 1000), sign=sign)
    assert (tops.first, len(tops.hashes)) == (2, 2)
    assert answer(log, ask_tile(ORIGIN, 1000, 1), sign=nothing).cannot == "deleted"
    assert answer(log, ask_tops(ORIGIN, 200), sign=nothing).cannot == "deleted"
    assert answer(log, ask_tile(ORIGIN, 1000, 2), sign=sign).cannot is None


def test_damaged_entries_are_said_to_be_and_end_nothing() -> None:
    log = Log(1000, lost=frozenset({700}))
    assert answer(log, ask_tops(ORIGIN, 1000), sign=nothing).cannot == "unreadable"
    assert answer(log, ask_tile(ORIGIN, 1000, 0), sign=sign).cannot is None


def test_questions_about_another_log_and_too_many_are_not_answered() -> None:
    limit, ask = AskLimit(), ask_tops(ORIGIN, 5)
    [told] = limit.judge(ask_tops("jishi.example/a/em-01/2", 5), origin=ORIGIN, now_ms=0)
    assert isinstance(told, Tell)
    for _ in range(ANSWERS):
        assert limit.judge(ask, origin=ORIGIN, now_ms=0) == [SendLeaves(ask)]
    [told] = limit.judge(ask, origin=ORIGIN, now_ms=ANSWER_EVERY_MS - 1)
    assert isinstance(told, Tell)
    assert limit.judge(ask, origin=ORIGIN, now_ms=ANSWER_EVERY_MS) == [SendLeaves(ask)]
    [told] = limit.judge(ask, origin=ORIGIN, now_ms=ANSWER_EVERY_MS)
    assert isinstance(told, Tell)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A real one, of small segments, of which the first are receipted and gone."""
    limits = Limits(segment_bytes=20_000, budget_bytes=90_000, reserve_bytes=0)
    made = Journal.open(tmp_path / "journal", origin=ORIGIN, create=True, limits=limits)
    for number in range(1_000):
        made.append(Storage(f"entry {number}"), Instant(number, number), boot="00000000")
        if number % 100 == 99:
            note = sign(made.size, made.root_at(made.size))
            made.store_receipt(open_receipt(cosign(note, RECEIPT_KEY, time_s=1), RECEIPT_KEY.verifier))
    return made


def test_a_real_journal_answers_for_what_it_keeps(journal: Journal) -> None:
    def mark_and_sign(size: int, root: bytes) -> bytes:
        journal.mark_signed(size, root)
        return sign(size, root)

    assert 0 < journal.readable_from < 768
    asked = ask_tops(ORIGIN, 1000)
    tops: Leaves = answer(journal, asked, sign=mark_and_sign)
    assert tops.first == -(-journal.readable_from // 256)
    assert open_checkpoint(tops.note, KEY.verifier).root == journal.root_at(1000)
    tile = answer(journal, ask_tile(ORIGIN, 1000, 3), sign=mark_and_sign)
    assert merkle.root(tile.hashes) == tops.hashes[-1]
    assert answer(journal, Ask(ORIGIN, 1000, 0, 0, 256), sign=nothing).cannot == "deleted"
    journal.close()
