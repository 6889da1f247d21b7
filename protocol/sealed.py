"""Secrets under a passphrase, as a text file: private keys of people, and the collector's keys on a medium. Pure.

    jishi-sealed/v1
    what person-key                       in clear: what it holds, no secret
    salt 9f…                              16 bytes in hex
    box 3Kj0…                             base64 of nonce (24 bytes) and secretbox (XSalsa20-Poly1305)

The key of the box is Argon2id over the passphrase with the salt: 3 passes over 64 MiB, fixed by the version, so that
no file can ask for more. Sources: libsodium's documentation of pwhash and secretbox (nacl.pwhash, nacl.secret).
"""

import re
from typing import NamedTuple

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.secret import SecretBox

from protocol.errors import ForeignBytesError, MalformedSealed, WrongPassphrase, excerpt
from protocol.keys import base64_text, read_base64

KIND = "jishi-sealed/v1"
SALT_BYTES: int = argon2id.SALTBYTES
NONCE_BYTES: int = SecretBox.NONCE_SIZE
PASSES, MEMORY_BYTES = 3, 64 * 1024 * 1024
MAX_BYTES = 1024 * 1024
MIN_PASSPHRASE = 10

_WHAT = re.compile(r"[a-z0-9-]{1,40}")
_SALT = re.compile(r"[0-9a-f]{32}")


class Sealed(NamedTuple):
    """A sealed file: what it holds, and the box."""

    what: str
    salt: bytes
    box: bytes


def check_passphrase(text: str) -> bytes:
    """The passphrase's bytes; ValueError for a short one."""
    if len(text) < MIN_PASSPHRASE:
        raise ValueError(f"a passphrase has at least {MIN_PASSPHRASE} characters")
    return text.encode("utf-8", "surrogatepass")


def seal(secret: bytes, passphrase: bytes, *, what: str, salt: bytes, nonce: bytes) -> bytes:
    """Return the sealed file; salt and nonce are the caller's to draw at random, once each."""
    box = SecretBox(_key(passphrase, salt)).encrypt(secret, nonce)
    raw = f"{KIND}\nwhat {what}\nsalt {salt.hex()}\nbox {base64_text(bytes(box))}\n".encode()
    if len(nonce) != NONCE_BYTES or parse_sealed(raw).what != what:
        raise ValueError("this would not be read as what it is")
    return raw


def parse_sealed(raw: bytes) -> Sealed:
    """Read a sealed file without opening it; MalformedSealed."""
    try:
        lines = raw[: MAX_BYTES + 1].decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedSealed(f"a sealed file is ASCII text, not {excerpt(raw)}") from error
    if len(raw) > MAX_BYTES or len(lines) != 5 or lines[0] != KIND or lines[4]:
        raise MalformedSealed(f"a sealed file has four lines, the first {KIND!r}, not {excerpt(raw)}")
    what, salt, box = (_value(line, name) for line, name in zip(lines[1:4], ("what", "salt", "box"), strict=True))
    if not _WHAT.fullmatch(what) or not _SALT.fullmatch(salt):
        raise MalformedSealed(f"a word and 16 bytes in hex are expected, not {excerpt(what)} and {excerpt(salt)}")
    try:
        return Sealed(what, bytes.fromhex(salt), read_base64(box))
    except ForeignBytesError as error:
        raise MalformedSealed(f"not a sealed file: {error}") from error


def unseal(sealed: Sealed, passphrase: bytes) -> bytes:
    """Return the secret; WrongPassphrase where the box does not open: another passphrase, or another byte."""
    if len(sealed.box) < NONCE_BYTES + SecretBox.MACBYTES:
        raise MalformedSealed("the box is too short to be one")
    try:
        return bytes(SecretBox(_key(passphrase, sealed.salt)).decrypt(sealed.box))
    except CryptoError as error:
        raise WrongPassphrase("the passphrase does not open it, or the file was changed") from error


def _key(passphrase: bytes, salt: bytes) -> bytes:
    return bytes(argon2id.kdf(SecretBox.KEY_SIZE, passphrase, salt, opslimit=PASSES, memlimit=MEMORY_BYTES))


def _value(line: str, name: str) -> str:
    found, space, value = line.partition(" ")
    if found != name or not space:
        raise MalformedSealed(f"line {excerpt(line)}: {name!r} and a value are expected")
    return value
