"""Users as salted hashes: what facts hold instead of the names of people.

HMAC-SHA256 under 32 random bytes in <data_dir>/keys/users.salt. Facts are never deleted and are shown to auditors; a
name in one could never be taken back. The salt can be erased: from then on nobody can tell whose the hashes are.
"""

import hmac
import secrets
import unicodedata
from pathlib import Path

from collector.errors import ConfigError
from collector.private_file import make_private_directory, read_private, write_once

SALT_BYTES = 32


def open_salt(data_dir: Path) -> bytes:
    """The salt, made where there is none. ConfigError where the file cannot be used."""
    path = data_dir / "keys" / "users.salt"
    if not path.exists():
        make_private_directory(path.parent)
        write_once(path, secrets.token_bytes(SALT_BYTES))
    salt = read_private(path, what="salt of users", remedy="start again, and it is made")
    if len(salt) != SALT_BYTES:
        raise ConfigError(f"{path} has {len(salt)} bytes, not {SALT_BYTES}: restore it from a backup")
    return salt


def hash_user(name: str, salt: bytes) -> str:
    """The hash of a user, 64 hex digits; the same however the name was typed (NFKC, white space, case)."""
    plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return hmac.digest(salt, f"user\0{plain}".encode("utf-8", "replace"), "sha256").hex()
