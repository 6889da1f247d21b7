"""Batches and bundles: round trips, golden frames, and limits that hold while inflating."""

import tracemalloc
import zlib
from collections.abc import Callable
from hashlib import shake_256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import batch
from protocol.batch import Batch, pack_batch, pack_bundle, parse_batch, parse_bundle
from protocol.errors import MalformedBatch, TooLarge

Golden = Callable[[str], Any]
entry_bytes = st.binary(min_size=1, max_size=200)
batches = st.builds(
    Batch,
    st.integers(0, 2**53 - 1),
    st.binary(min_size=1, max_size=400),
    st.lists(entry_bytes, max_size=20).map(tuple),
)
NOTE = b"stands for a note\n"


def test_golden_frames_are_read_and_the_bundle_is_made(golden: Golden) -> None:
    made = golden("wire")
    entries = tuple(one.encode() for one in made["bundle"]["entries"])
    assert pack_bundle(entries).hex() == made["bundle"]["raw_hex"]
    assert parse_bundle(bytes.fromhex(made["bundle"]["raw_hex"])) == entries
    expected = Batch(made["batch"]["old"], made["batch"]["note"].encode(), entries)
    assert parse_batch(bytes.fromhex(made["batch"]["plain_hex"])) == expected
    assert parse_batch(bytes.fromhex(made["batch"]["deflated_hex"])) == expected
    assert parse_batch(pack_batch(expected)) == expected


@given(batches)
def test_a_batch_comes_back_as_it_was_packed(one: Batch) -> None:
    assert parse_batch(pack_batch(one)) == one
    assert parse_bundle(pack_bundle(one.entries)) == one.entries


def test_entries_are_compressed_where_that_helps() -> None:
    repeated = pack_batch(Batch(0, NOTE, (b'{"same":1}' * 20,) * 256))
    assert b"deflate 1\n" in repeated
    assert len(repeated) < 2000
    assert b"deflate 0\n" in pack_batch(Batch(0, NOTE, ()))


def _frame(
    body: bytes, *, old: object = 0, note: object = len(NOTE), entries: object = None, deflate: object = 0
) -> bytes:
    length = len(body) if entries is None else entries
    head = f"jishi-batch/v1\nold {old}\nnote {note}\nentries {length}\ndeflate {deflate}\n\n"
    return head.encode() + NOTE + body


BUNDLE = pack_bundle((b"{}", b"abc"))
DEFLATED = zlib.compress(BUNDLE)


def test_the_frame_of_these_tests_is_a_batch() -> None:
    assert parse_batch(_frame(BUNDLE)) == Batch(0, NOTE, (b"{}", b"abc"))
    assert parse_batch(_frame(DEFLATED, deflate=1)) == Batch(0, NOTE, (b"{}", b"abc"))
    assert parse_batch(_frame(b"")) == Batch(0, NOTE, ())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"jishi-batch/v1",
        b"jishi-batch/v1\n\n",
        b"jishi-batch/v2" + _frame(BUNDLE)[14:],
        b"\n" + _frame(BUNDLE),
        _frame(BUNDLE).replace(b"old 0\n", b""),
        _frame(BUNDLE).replace(b"old 0\n", b"old 0\nold 0\n"),
        _frame(BUNDLE).replace(b"old 0\n", b"old  0\n"),
        _frame(BUNDLE).replace(b"old 0\n", b"old 0\r\n"),
        _frame(BUNDLE).replace(b"deflate 0\n", b"deflate 0\nextra 1\n"),
        _frame(BUNDLE).replace(b"\n\n", b"\n"),
        _frame(BUNDLE, old="00"),
        _frame(BUNDLE, old="+1"),
        _frame(BUNDLE, old=-1),
        _frame(BUNDLE, old=2**53),
        _frame(BUNDLE, old="1_0"),
        _frame(BUNDLE, old="9" * 5000),
        _frame(BUNDLE, old="\u0661"),
        _frame(BUNDLE, note=0),
        _frame(BUNDLE, note=0).replace(NOTE, b""),
        _frame(BUNDLE, note=len(NOTE) + 1),
        _frame(BUNDLE, note=len(NOTE) - 1),
        _frame(BUNDLE, entries=len(BUNDLE) - 1),
        _frame(BUNDLE, entries=len(BUNDLE) + 1),
        _frame(BUNDLE) + b"x",
        _frame(BUNDLE)[:-1],
        _frame(BUNDLE, deflate=1),
        _frame(BUNDLE, deflate=2),
        _frame(BUNDLE, deflate="true"),
        _frame(DEFLATED),
        _frame(DEFLATED[:-1], deflate=1),
        _frame(DEFLATED + b"x", deflate=1),
        _frame(DEFLATED[:-1] + b"\x00", deflate=1),
        _frame(DEFLATED + DEFLATED, deflate=1),
        _frame(b"", deflate=1),
    ],
)
def test_a_frame_that_is_not_exactly_a_batch_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedBatch):
        parse_batch(raw)


