"""The parcel: how a journal's batches lie on a medium that a person carries, and the manifest that says what belongs.

    <medium>/jishi.example_a_em-01_1/            the origin, with _ for /
        000000000000-000000000256.batch         batches as they would travel, named by the entries before and after
        000000000256-000000000300.batch
        manifest.txt                            written last
        receipt                                 the collector's, once the parcel was taken in

    jishi-parcel/v1
    origin jishi.example/a/em-01/1
    made 2026-11-26T22:10:00Z
    batches 2

    000000000000-000000000256.batch 20123 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    000000000256-000000000300.batch 4711 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752

A line of the manifest names a file, its bytes and their SHA-256; the files follow each other without a gap. The
manifest is not signed: it tells a copy that is whole from one that is not, and proves nothing. What proves something
are the notes in the batches.
"""

import hashlib
import re
from dataclasses import dataclass
from itertools import pairwise

from protocol.batch import MAX_ENTRIES, MAX_WIRE_BYTES
from protocol.entry import MAX_INT
from protocol.errors import MalformedParcel, excerpt
from protocol.topics import parse_origin

KIND = "jishi-parcel/v1"
MANIFEST = "manifest.txt"
RECEIPT = "receipt"
MAX_MANIFEST_BYTES = 16 * 1024 * 1024
"""150 000 batches: more than an agent can keep."""

_LINE = re.compile(r"([0-9]{12,16})-([0-9]{12,16})\.batch ([1-9][0-9]{0,7}) ([0-9a-f]{64})")
_HEAD = re.compile(r"(\S+)\norigin (\S+)\nmade (\S+)\nbatches (0|[1-9][0-9]{0,7})\n\n")
_MADE = re.compile(r"[0-9TZ:.+-]{1,40}")


@dataclass(frozen=True, slots=True)
class Piece:
    """One batch of a parcel: the journal's size before and after it, and what its file must be."""

    old: int
    size: int
    length: int
    sha256: str

    @property
    def name(self) -> str:
        """Its file's name."""
        return f"{self.old:012d}-{self.size:012d}.batch"

    def is_of(self, raw: bytes) -> bool:
        """Whether these bytes are those that were written."""
        return len(raw) == self.length and hashlib.sha256(raw).hexdigest() == self.sha256


@dataclass(frozen=True, slots=True)
class Manifest:
    """What belongs to a parcel, in order. `made` is the agent's clock (ISO 8601, UTC), for people."""

    origin: str
    made: str
    pieces: tuple[Piece, ...]


def piece_of(old: int, size: int, raw: bytes) -> Piece:
    """The piece that a packed batch is."""
    return Piece(old, size, len(raw), hashlib.sha256(raw).hexdigest())


def directory_name(origin: str) -> str:
    """Name of a journal's directory on a medium."""
    return origin.replace("/", "_")


def pack_manifest(manifest: Manifest) -> bytes:
    """The manifest's bytes; ValueError for one that would be read as another."""
    head = f"{KIND}\norigin {manifest.origin}\nmade {manifest.made}\nbatches {len(manifest.pieces)}\n\n"
    lines = (f"{piece.name} {piece.length} {piece.sha256}\n" for piece in manifest.pieces)
    raw = (head + "".join(lines)).encode("ascii")
    if parse_manifest(raw) != manifest:
        raise ValueError(f"this manifest would be read as another: {excerpt(raw)}")
    return raw


def parse_manifest(raw: bytes) -> Manifest:
    """Read a manifest; MalformedParcel where it is none, or was cut short, or MalformedName for its origin."""
    if len(raw) > MAX_MANIFEST_BYTES:
        raise MalformedParcel(f"a manifest has at most {MAX_MANIFEST_BYTES} bytes, not {len(raw)}")
    text = raw.decode("ascii", "replace")
    head = _HEAD.match(text)
    if head is None or head[1] != KIND or not _MADE.fullmatch(head[3]):
        raise MalformedParcel(f"no manifest of a {KIND}: {excerpt(raw)}")
    parse_origin(head[2])
    pieces = tuple(map(_parse_line, text[head.end() :].splitlines()))
    if len(pieces) != int(head[4]) or not text.endswith("\n"):
        raise MalformedParcel(f"the manifest names {len(pieces)} batches and says that there are {head[4]}")
    for before, after in pairwise(pieces):
        if before.size != after.old:
            raise MalformedParcel(f"the manifest leaves a gap between {before.name} and {after.name}")
    return Manifest(head[2], head[3], pieces)


def _parse_line(line: str) -> Piece:
    match = _LINE.fullmatch(line)
    if match is None:
        raise MalformedParcel(f"line of a manifest {excerpt(line)}: <file> <bytes> <SHA-256> is expected")
    piece = Piece(int(match[1]), int(match[2]), int(match[3]), match[4])
    is_batch = piece.old < piece.size <= min(MAX_INT, piece.old + MAX_ENTRIES) and piece.length <= MAX_WIRE_BYTES
    if not is_batch or not line.startswith(f"{piece.name} "):
        raise MalformedParcel(f"line of a manifest {excerpt(line)}: no batch can be so")
    return piece
