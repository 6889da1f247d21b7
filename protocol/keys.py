"""Ed25519 keys with a name and a purpose, and their text form (C2SP vkeys).

    lab.example/a/em-01/1+95e76e18+AS1I47hD3twU0unWmwMStMhJreHB4FMe5abIIopL1a3K

that is key name, key id in hex, base64 of algorithm (1 byte: 0x01 notes, 0x04 cosignatures) and public key (32).

Decides which keys may exist at all: no `VerifierKey` has a point of low order, outside the main subgroup or in a
second spelling, because with such a key its owner could sign and deny it later; libsodium's verification refuses
what remains. Base64 has one spelling here. What is signed, and under which name, is `note`'s to decide.
Sources: C2SP signed-note (key names, key ids, vkeys), evidence.md section 2.
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

from protocol.errors import BadSignature, MalformedNote, excerpt

ED25519 = 0x01
COSIGNATURE = 0x04
SIGNATURE_BYTES = 64
MAX_NAME_BYTES = 255

_KEY_ID = re.compile(r"[0-9a-f]{8}")


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
        check_key_name(self.name)
        if self.algorithm not in (ED25519, COSIGNATURE):
            raise ValueError(f"key algorithm {self.algorithm:#04x}: 0x01 (Ed25519) or 0x04 (cosignature) is expected")
        if not is_valid_point(self.public):
            raise ValueError("the public key is not a sound Ed25519 point; make a new key pair")

    @property
    def key_id(self) -> int:
        """The 32-bit key id that stands in each signature line."""
        hashed = sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public).digest()
        return int.from_bytes(hashed[:4], "big")

    def check(self, message: bytes, signature: bytes) -> None:
        """Check a bare signature over a message; BadSignature when it is not this key's."""
        if len(signature) != SIGNATURE_BYTES:
            raise BadSignature(f"an Ed25519 signature has {SIGNATURE_BYTES} bytes, not {len(signature)}")
        try:
            crypto_sign_open(signature + message, self.public)
        except BadSignatureError as error:
            raise BadSignature(f"the signature of {self.name} does not fit the text") from error

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id:08x}+{base64_text(bytes([self.algorithm]) + self.public)}"


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

    @cached_property
    def _secret(self) -> bytes:
        # Making it from the seed costs as much as signing does.
        return crypto_sign_seed_keypair(self.seed)[1]

    def sign(self, message: bytes) -> bytes:
        """Return the bare 64-byte signature; what a key signs is decided by `note`, never by a caller of it."""
        return crypto_sign(message, self._secret)[:SIGNATURE_BYTES]


def parse_vkey(text: str) -> VerifierKey:
    """Read a vkey; MalformedNote when it is not one, or one that nobody should trust."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not _KEY_ID.fullmatch(parts[1]):
        raise MalformedNote(f"verifier key {excerpt(text)}: <name>+<8 hex digits>+<base64> is expected")
    material = read_base64(parts[2])
    try:
        key = VerifierKey(parts[0], material[0] if material else 0, material[1:])
    except ValueError as error:
        raise MalformedNote(f"verifier key {excerpt(text)}: {error}") from error
    if f"{key.key_id:08x}" != parts[1]:
        raise MalformedNote(f"verifier key {excerpt(text)}: its key id should be {key.key_id:08x}")
    return key


@lru_cache(maxsize=1024)
def check_key_name(name: str) -> None:
    """Check a key name; ValueError when it is empty, too long, or holds a space or a plus (C2SP signed-note)."""
    if not name or "+" in name or min(name) <= " " or any(map(str.isspace, name)):
        raise ValueError(f"key name {excerpt(name)}: no space, + or control character is expected")
    if len(name) > MAX_NAME_BYTES or len(name.encode()) > MAX_NAME_BYTES:
        raise ValueError(f"key name {excerpt(name)}: at most {MAX_NAME_BYTES} bytes are expected")


def base64_text(raw: bytes) -> str:
    """Return the canonical base64 of some bytes."""
    return b2a_base64(raw, newline=False).decode()


def read_base64(text: str) -> bytes:
    """Read base64 in its one canonical spelling; MalformedNote for any other."""
    try:
        raw = a2b_base64(text)
    except (Base64Error, ValueError) as error:  # ValueError: not ASCII
        raise MalformedNote(f"not base64: {excerpt(text)}") from error
    if base64_text(raw) != text:  # what a2b_base64 skips (line feeds, foreign letters, stray bits) ends here
        raise MalformedNote(f"base64 that is not in its canonical spelling: {excerpt(text)}")
    return raw
