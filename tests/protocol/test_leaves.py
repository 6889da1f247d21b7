"""Questions for hashes and their answers: one spelling each, limits before anything is unpacked."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedMessage, MalformedName, TooLarge
from protocol.keys import ED25519, SigningKey
from protocol.leaves import (
    MAX_HASHES,
    Ask,
    Leaves,
    ask_tile,
    ask_tops,
    pack_ask,
    pack_leaves,
    parse_ask,
    parse_leaves,
)
from protocol.merkle import leaf_hash
from protocol.message import parse_down, parse_up
from protocol.note import Checkpoint, sign_checkpoint

LOG = "jishi.example/a/em-01/1"
KEY = SigningKey(LOG, ED25519, bytes(32))
NOTE = sign_checkpoint(Checkpoint(LOG, 1242, bytes(32)), KEY)
ANSWER = Leaves(LOG, 1242, 8, 1, NOTE, (b"a" * 32, b"b" * 32, b"c" * 32, b"d" * 32))


def test_a_question_is_six_lines() -> None:
    raw = b"jishi-ask/v1\nlog jishi.example/a/em-01/1\nsize 1242\nlevel 8\nfirst 0\ncount 5\n\n"
    assert parse_ask(raw) == parse_down(raw) == Ask(LOG, 1242, 8, 0, 5) == ask_tops(LOG, 1242)
    assert pack_ask(ask_tops(LOG, 1242)) == raw
    with pytest.raises(MalformedMessage):
        parse_up(raw)


def test_an_answer_is_a_header_a_note_and_hashes() -> None:
    raw = pack_leaves(ANSWER)
    assert raw.startswith(b"jishi-leaves/v1\nlog jishi.example/a/em-01/1\nsize 1242\nlevel 8\nfirst 1\nnote ")
    assert raw.endswith(b"hashes 128\n\n" + NOTE + b"".join(ANSWER.hashes))
    assert parse_leaves(raw) == parse_up(raw) == ANSWER
    with pytest.raises(MalformedMessage, match="only agents send"):
        parse_down(raw)


def test_an_answer_may_say_that_there_is_none() -> None:
    for word in ("unknown", "deleted", "unreadable"):
        none = Leaves(LOG, 1242, 0, 256, b"", (), word)  # type: ignore[arg-type]
        assert parse_leaves(pack_leaves(none)) == none


@pytest.mark.parametrize(
    ("size", "number", "expected"), [(1242, 0, (0, 256)), (1242, 4, (1024, 218)), (256, 0, (0, 256)), (1, 0, (0, 1))]
)
def test_a_tile_is_256_leaves_or_what_there_is(size: int, number: int, expected: tuple[int, int]) -> None:
    asked = ask_tile(LOG, size, number)
    assert (asked.first, asked.count) == expected
    assert parse_ask(pack_ask(asked)) == asked


def test_of_a_very_large_tree_the_last_tops_are_asked_for() -> None:
    asked = ask_tops(LOG, 256 * 10_000 + 1)
    assert (asked.first, asked.count, asked.end) == (10_001 - MAX_HASHES, MAX_HASHES, 10_001)
    assert parse_ask(pack_ask(asked)) == asked


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ((b"level 8", b"level 4"), MalformedMessage),
        ((b"size 1242", b"size 0"), MalformedMessage),
        ((b"count 5", b"count 6"), MalformedMessage),
        ((b"count 5", b"count 0"), MalformedMessage),
        ((b"count 5", b"count 05"), MalformedMessage),
        ((b"count 5", b"count 8193"), TooLarge),
        ((b"em-01/1", b"em-01/x"), MalformedName),
        ((b"\n\n", b"\n\nx"), MalformedMessage),
        ((b"\n\n", b"\nmore 1\n\n"), MalformedMessage),
    ],
)
def test_another_question_is_refused(change: tuple[bytes, bytes], error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_ask(pack_ask(Ask(LOG, 1242, 8, 0, 5)).replace(*change))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ((b"hashes 128", b"hashes 127"), MalformedMessage),
        ((b"hashes 128", b"hashes 96"), MalformedMessage),
        ((b"hashes 128", b"hashes 9007199254740991"), TooLarge),
        ((b"first 1", b"first 2"), MalformedMessage),
        ((b"first 1\n", b"first 1\ncannot deleted\n"), MalformedMessage),
        ((b"first 1\n", b"first 1\ncannot be\n"), MalformedMessage),
        ((b"note ", b"note 1"), MalformedMessage),
    ],
)
def test_another_answer_is_refused(change: tuple[bytes, bytes], error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_leaves(pack_leaves(ANSWER).replace(*change, 1))


def test_an_answer_without_hashes_must_say_why() -> None:
    raw = b"jishi-leaves/v1\nlog %s\nsize 1242\nlevel 8\nfirst 0\nnote 0\nhashes 0\n\n" % LOG.encode()
    with pytest.raises(MalformedMessage, match="must say why"):
        parse_leaves(raw)
    with pytest.raises(ValueError, match="must say why"):
        pack_leaves(Leaves(LOG, 1242, 8, 0, b"", ()))


@given(size=st.integers(1, 2**52), number=st.integers(0, 2**44), count=st.integers(1, 300))
def test_what_is_packed_is_read_back(size: int, number: int, count: int) -> None:
    if number + count <= size:
        ask = Ask(LOG, size, 0, number, count)
        assert parse_ask(pack_ask(ask)) == ask
        answer = Leaves(LOG, size, 0, number, NOTE, (bytes(32),) * count)
        assert parse_leaves(pack_leaves(answer)) == answer


def test_golden_messages_are_made_and_read(golden: Callable[[str], dict[str, Any]]) -> None:
    made = golden("forks")
    assert pack_ask(parse_ask(made["ask"].encode())).decode() == made["ask"]
    for raw in (bytes.fromhex(made["answer_hex"]), made["cannot"].encode()):
        assert pack_leaves(parse_leaves(raw)) == raw
    answer = parse_leaves(bytes.fromhex(made["answer_hex"]))
    assert answer.hashes == tuple(leaf_hash(f"entry {n}".encode()) for n in range(3))