@pytest.mark.parametrize(
    "raw", [b"\x00", b"\x00\x00", b"\x00\x02a", b"\x00\x01ab", b"\x10\x01" + b"x" * 4097, b"\x00\x01a\x00"]
)
def test_a_bundle_is_whole_entries_of_1_to_4096_bytes(raw: bytes) -> None:
    with pytest.raises(MalformedBatch):
        parse_bundle(raw)


def test_the_largest_entry_fits() -> None:
    largest = b"x" * 4096
    assert parse_bundle(pack_bundle((largest,))) == (largest,)
    for wrong in (b"", b"x" * 4097):
        with pytest.raises(ValueError, match="1 to 4096"):
            pack_bundle((wrong,))


def test_a_bundle_holds_at_most_its_number_of_entries() -> None:
    most = (b"x",) * batch.MAX_ENTRIES
    assert parse_bundle(pack_bundle(most)) == most
    with pytest.raises(TooLarge):
        parse_bundle(b"\x00\x01x" * (batch.MAX_ENTRIES + 1))
    with pytest.raises(ValueError, match="at most"):
        pack_bundle((*most, b"x"))


def test_four_mebibytes_inflate_and_not_one_byte_more() -> None:
    entry = b"\x0f\xfe" + b"x" * 4094  # 4096 bytes with its length
    full = entry * 1024
    assert len(full) == batch.MAX_INFLATED_BYTES
    assert len(parse_batch(_frame(zlib.compress(full), deflate=1)).entries) == 1024
    with pytest.raises(TooLarge):
        parse_batch(_frame(zlib.compress(full + b"\x00"), deflate=1))
    with pytest.raises(TooLarge):
        parse_bundle(full + b"\x00")


def test_a_bomb_is_stopped_while_inflating() -> None:
    bomb = _frame(zlib.compress(bytes(100 * 1024 * 1024), 9), deflate=1)
    assert len(bomb) < batch.MAX_WIRE_BYTES
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            parse_batch(bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * batch.MAX_INFLATED_BYTES


def test_a_message_over_one_mebibyte_is_not_even_looked_at() -> None:
    with pytest.raises(TooLarge):
        parse_batch(_frame(b"x" * batch.MAX_WIRE_BYTES))
    random = tuple(shake_256(b"%d" % number).digest(4096) for number in range(256))
    with pytest.raises(ValueError, match="send fewer"):
        pack_batch(Batch(0, NOTE, random))


@pytest.mark.parametrize(
    "wrong", [Batch(-1, NOTE, ()), Batch(2**53, NOTE, ()), Batch(0, b"", ()), Batch(0, b"x" * 131_073, ())]
)
def test_a_batch_of_ours_keeps_its_limits(wrong: Batch) -> None:
    with pytest.raises(ValueError, match="old size"):
        pack_batch(wrong)
