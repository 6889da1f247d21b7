"""A person's private key in a file: sealed under a passphrase, readable by its owner alone, never overwritten.

The passphrase comes from a prompt or from JISHI_PASSPHRASE; an argument would end in lists of processes and in a
shell's history.
"""

import os
import secrets
from getpass import getpass
from pathlib import Path

from protocol.audit.small_files import new_file
from protocol.errors import MalformedSealed
from protocol.keys import ED25519, SigningKey
from protocol.sealed import MAX_BYTES, NONCE_BYTES, SALT_BYTES, check_passphrase, parse_sealed, seal, unseal
from protocol.topics import parse_person

PASSPHRASE_VARIABLE = "JISHI_PASSPHRASE"  # noqa: S105 (a name, no passphrase)
WHAT = "person-key"


def make(path: Path, name: str, passphrase: bytes) -> SigningKey:
    """A new key of this name, kept at `path`. MalformedName; FileExistsError: a key is never overwritten."""
    parse_person(name)
    key = SigningKey(name, ED25519, secrets.token_bytes(32))
    raw = seal(
        key.seed + name.encode(),
        passphrase,
        what=WHAT,
        salt=secrets.token_bytes(SALT_BYTES),
        nonce=secrets.token_bytes(NONCE_BYTES),
    )
    with new_file(path, mode=0o600) as file:
        file.write(raw)
    return key


def load(path: Path, passphrase: bytes) -> SigningKey:
    """The key in a file. MalformedSealed where it holds none, WrongPassphrase, OSError."""
    with path.open("rb") as file:
        sealed = parse_sealed(file.read(MAX_BYTES + 1))
    if sealed.what != WHAT:
        raise MalformedSealed(f"{path} holds {sealed.what}, not a person's key")
    secret = unseal(sealed, passphrase)
    try:
        return SigningKey(secret[32:].decode(), ED25519, secret[:32])
    except (ValueError, UnicodeDecodeError):  # without the cause, which could quote the seed
        raise MalformedSealed(f"{path} holds no key") from None


def ask_passphrase(*, is_new: bool) -> bytes:
    """The passphrase from the variable or the prompt, asked twice for a new one; MalformedSealed for a bad one."""
    given = os.environ.get(PASSPHRASE_VARIABLE)
    text = given or getpass("passphrase (not shown): ")
    try:
        passphrase = check_passphrase(text)
    except ValueError as problem:  # before it is typed once more
        raise MalformedSealed(f"{problem}; four words drawn at random do well") from problem
    if is_new and not given and getpass("once more: ") != text:
        raise MalformedSealed("the two passphrases differ: nothing was written")
    return passphrase
