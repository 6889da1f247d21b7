"""The slip: what an agent hands to an inspector over the nonce that it journalled before his eyes. Bytes <-> values.

    jishi-slip/v1
    entry eyJ2IjoxLCJpIjox…            base64 of the exact bytes of the `inspect` entry
    note bGFiLmV4YW1wbGUvYS9l…         base64 of the checkpoint that ends with it, signed by the log's key

The checkpoint's size is the entry's index + 1: the agent has bound itself to everything before the nonce, and cannot
show the inspector one history and send the collector another without having signed both. Whoever holds the slip can
prove that; the collector compares it with the tree that it holds.
Source: evidence.md sections 3 (kind `inspect`) and 4 (an agent never signs two roots for one size).
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from protocol import entry
from protocol.entry import Entry, Inspect
from protocol.errors import ForeignBytesError, MalformedSlip, excerpt
from protocol.keys import VerifierKey, base64_text, read_base64
from protocol.note import Checkpoint, open_checkpoint, parse_checkpoint, parse_note

KIND = "jishi-slip/v1"
MAX_BYTES = 16_384

_NONCE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Slip:
    """The exact bytes of an entry and of the checkpoint that ends with it; nothing verified."""

    entry: bytes
    note: bytes

    def to_bytes(self) -> bytes:
        """Return the slip as it is written."""
        return f"{KIND}\nentry {base64_text(self.entry)}\nnote {base64_text(self.note)}\n".encode()

    @property
    def code(self) -> str:
        """Ten letters that two people can read to each other: the same slip has the same, another another."""
        return sha256(self.to_bytes()).hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class Told:
    """What a slip says: the nonce, the entry that holds it with the host's clocks, and the agent's checkpoint."""

    nonce: str
    entry: Entry
    checkpoint: Checkpoint


def check_nonce(text: str) -> str:
    """Return the nonce as it is; MalformedSlip unless it is 32 lower-case hex digits."""
    if not _NONCE.fullmatch(text):
        raise MalformedSlip(
            f"nonce {excerpt(text)}: 32 lower-case hex digits are expected, as `jishi-audit inspect nonce` makes them"
        )
    return text


def parse_slip(raw: bytes) -> Slip:
    """Read a slip without verifying it; MalformedSlip."""
    try:
        lines = raw[: MAX_BYTES + 1].decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedSlip(f"a slip is ASCII text, not {excerpt(raw)}") from error
    if len(raw) > MAX_BYTES or len(lines) != 4 or lines[0] != KIND or lines[3]:
        raise MalformedSlip(f"a slip has three lines, the first {KIND!r}, not {excerpt(raw)}")
    try:
        return Slip(_member(lines[1], "entry"), _member(lines[2], "note"))
    except ForeignBytesError as error:
        raise MalformedSlip(f"not a slip: {error}") from error


def read_slip(slip: Slip) -> Told:
    """Return what a slip says, its signature unverified; MalformedSlip where its parts do not fit together."""
    try:
        found = entry.decode(slip.entry)
        checkpoint = parse_checkpoint(parse_note(slip.note).text)
    except ForeignBytesError as error:
        raise MalformedSlip(f"not a slip: {error}") from error
    if not isinstance(found.body, Inspect):
        raise MalformedSlip(f"a slip holds an entry of the kind inspect, not {found.kind}")
    if checkpoint.size != found.index + 1:
        raise MalformedSlip(
            f"the checkpoint is over {checkpoint.size} entries; {found.index + 1} are expected, up to the nonce's"
        )
    return Told(check_nonce(found.body.nonce), found, checkpoint)


def open_slip(slip: Slip, key: VerifierKey) -> Told:
    """Return what a slip says that the log's own key signed; BadSignature, MalformedSlip."""
    told = read_slip(slip)
    open_checkpoint(slip.note, key)
    return told


def _member(line: str, name: str) -> bytes:
    found, space, value = line.partition(" ")
    if found != name or not space:
        raise MalformedSlip(f"line {excerpt(line)}: {name!r} and its base64 are expected")
    return read_base64(value)
