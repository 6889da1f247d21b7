"""How a journal lies in a file."""

import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import segment
from agent.segment import Header
from protocol.merkle import EMPTY_FRONTIER, leaf_hash

ORIGIN = "jishi.example/a/em-01/1"
FRONTIER = EMPTY_FRONTIER.extend(leaf_hash(b"%d" % n) for n in range(5))


def an_entry(index: int) -> bytes:
    return b'{"v":1,"i":%d,"t":1,"m":2,"b":"5f3a9c01","k":"stop","d":{"reason":"test"}}' % index


def a_file(first: int, last: int) -> bytes:
    frontier = EMPTY_FRONTIER.extend(leaf_hash(an_entry(n)) for n in range(first))
    return segment.header_line(Header(ORIGIN, frontier)) + b"".join(
        segment.line(an_entry(n)) for n in range(first, last)
    )


def test_a_line_is_its_crc_in_hex_a_space_the_entry_and_a_line_feed() -> None:
    assert segment.line(b"abc") == b"352441c2 abc\n"
    assert zlib.crc32(b"abc") == 0x352441C2
    assert segment.parse_line(b"352441c2 abc\n") == b"abc"


@pytest.mark.parametrize(
    "damaged", [b"", b"\n", b"352441c2 abc", b"352441c2 abd\n", b"352441C2 abc\n", b"352441c2_abc\n", b"+52441c2 abc\n"]
)
def test_a_damaged_line_is_none(damaged: bytes) -> None:
    assert segment.parse_line(damaged) is None


def test_a_header_comes_back() -> None:
    for header in (Header(ORIGIN, EMPTY_FRONTIER), Header(ORIGIN, FRONTIER)):
        assert segment.parse_header(segment.header_line(header)) == header


@pytest.mark.parametrize(
    "text",
    ["", "jishi-journal/v2 o 0 -", "jishi-journal/v1 o 1 -", "jishi-journal/v1 o x -", "jishi-journal/v1 o 0 zz"],
)
def test_what_is_no_header_is_none(text: str) -> None:
    assert segment.parse_header(segment.line(text.encode())) is None


def test_names_and_indexes_belong_together() -> None:
    assert segment.name(1241) == "00000000000000001241.log"
    assert segment.first_index(segment.name(1241)) == 1241
    assert segment.first_index("1241.log") is None
    assert segment.first_index("00000000000000001241.log.new") is None


def test_a_scan_finds_every_entry() -> None:
    raw = a_file(5, 9)
    scan = segment.scan(io.BytesIO(raw), first=5)
    assert (scan.next, scan.end, scan.length, scan.holes) == (9, len(raw), len(raw), ())
    assert list(segment.read_entries(io.BytesIO(raw), scan.offsets)) == [an_entry(n) for n in range(5, 9)]


def test_a_scan_goes_on_behind_damage_and_says_what_is_missing() -> None:
    raw = bytearray(a_file(0, 6))
    scan = segment.scan(io.BytesIO(raw), first=0)
    for index in (1, 2, 4):
        raw[scan.offsets[index] + 20] ^= 1
    again = segment.scan(io.BytesIO(raw), first=0)
    assert again.holes == (range(1, 3), range(4, 5))
    assert (again.next, again.end) == (6, len(raw))
    assert list(segment.read_entries(io.BytesIO(raw), again.offsets)) == [
        an_entry(0), None, None, an_entry(3), None, an_entry(5),
    ]  # fmt: skip


def test_a_line_behind_a_damaged_line_feed_is_found() -> None:
    for damaged in range(4):
        raw = bytearray(a_file(0, 3))
        feeds = [at for at, octet in enumerate(raw) if octet == 10]
        raw[feeds[damaged]] ^= 1
        scan = segment.scan(io.BytesIO(raw), first=0)
        found = [entry for entry in segment.read_entries(io.BytesIO(raw), scan.offsets) if entry is not None]
        assert found == [an_entry(n) for n in range(3) if n != damaged - 1]
        assert (scan.header is None) == (damaged == 0)


def test_a_header_of_another_index_does_not_count() -> None:
    assert segment.scan(io.BytesIO(a_file(5, 9)), first=6).header is None


def test_an_index_far_ahead_does_not_cost_memory() -> None:
    raw = a_file(0, 2) + segment.line(an_entry(10**12))
    scan = segment.scan(io.BytesIO(raw), first=0)
    assert scan.next == 2
    assert scan.end < scan.length


@given(st.binary(max_size=300), st.integers(0, 400))
def test_any_bytes_anywhere_are_survived(noise: bytes, at: int) -> None:
    raw = a_file(0, 4)
    raw = raw[:at] + noise + raw[at:]
    scan = segment.scan(io.BytesIO(raw), first=0)
    found = [entry for entry in segment.read_entries(io.BytesIO(raw), scan.offsets) if entry is not None]
    assert set(found) <= {an_entry(n) for n in range(4)}
    assert scan.end <= scan.length == len(raw)
