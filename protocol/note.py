"""C2SP signed notes with Ed25519: keys, checkpoints, receipts (= cosignatures).

Decides who signed which text. A note is text, a blank line, and signature lines; a verifier ignores the lines of keys
that it was not asked for, so that other algorithms can be added without changing what is stored. A checkpoint is a
note of three lines: origin, size, root. A receipt is the same note with the collector's timestamped line:

    lab.example/a/em-01/1
    1242
    SPSd2nvhYHJzOKNmgzRDRW6rX9nMLVwPPJXTXvDEYjY=

    — lab.example/a/em-01/1 5zXh2Bk…   base64 of key id (4 bytes) and signature (64)
    — lab.example/receipt/1 hPoLvA0…   base64 of key id (4), POSIX seconds (8, big-endian) and signature (64)

    vkey  lab.example/a/em-01/1+e735e1d8+AQ…   name, key id in hex, base64 of algorithm (1 byte) and public key (32)

Stricter than C2SP where strictness costs nobody: base64 has one spelling, a key signs a note once, a checkpoint has
no extension lines, and no `VerifierKey` exists whose point has low order or lies outside the main subgroup: such a
key could sign so that its owner may deny it later. Sources: C2SP signed-note, tlog-checkpoint, tlog-cosignature;
evidence.md sections 2 and 3.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256

from nacl.bindings import (
    crypto_core_ed25519_is_valid_point,
    crypto_sign,
    crypto_sign_open,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import BadSignatureError

from protocol.errors import BadSignature, MalformedNote, TooLarge, excerpt

ED25519 = 0x01
COSIGNATURE = 0x04
ROOT_BYTES = 32
MAX_NOTE_BYTES = 128 * 1024  # holds 16 signatures of the largest post-quantum kind
MAX_SIGNATURES = 64
MAX_NAME_BYTES = 255
MAX_SIZE = 2**53 - 1
MAX_TIME_S = 2**63 - 1

_SIGNATURE_BYTES = 64
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")
_KEY_ID = re.compile(r"[0-9a-f]{8}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


@lru_cache(maxsize=16_384)  # the check costs as much as a signature, and keys are few
def is_valid_point(public: bytes) -> bool:
    """Say whether 32 bytes are a public key of Ed25519's main subgroup, canonical and not of low order."""
    return len(public) == 32 and crypto_core_ed25519_is_valid_point(public)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name and purpose; str() gives the vkey. ValueError where no such key may exist."""

    name: str
    algorithm: int
    public: bytes

    def __post_init__(self) -> None:
        _check_key_name(self.name)
        if self.algorithm not in (ED25519, COSIGNATURE):
            raise ValueError(f"key algorithm {self.algorithm:#04x}: 0x01 (Ed25519) or 0x04 (cosignature) is expected")
        if not is_valid_point(self.public):
            raise ValueError("the public key is not a sound Ed25519 point; make a new key pair")

    @property
    def key_id(self) -> int:
        """The 32-bit key id that stands in each signature line."""
        hashed = sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public).digest()
        return int.from_bytes(hashed[:4], "big")

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id:08x}+{_base64(bytes([self.algorithm]) + self.public)}"


@dataclass(frozen=True, eq=False)
class SigningKey:
    """A key pair made from a 32-byte secret seed, which repr() never shows."""

    name: str
    algorithm: int
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != 32:
            raise ValueError("a seed has 32 bytes")
        _ = self.verifier  # refuses a wrong name or algorithm

    @cached_property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, self.algorithm, crypto_sign_seed_keypair(self.seed)[0])

    def _sign(self, message: bytes) -> bytes:
        return crypto_sign(message, crypto_sign_seed_keypair(self.seed)[1])[:_SIGNATURE_BYTES]


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature line; `signature` is what follows the key id, whatever the algorithm."""

    name: str
    key_id: int
    signature: bytes

    def __str__(self) -> str:
        return f"\u2014 {self.name} {_base64(self.key_id.to_bytes(4, 'big') + self.signature)}\n"


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
    """A log's origin, its number of entries, and the Merkle root over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note text: three lines."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A checkpoint that the collector cosigned at `time_s` (POSIX seconds), with the exact bytes that say so."""

    checkpoint: Checkpoint
    time_s: int
    raw: bytes


def parse_vkey(text: str) -> VerifierKey:
    """Read a vkey; MalformedNote when it is not one, or one that nobody should trust."""
    parts = text.split("+", 2)
    if len(text) > 4 * MAX_NAME_BYTES or len(parts) != 3 or not _KEY_ID.fullmatch(parts[1]):
        raise MalformedNote(f"verifier key {excerpt(text)}: <name>+<8 hex digits>+<base64> is expected")
    material = _unbase64(parts[2])
    try:
        key = VerifierKey(parts[0], material[0] if material else 0, material[1:])
    except ValueError as error:
        raise MalformedNote(f"verifier key {excerpt(text)}: {error}") from error
    if f"{key.key_id:08x}" != parts[1]:
        raise MalformedNote(f"verifier key {excerpt(text)}: its key id should be {key.key_id:08x}")
    return key


def parse_note(raw: bytes) -> Note:
    """Read a note without verifying it; MalformedNote or TooLarge.

    Limits: 128 KiB and 64 signature lines. Control characters other than the line feed are refused.
    """
    if len(raw) > MAX_NOTE_BYTES:
        raise TooLarge(f"a note has at most {MAX_NOTE_BYTES} bytes, not {len(raw)}")
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


