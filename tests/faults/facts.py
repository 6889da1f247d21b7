"""What there is after a scenario, read by none of the code that it judges: journals from their files, the rest by SQL.

Issued   one epoch's journal on an agent's disk: every line with a right checksum, every receipt
Stored   one journal at the collector: its batches, its latest receipt, its readings
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from protocol.batch import parse_bundle
from protocol.topics import parse_origin

_NOTE = re.compile(
    rb"(?P<origin>[^\n ]+/a/[a-z0-9-]{4,40}/[0-9]+)\n(?P<size>[0-9]+)\n[A-Za-z0-9+/=]{44}\n\n(?:\xe2\x80\x94 [^\n]+\n)+"
)
_SLOT = re.compile(rb"(?P<crc>[0-9a-f]{8}) (?P<summed>[0-9]{1,18} (?P<length>[0-9]{1,8})\n)")


@dataclass(frozen=True)
class Issued:
    """`entries[i]` are all the byte strings that were ever the entry i: one, unless a copy went on too."""

    origin: str
    entries: dict[int, frozenset[bytes]] = field(repr=False)
    receipts: frozenset[bytes] = field(repr=False, default=frozenset())

    @property
    def epoch(self) -> int:
        return parse_origin(self.origin)[2]

    @property
    def size(self) -> int:
        return max(self.entries, default=-1) + 1

    @property
    def receipted(self) -> int:
        return max(map(size_of, self.receipts), default=0)

    def merge(self, other: "Issued") -> "Issued":
        """What either saw."""
        entries = dict(self.entries)
        for index, found in other.entries.items():
            entries[index] = entries.get(index, frozenset()) | found
        return Issued(self.origin, entries, self.receipts | other.receipts)


@dataclass(frozen=True)
class StoredBatch:
    first: int
    size: int
    entries: tuple[bytes, ...] = field(repr=False)
    note: bytes = field(repr=False)
    receipt: bytes = field(repr=False)


@dataclass(frozen=True)
class Stored:
    """What the collector holds of one journal; `readings` are the entry indexes of its rows, one each."""

    origin: str
    size: int
    standing: str
    receipt: bytes | None = field(repr=False)
    batches: tuple[StoredBatch, ...] = field(repr=False)
    readings: tuple[int, ...] = field(repr=False)

    @property
    def entries(self) -> list[bytes]:
        """In the order of the batches."""
        return [entry for batch in self.batches for entry in batch.entries]


def size_of(note: bytes) -> int:
    """The size in a checkpoint or receipt."""
    return int(note.split(b"\n", 2)[1])


def origin_of(note: bytes) -> str:
    """The origin in a checkpoint or receipt."""
    return note.split(b"\n", 1)[0].decode()


def read_issued(state_dir: Path) -> list[Issued]:
    """Every journal below a state directory that has a readable line."""
    found = [_read_journal(directory) for directory in sorted(state_dir.glob("journal/*"))]
    return [issued for issued in found if issued is not None]


def read_stored(connection: psycopg.Connection[Any]) -> list[Stored]:
    """Every journal that the collector knows."""
    rows = connection.execute("SELECT journal_id, origin, size, standing, receipt FROM journal ORDER BY origin")
    return [
        Stored(
            origin,
            size,
            standing,
            None if receipt is None else bytes(receipt),
            tuple(_read_batches(connection, journal_id)),
            tuple(row[0] for row in connection.execute(_READINGS, [journal_id])),
        )
        for journal_id, origin, size, standing, receipt in rows.fetchall()
    ]


_READINGS = "SELECT entry_index FROM reading WHERE journal_id = %s ORDER BY entry_index"
_BATCHES = (
    "SELECT first, size, entries, coalesce(note, receipt), receipt FROM batch WHERE journal_id = %s ORDER BY first"
)


def _read_batches(connection: psycopg.Connection[Any], journal_id: int) -> Iterator[StoredBatch]:
    for first, size, bundle, note, receipt in connection.execute(_BATCHES, [journal_id]):
        yield StoredBatch(first, size, parse_bundle(zlib.decompress(bundle)), bytes(note), bytes(receipt))


def _read_journal(directory: Path) -> Issued | None:
    origin, entries = "", {}
    segments = sorted(path for path in directory.glob("*.log") if path.stem.isdecimal())
    if not segments:
        return None  # it is only just being made
    for segment, follower in zip(segments, [*segments[1:], None], strict=True):
        header, *lines = _read(segment).split(b"\n")
        # What stands in a segment behind the first entry of the next was never promised.
        end = int(follower.stem) if follower else None
        for index, line in enumerate(lines, int(segment.stem)):
            if (end is None or index < end) and _is_whole(line):
                entries[index] = frozenset({line[9:]})
        found = re.search(rb"[^\s\"]+/a/[a-z0-9-]{4,40}/[0-9]+", header)
        origin = found.group().decode() if found else origin
    if not origin:
        return None
    return Issued(origin, entries, frozenset(_receipts_in(_read(directory / "receipt"))))


def _receipts_in(slots: bytes) -> Iterator[bytes]:
    """The receipts in a file of slots: each value stands behind its checksum, number and length."""
    for head in _SLOT.finditer(slots):
        value = slots[head.end() : head.end() + int(head["length"])]
        if zlib.crc32(head["summed"] + value) == int(head["crc"], 16) and (note := _NOTE.search(value)):
            yield note.group()


def _is_whole(line: bytes) -> bool:
    return len(line) > 9 and line[8:9] == b" " and line[:8] == b"%08x" % zlib.crc32(line[9:])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def contiguous_size(batches: Sequence[StoredBatch]) -> int:
    """How many entries from 0 on follow each other without a gap."""
    size = 0
    for batch in batches:
        if batch.first != size:
            break
        size = batch.size
    return size
