"""C2SP signed notes with Ed25519: checkpoints and receipts (= cosignatures).

Decides who signed which text. A note is text, a blank line, and signature lines; a verifier ignores the lines of keys
that it was not asked for, so that other algorithms can be added without changing what is stored. A checkpoint is a
note of three lines: origin, size, root. A receipt is the same note with the collector's timestamped line, about 335
bytes in all:

    lab.example/a/em-01/1
    1242
    nWvkITwAgEsF7BCS8RCLuqGbtA94s0Yuqfwf4kQ1Ahk=

    — lab.example/a/em-01/1 leduGCcyUcSOhZ…   base64 of key id (4 bytes), signature (64)
    — lab.example/receipt/1 CmThmAAAAABpLP…   base64 of key id (4), POSIX seconds (8, big-endian), signature (64)

Stricter than C2SP where strictness costs nobody: base64 has one spelling, a key signs a note once, a checkpoint has
no extension lines, and is signed by the key that bears the name of its origin. Which keys may exist is decided in
`keys`. Sources: C2SP signed-note, tlog-checkpoint, tlog-cosignature; evidence.md sections 2 and 3.
"""

import re
from dataclasses import dataclass

from protocol.errors import BadSignature, ForeignBytesError, MalformedNote, TooLarge, excerpt
from protocol.keys import (
    COSIGNATURE,
    ED25519,
    MAX_NAME_BYTES,
    SigningKey,
    VerifierKey,
    base64_text,
    check_key_name,
    is_valid_point,
    parse_vkey,
    read_base64,
)

__all__ = [
    "COSIGNATURE",
    "ED25519",
    "Checkpoint",
    "Note",
    "Receipt",
    "SignatureLine",
    "SigningKey",
    "VerifierKey",
    "cosign",
    "cosigned_message",
    "enrolment_text",
    "is_valid_point",
    "open_checkpoint",
    "open_receipt",
    "parse_checkpoint",
    "parse_note",
    "parse_vkey",
    "sign",
    "sign_checkpoint",
    "verify",
]

ROOT_BYTES = 32
MAX_NOTE_BYTES = 128 * 1024  # holds 16 signatures of the largest post-quantum kind
MAX_SIGNATURES = 64
MAX_SIZE = 2**53 - 1
MAX_TIME_S = 2**63 - 1

_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature line; `signature` is what follows the key id, whatever the algorithm."""

    name: str
    key_id: int
    signature: bytes

    def __str__(self) -> str:
        return f"\u2014 {self.name} {base64_text(self.key_id.to_bytes(4, 'big') + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text (ending in a line feed) and its signature lines, none of them verified."""

    text: str
    signatures: tuple[SignatureLine, ...]

    def to_bytes(self) -> bytes:
        """Return the note's one byte string."""
        return (self.text + "\n" + "".join(map(str, self.signatures))).encode()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's origin, its number of entries, and the Merkle root over them; ValueError for what cannot be one."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin or len(self.origin.encode()) > MAX_NAME_BYTES:
            raise ValueError(f"origin {excerpt(self.origin)}: one line of 1 to {MAX_NAME_BYTES} bytes is expected")
        if not 0 <= self.size <= MAX_SIZE:
            raise ValueError(f"size {self.size}: 0 to {MAX_SIZE} is expected")
        if len(self.root) != ROOT_BYTES:
            raise ValueError(f"a root has {ROOT_BYTES} bytes, not {len(self.root)}")

    @property
    def text(self) -> str:
        """The note text: three lines."""
        return f"{self.origin}\n{self.size}\n{base64_text(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A checkpoint that the collector cosigned at `time_s` (POSIX seconds), with the exact bytes that say so."""

    checkpoint: Checkpoint
    time_s: int
    raw: bytes


def parse_note(raw: bytes, *, limit: int = MAX_NOTE_BYTES) -> Note:
    """Read a note without verifying it; MalformedNote or TooLarge.

    Limits: 128 KiB, unless the caller knows better, and 64 signature lines. Control characters other than the line feed
    are refused.
    """
    if len(raw) > limit:
        raise TooLarge(f"a note has at most {limit} bytes, not {len(raw)}")
    if _CONTROL.search(raw):
        raise MalformedNote("a note holds no control characters but line feeds")
    text, blank, block = raw.rpartition(b"\n\n")
    if not blank or not block.endswith(b"\n"):
        raise MalformedNote("a note is text, a blank line, and signature lines that each end in a line feed")
    lines = block[:-1].split(b"\n", MAX_SIGNATURES)
    if len(lines) > MAX_SIGNATURES:
        raise TooLarge(f"a note has at most {MAX_SIGNATURES} signature lines")
    try:
        return Note(text.decode() + "\n", tuple(_parse_line(line.decode()) for line in lines))
    except UnicodeDecodeError as error:
        raise MalformedNote("a note is UTF-8 text") from error


def sign(text: str, *keys: SigningKey, limit: int = MAX_NOTE_BYTES) -> bytes:
    """Return the note of this text with a 0x01 line of each key; ValueError for a text that no note can hold."""
    if not keys or any(key.algorithm != ED25519 for key in keys):
        raise ValueError("only a 0x01 key signs a plain note")
    lines = (SignatureLine(key.name, key.verifier.key_id, key.sign(text.encode())) for key in keys)
    raw = Note(text, tuple(lines)).to_bytes()
    try:
        held = parse_note(raw, limit=limit).text
    except ForeignBytesError as error:
        raise ValueError(f"not a text that a note can hold: {error}") from error
    if held != text:
        raise ValueError("not a text that a note can hold: it must end in a line feed")
    return raw