def sign(text: str, key: SigningKey) -> bytes:
    """Return the note of this text with one 0x01 line; ValueError for a text that no note can hold."""
    if key.algorithm != ED25519:
        raise ValueError("only a 0x01 key signs a plain note")
    line = SignatureLine(key.name, key.verifier.key_id, key._sign(text.encode()))
    raw = Note(text, (line,)).to_bytes()
    _check_own(raw, text)
    return raw


def verify(raw: bytes, key: VerifierKey) -> str:
    """Return the text of a note that `key` (0x01) signed; BadSignature when it did not, MalformedNote, TooLarge."""
    note = parse_note(raw)
    if key.algorithm != ED25519:
        raise BadSignature(f"{key.name} is not a key for plain notes (0x01)")
    _check_signature(note.text.encode(), _only_line(note, key).signature, key)
    return note.text


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the three lines of a checkpoint's note text; MalformedNote for anything else, extension lines included."""
    lines = text.split("\n", 4)
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise MalformedNote(f"a checkpoint has three lines (origin, size, root), not {excerpt(text)}")
    origin, size, root = lines[:3]
    if len(origin) > MAX_NAME_BYTES or len(origin.encode("utf-8", "replace")) > MAX_NAME_BYTES:
        raise MalformedNote(f"an origin has at most {MAX_NAME_BYTES} bytes: {excerpt(origin)}")
    if not _SIZE.fullmatch(size) or int(size) > MAX_SIZE:
        raise MalformedNote(f"size {excerpt(size)}: a decimal number below 2^53 without leading zeros is expected")
    hashed = _unbase64(root)
    if len(hashed) != ROOT_BYTES:
        raise MalformedNote(f"a root has {ROOT_BYTES} bytes, not {len(hashed)}")
    return Checkpoint(origin, int(size), hashed)


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> bytes:
    """Return the signed checkpoint of the log whose key this is; ValueError where origin and key name differ."""
    if checkpoint.origin != key.name:
        raise ValueError(f"the key {key.name} signs no checkpoint of {checkpoint.origin}")
    if parse_checkpoint(checkpoint.text) != checkpoint:
        raise ValueError(f"not a checkpoint: {checkpoint}")
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
    bears a line under this key's name and id, which nobody but the key's owner should have written.
    """
    if key.algorithm != COSIGNATURE or not 0 <= time_s <= MAX_TIME_S:
        raise ValueError("a receipt needs a 0x04 key and a time in POSIX seconds below 2^63")
    note = parse_note(checkpoint_note)
    parse_checkpoint(note.text)
    if _lines_of(note, key.verifier) or len(note.signatures) >= MAX_SIGNATURES:
        raise MalformedNote(f"the note already bears a line of {key.name}, or has no room for one")
    signature = key._sign(_cosigned_message(note.text, time_s))
    line = SignatureLine(key.name, key.verifier.key_id, time_s.to_bytes(8, "big") + signature)
    return checkpoint_note + str(line).encode()


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
    if len(stamped) != 8 + _SIGNATURE_BYTES or time_s > MAX_TIME_S:
        raise BadSignature(f"the line of {receipt_key.name} is not a timestamped signature")
    _check_signature(_cosigned_message(note.text, time_s), stamped[8:], receipt_key)
    return Receipt(checkpoint, time_s, raw)


def enrolment_text(origin: str, vkey: str, nonce: str) -> str:
    """Return the text whose signature proves possession of a key at enrolment (never a bare nonce)."""
    text = f"jishi-enrol/v1\n{origin}\n{vkey}\n{nonce}\n"
    if text.count("\n") != 4 or not (origin and vkey and nonce):
        raise ValueError("origin, vkey and nonce are one line each")
    return text


def _parse_line(line: str) -> SignatureLine:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014":
        raise MalformedNote(f"signature line {excerpt(line)}: '\u2014 <key name> <base64>' is expected")
    try:
        _check_key_name(parts[1])
    except ValueError as error:
        raise MalformedNote(f"signature line {excerpt(line)}: {error}") from error
    blob = _unbase64(parts[2])
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


def _check_signature(message: bytes, signature: bytes, key: VerifierKey) -> None:
    if len(signature) != _SIGNATURE_BYTES:
        raise BadSignature(f"an Ed25519 signature has {_SIGNATURE_BYTES} bytes, not {len(signature)}")
    try:
        crypto_sign_open(signature + message, key.public)
    except BadSignatureError as error:
        raise BadSignature(f"the signature of {key.name} does not fit the text") from error


def _cosigned_message(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def _check_own(raw: bytes, text: str) -> None:
    if parse_note(raw).text != text:
        raise ValueError("not a text that a note can hold: it must end in a line feed")


def _check_key_name(name: str) -> None:
    if not name or "+" in name or len(name.encode()) > MAX_NAME_BYTES or any(map(str.isspace, name)):
        raise ValueError(f"key name {excerpt(name)}: 1 to {MAX_NAME_BYTES} bytes without spaces or + are expected")


def _base64(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).decode()


def _unbase64(text: str) -> bytes:
    """Read base64 in its one canonical spelling; MalformedNote for any other."""
    try:
        raw = a2b_base64(text, strict_mode=True)
    except (Base64Error, ValueError) as error:  # ValueError: not ASCII
        raise MalformedNote(f"not base64: {excerpt(text)}") from error
    if _base64(raw) != text:
        raise MalformedNote(f"base64 that is not in its canonical spelling: {excerpt(text)}")
    return raw
