"""Persons and cards as salted hashes: what the journal holds instead of them.

HMAC-SHA256 under 32 random bytes in `state_dir`/salt, which never leave this machine. Names of people and numbers of
cards are few enough to try them all, so a hash without a secret would hide nothing. The salt is outside the journal so
that it can be erased: from then on nobody can tell whose the hashes are, and the journal's proofs hold as before.

The same person has the same hash for as long as the salt lives, however the name was typed (NFKC, white space, case).
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from pathlib import Path

from agent.desk.words import refuse
from agent.disk import Disk
from agent.errors import DeskError
from agent.identity import write_private
from protocol.entry import clean_text

FILE = "salt"
SALT_BYTES = 32
MAX_NAME = 64
CARD_DIGITS = 16


class Salt:
    """The secret of this machine's hashes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of_person(self, name: str) -> str:
        """The hash of a person, 64 hex digits; the name as `tidy` returns it."""
        return self._hash(f"person\0{unicodedata.normalize('NFKC', name).casefold()}")

    def of_card(self, number: str) -> str:
        """The hash of a card, 64 hex digits; events name it by the first `CARD_DIGITS`."""
        return self._hash(f"card\0{number}")

    def _hash(self, text: str) -> str:
        return hmac.digest(self._secret, text.encode("utf-8", "replace"), "sha256").hex()


def open_salt(state_dir: Path) -> Salt:
    """The salt of a state directory, made where there is none; DeskError where the file holds something else."""
    path = state_dir / FILE
    try:
        if not path.exists():
            write_private(path, secrets.token_bytes(SALT_BYTES))
            Disk().sync_directory(state_dir)  # a salt that a power cut takes back would make one person two
        secret = path.read_bytes()
    except OSError as problem:
        raise DeskError(f"the salt {path} cannot be used: {problem}") from problem
    if len(secret) != SALT_BYTES:
        raise DeskError(
            f"{path} holds {len(secret)} bytes, not {SALT_BYTES}: put the right file back; removing it starts a new "
            "salt, and ties no hash in the journal to a person any more"
        )
    return Salt(secret)


def tidy(name: str) -> str:
    """A person's name as it is shown: one line, single spaces; DeskError where nothing is left or it is too long."""
    shown = " ".join(clean_text(unicodedata.normalize("NFC", name), 4 * MAX_NAME).split())
    if shown in ("", "-"):
        raise refuse("name_missing")
    if len(shown) > MAX_NAME:
        raise refuse("name_too_long", limit=MAX_NAME)
    return shown