def verify(raw: bytes, key: VerifierKey, *, limit: int = MAX_NOTE_BYTES) -> str:
    """Return the text of a note that `key` (0x01) signed; BadSignature when it did not, MalformedNote, TooLarge."""
    note = parse_note(raw, limit=limit)
    if key.algorithm != ED25519:
        raise BadSignature(f"{key.name} is not a key for plain notes (0x01)")
    key.check(note.text.encode(), _only_line(note, key).signature)
    return note.text


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the three lines of a checkpoint's note text; MalformedNote for anything else, extension lines included."""
    lines = text.split("\n", 4)
    if len(lines) != 4 or lines[3]:
        raise MalformedNote(f"a checkpoint has three lines (origin, size, root), not {excerpt(text)}")
    origin, size, root = lines[:3]
    if not _SIZE.fullmatch(size):
        raise MalformedNote(f"size {excerpt(size)}: a decimal number below 2^53 without leading zeros is expected")
    try:
        return Checkpoint(origin, int(size), read_base64(root))
    except ValueError as error:
        raise MalformedNote(f"not a checkpoint: {error}") from error


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> bytes:
    """Return the signed checkpoint of the log whose key this is; ValueError where origin and key name differ."""
    if checkpoint.origin != key.name:
        raise ValueError(f"the key {key.name} signs no checkpoint of {checkpoint.origin}")
    return sign(checkpoint.text, key)


def open_checkpoint(raw: bytes, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint that the log's own key signed; BadSignature, MalformedNote, TooLarge."""
    checkpoint = parse_checkpoint(verify(raw, key))
    if checkpoint.origin != key.name:
        raise BadSignature(f"the key {key.name} signed a checkpoint of another log, {excerpt(checkpoint.origin)}")
    return checkpoint


def cosign(checkpoint_note: bytes, key: SigningKey, *, time_s: int) -> bytes:
    """Return the same note with the collector's 0x04 line of this time in POSIX seconds: the receipt.

    The note's own signature is the caller's to verify first. MalformedNote when the note is no checkpoint or already
    bears a line under this key's name and id, which nobody but the key's owner should have written; TooLarge when
    there is no room for one more line.
    """
    if key.algorithm != COSIGNATURE or not 0 <= time_s <= MAX_TIME_S:
        raise ValueError("a receipt needs a 0x04 key and a time in POSIX seconds below 2^63")
    note = parse_note(checkpoint_note)
    parse_checkpoint(note.text)
    if _lines_of(note, key.verifier):
        raise MalformedNote(f"the note already bears a line of {key.name}")
    signature = key.sign(cosigned_message(note.text, time_s))
    line = SignatureLine(key.name, key.verifier.key_id, time_s.to_bytes(8, "big") + signature)
    receipt = checkpoint_note + str(line).encode()
    parse_note(receipt)  # TooLarge where the note left no room for the line
    return receipt


def open_receipt(raw: bytes, receipt_key: VerifierKey) -> Receipt:
    """Return the receipt that the collector's key gave; BadSignature, MalformedNote, TooLarge.

    Says nothing about the log's own line: compare the checkpoint with what was sent.
    """
    note = parse_note(raw)
    checkpoint = parse_checkpoint(note.text)
    if receipt_key.algorithm != COSIGNATURE:
        raise BadSignature(f"{receipt_key.name} is not a key for receipts (0x04)")
    stamped = _only_line(note, receipt_key).signature
    time_s = int.from_bytes(stamped[:8], "big")
    if time_s > MAX_TIME_S:
        raise BadSignature(f"the line of {receipt_key.name} bears a time that cannot be")
    receipt_key.check(cosigned_message(note.text, time_s), stamped[8:])
    return Receipt(checkpoint, time_s, raw)


def cosigned_message(text: str, time_s: int) -> bytes:
    """Return what a 0x04 line signs: the note's text with the time (C2SP tlog-cosignature)."""
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def enrolment_text(origin: str, vkey: str, nonce: str) -> str:
    """Return the text whose signature proves possession of a key at enrolment (never a bare nonce)."""
    text = f"jishi-enrol/v1\n{origin}\n{vkey}\n{nonce}\n"
    if text.count("\n") != 4 or not (origin and vkey and nonce):
        raise ValueError("origin, vkey and nonce are one line each")
    return text


def _parse_line(line: str) -> SignatureLine:
    parts = line.split(" ", 3)
    if len(parts) != 3 or parts[0] != "\u2014":
        raise MalformedNote(f"signature line {excerpt(line)}: '\u2014 <key name> <base64>' is expected")
    try:
        check_key_name(parts[1])
    except ValueError as error:
        raise MalformedNote(f"signature line {excerpt(line)}: {error}") from error
    blob = read_base64(parts[2])
    if len(blob) < 5:
        raise MalformedNote(f"signature line {excerpt(line)}: a key id of 4 bytes and a signature are expected")
    return SignatureLine(parts[1], int.from_bytes(blob[:4], "big"), blob[4:])


def _lines_of(note: Note, key: VerifierKey) -> list[SignatureLine]:
    key_id = key.key_id
    return [line for line in note.signatures if line.key_id == key_id and line.name == key.name]


def _only_line(note: Note, key: VerifierKey) -> SignatureLine:
    lines = _lines_of(note, key)
    if len(lines) != 1:
        raise BadSignature(f"the note bears {len(lines)} lines of the key {key.name}+{key.key_id:08x}, one is expected")
    return lines[0]
