"""How a journal lies in a file: text lines, each behind its checksum. Pure: bytes in, values out.

    <crc32 of the rest, 8 hex digits> <rest>\\n

The first line is the header, the others are entries with consecutive indexes:

    5d0c3a7e jishi-journal/v1 jishi.example/a/em-01/1 0 -
    9f3b11c2 {"v":1,"i":0,"t":1764554716036,"m":72893813,"b":"5f3a9c01","k":"genesis","d":{…}}

The header names the log's origin, the index of the first entry, and the Merkle frontier before it (hex of the
peaks, `-` for none), so that the file can be read without those before it. A file is named by its first index in 20
digits. Any editor can read it; no program but the agent may write it.
"""

from __future__ import annotations

import re
import zlib
from array import array
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from protocol.entry import MAX_ENTRY_BYTES
from protocol.errors import BadProof
from protocol.merkle import Frontier

FORMAT = "jishi-journal/v1"
SUFFIX = ".log"
PREFIX_BYTES = 9
MAX_LINE_BYTES = PREFIX_BYTES + MAX_ENTRY_BYTES + 1

_NAME = re.compile(r"([0-9]{20})\.log")
_SCANNED_BYTES = 4 * MAX_LINE_BYTES  # holds lines that lost the line feed between them
_ENTRY_LINE = re.compile(rb'[0-9a-f]{8} \{"v":1,"i":(0|[1-9][0-9]{0,15}),')
_CRC = re.compile(rb"[0-9a-f]{8} ")


class Header(NamedTuple):
    """First line of a segment: whose log, and the tree before its first entry (frontier.size is that index)."""

    origin: str
    frontier: Frontier


class Scan(NamedTuple):
    """What can be read of a segment.

    Entries from `first` to `next` but for the `holes`. `offsets[k]` is where the line of entry first + k starts, 0 in
    a hole. `end` is where the last readable line ends, `length` the file's length: what lies between is unreadable.
    """

    header: Header | None
    first: int
    next: int
    holes: tuple[range, ...]
    offsets: array[int]
    end: int
    length: int


def name(first: int) -> str:
    """File name of the segment that starts with this index."""
    return f"{first:020d}{SUFFIX}"


def first_index(file_name: str) -> int | None:
    """The index in a segment's file name; None for a file that is not a segment."""
    match = _NAME.fullmatch(file_name)
    return int(match[1]) if match else None


def line(payload: bytes) -> bytes:
    """The line that holds these bytes, which must not contain a line feed."""
    return b"%08x %s\n" % (zlib.crc32(payload), payload)


def parse_line(raw: bytes) -> bytes | None:
    """The payload of a whole and undamaged line; None for any other bytes."""
    if not raw.endswith(b"\n") or not _CRC.match(raw):
        return None
    payload = raw[PREFIX_BYTES:-1]
    return payload if int(raw[:8], 16) == zlib.crc32(payload) else None


def header_line(header: Header) -> bytes:
    """First line of a new segment."""
    peaks = header.frontier.to_bytes().hex() or "-"
    return line(f"{FORMAT} {header.origin} {header.frontier.size} {peaks}".encode())


def parse_header(raw: bytes) -> Header | None:
    """The header in a segment's first line; None where that is damaged or of another format."""
    payload = parse_line(raw)
    fields = payload.decode("utf-8", "replace").split(" ") if payload else []
    if len(fields) != 4 or fields[0] != FORMAT or not fields[2].isdecimal():
        return None
    try:
        peaks = b"" if fields[3] == "-" else bytes.fromhex(fields[3])
        return Header(fields[1], Frontier.from_bytes(int(fields[2]), peaks))
    except (ValueError, BadProof):
        return None


def scan(file: BinaryIO, *, first: int) -> Scan:
    """Read a segment from its start, in memory that does not grow with the damage in it.

    Takes each undamaged line whose entry has an index above the last one taken; all else is unreadable.
    """
    header = parse_header(file.readline(_SCANNED_BYTES))
    if header is not None and header.frontier.size != first:
        header = None
    if header is None:
        file.seek(0)  # it may hold an entry that lost the line feed before it
    offsets: array[int] = array("Q")
    position = end = file.tell()
    while raw := file.readline(_SCANNED_BYTES):
        start, index = _find_entry(raw)
        if index is not None and 0 <= index - first - len(offsets) <= position:
            # The bound: entries that are missing before this one have at least a byte each in the file.
            offsets.extend([0] * (index - first - len(offsets)))
            offsets.append(position + start)
            end = position + len(raw)
        position += len(raw)
    return Scan(header, first, first + len(offsets), tuple(_holes(offsets, first)), offsets, end, position)


def read_entries(file: BinaryIO, offsets: Iterable[int]) -> Iterator[bytes | None]:
    """The entries whose lines start at these offsets; None for one that is missing or has become unreadable."""
    position = -1
    for offset in offsets:
        if offset and offset != position:
            file.seek(offset)
        raw = file.readline(MAX_LINE_BYTES) if offset else b""
        position = offset + len(raw)
        yield parse_line(raw)


def _holes(offsets: array[int], first: int) -> Iterator[range]:
    start = None
    for index, offset in enumerate(offsets, first):
        if offset and start is not None:
            yield range(start, index)
            start = None
        elif not offset and start is None:
            start = index


def _find_entry(raw: bytes) -> tuple[int, int | None]:
    """Where in a line an undamaged entry starts, and its index; usually at 0.

    A damaged line feed makes one line of two, and the second of them is whole: that it is there tells damage to what
    was promised from a torn end.
    """
    for match in _ENTRY_LINE.finditer(raw):
        if parse_line(raw[match.start() :]) is not None:
            return match.start(), int(match[1])
    return 0, None
