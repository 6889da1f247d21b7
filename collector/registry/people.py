"""People, by name and password or by API key.

Passwords are kept as Argon2id hashes. API keys and web sessions are 256 random bits: they are kept as their
SHA-256, which needs no salt, and are shown once, when they are made.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from collector.errors import RegistryError, UnknownName
from collector.store.database import Connection
from collector.store.queries import load

KEY_PREFIX = "jk_"
MIN_PASSWORD = 10
_HASHER = PasswordHasher()
# Compared against where there is no hash, so that an unknown name takes as long as a wrong password.
_NO_HASH = _HASHER.hash(secrets.token_hex())
_SQL = load("registry")


class Person(NamedTuple):
    person_id: int
    name: str


def register_person(connection: Connection, name: str, *, password: str | None = None) -> Person:
    """Registers a person, or gives a known one a new password. Raises RegistryError for a short password."""
    if not name or not name.isprintable() or name != name.strip():
        raise RegistryError(f"{name!a} is no name: printable characters are expected")
    if password is not None and len(password) < MIN_PASSWORD:
        raise RegistryError(f"a password needs at least {MIN_PASSWORD} characters")
    with connection.transaction():
        connection.execute(_SQL.insert_person, {"name": name})
        if password is not None:
            connection.execute(_SQL.set_password, {"name": name, "password_hash": _HASHER.hash(password)})
        return find_person(connection, name)


def find_person(connection: Connection, name: str) -> Person:
    """The person of that name; raises UnknownName."""
    row = connection.execute(_SQL.find_person, {"name": name}).fetchone()
    if row is None:
        raise UnknownName(f"no person {name!a} is registered: `jishi-collector person NAME` registers one")
    return Person(row[0], row[1])


def check_password(connection: Connection, name: str, *, password: str) -> Person | None:
    """The person of that name and password; None for a wrong one, an unknown name and a person without."""
    row = connection.execute(_SQL.find_person, {"name": name}).fetchone()
    password_hash = row[2] if row is not None and row[2] is not None else _NO_HASH
    try:
        _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return None
    return None if row is None or row[2] is None else Person(row[0], row[1])


def make_api_key(connection: Connection, name: str, *, label: str, expires_at: datetime | None = None) -> str:
    """A new key for a registered person, to be shown once. Raises UnknownName."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    person = find_person(connection, name)
    connection.execute(
        _SQL.insert_api_key,
        {
            "key_hash": hash_secret(key),
            "person_id": person.person_id,
            "label": label,
            "expires_at": expires_at,
        },
    )
    return key


def find_person_of_key(connection: Connection, key: str, *, now: datetime) -> Person | None:
    """Whose key this is; None when it is unknown, expired or revoked."""
    row = connection.execute(_SQL.find_person_of_key, {"key_hash": hash_secret(key), "now": now}).fetchone()
    return None if row is None else Person(*row)


def open_web_session(connection: Connection, person: Person, *, now: datetime, lasts: timedelta) -> str:
    """Signs a person in; returns the token for the browser's cookie."""
    token = secrets.token_urlsafe(32)
    values = {"token_hash": hash_secret(token), "person_id": person.person_id, "expires_at": now + lasts}
    connection.execute(_SQL.insert_web_session, values)
    return token


def find_person_of_session(connection: Connection, token: str, *, now: datetime) -> Person | None:
    """Who is signed in with this token; None when nobody is, or not any more."""
    values = {"token_hash": hash_secret(token), "now": now}
    row = connection.execute(_SQL.find_person_of_session, values).fetchone()
    return None if row is None else Person(*row)


def close_web_session(connection: Connection, token: str, *, now: datetime) -> None:
    """Signs out. An unknown token is harmless."""
    connection.execute(_SQL.delete_web_session, {"token_hash": hash_secret(token), "now": now})


def make_entry_token(connection: Connection, name: str, *, now: datetime, lasts: timedelta) -> str:
    """A token for a link that signs a registered person in, once. Raises UnknownName."""
    person = find_person(connection, name)
    token = secrets.token_urlsafe(32)
    values = {
        "token_hash": hash_secret(token),
        "person_id": person.person_id,
        "now": now,
        "expires_at": now + lasts,
    }
    connection.execute(_SQL.insert_entry_token, values)
    return token


def use_entry_token(connection: Connection, token: str, *, now: datetime) -> Person | None:
    """Whom the link lets in; None when it is unknown, was used before or has expired."""
    row = connection.execute(_SQL.use_entry_token, {"token_hash": hash_secret(token), "now": now}).fetchone()
    return None if row is None else Person(*row)


def hash_secret(secret: str) -> bytes:
    """SHA-256 of a random secret: what is kept of it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
