"""The host's journal directory as it lies on its disk, read only: what an auditor compares a bundle with.

    <crc32 of the rest, 8 hex digits> <rest>\\n        each line; the first one of a file is its header
    journal/<n>/00000000000000000000.log …             one directory an epoch, files named by their first index

A small reader of its own (the format is the agent's, agent/segment.py), so that what accuses somebody shares no code
with the program that wrote the files. A line that is damaged is passed over and counted; nothing is ever written.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from protocol.entry import MAX_ENTRY_BYTES
from protocol.errors import MalformedMessage

MAX_LINE: Final = MAX_ENTRY_BYTES + 10
MAX_RECEIPT: Final = 128 * 1024
_NAME = re.compile(r"[0-9]{20}\.log")
_HEADER = re.compile(rb"jishi-journal/v1 (\S{3,255}) (0|[1-9][0-9]{0,15}) \S+")
_ENTRY = re.compile(rb'\{"v":1,"i":(0|[1-9][0-9]{0,15}),')


class Line(NamedTuple):
    """An entry's place in the log and its bytes."""

    at: int
    raw: bytes


@dataclass
class HostJournal:
    """One epoch on the host: its files, in order of their first index."""

    origin: str
    directory: Path
    files: list[Path] = field(default_factory=list)
    damaged: int = 0

    def entries(self) -> Iterator[Line]:
        """The undamaged entries in order; of an index that stands twice the one that was written last comes too."""
        for path in self.files:
            for raw in _payloads(path):
                match = None if raw is None else _ENTRY.match(raw)
                if raw is None:
                    self.damaged += 1
                elif match is not None:
                    yield Line(int(match[1]), raw)


def find_journals(directory: Path) -> dict[str, HostJournal]:
    """Every journal at or below a directory, by origin; MalformedMessage where there is none."""
    found: dict[str, HostJournal] = {}
    for path in sorted(directory.rglob("*.log")):
        if not _NAME.fullmatch(path.name) or path.is_symlink() or not path.is_file():
            continue
        first = next(_payloads(path), None)
        match = None if first is None else _HEADER.fullmatch(first)
        if match is None:
            continue
        origin = match[1].decode("utf-8", "replace")
        journal = found.setdefault(origin, HostJournal(origin, path.parent))
        if path.parent != journal.directory:
            raise MalformedMessage(
                f"{origin} lies in {journal.directory} and in {path.parent}: give the directory of the journal that "
                "the agent used, not one that holds copies as well"
            )
        journal.files.append(path)
    if not found:
        raise MalformedMessage(
            f"{directory} holds no journal: the directory is `journal` below the agent's data directory"
        )
    return found


def find_receipts(directory: Path) -> Iterator[bytes]:
    """What may be receipts in the small files beside a journal's segments, out of their slots."""
    for path in sorted(directory.iterdir()):
        if (
            path.is_symlink()
            or not path.is_file()
            or _NAME.fullmatch(path.name)
            or path.stat().st_size > 4 * MAX_RECEIPT
        ):
            continue
        yield from _notes(path.read_bytes())


def _notes(raw: bytes) -> Iterator[bytes]:
    """Everything in some bytes that looks like a signed checkpoint: three lines, a blank one, signature lines."""
    for match in _NOTE.finditer(raw):
        yield match[0]


_NOTE = re.compile(
    rb"[a-z0-9.-]+/a/[a-z0-9-]{4,40}/[0-9]{1,9}\n[0-9]{1,16}\n[A-Za-z0-9+/]{43}=\n\n"
    rb"(?:\xe2\x80\x94 [^\n]{1,400}\n){1,64}"
)


def _payloads(path: Path) -> Iterator[bytes | None]:
    """The lines without their checksums, None for one that is damaged."""
    with path.open("rb") as file:
        while raw := file.readline(MAX_LINE + 1):
            yield _payload(raw)


def _payload(raw: bytes) -> bytes | None:
    if len(raw) < 10 or not raw.endswith(b"\n") or raw[8:9] != b" ":
        return None
    payload = raw[9:-1]
    try:
        return payload if int(raw[:8], 16) == zlib.crc32(payload) else None
    except ValueError:
        return None
