"""People: who they are, what they may do, and how a browser knows them.

Passwords are kept as Argon2id hashes. Web sessions and links are 256 random bits: they are kept as their SHA-256,
which needs no salt, and are shown once, when they are made. API keys are in registry.api_keys.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from collector.errors import RegistryError, UnknownName
from collector.registry import instruments, units
from collector.registry.access import Access, Scope
from collector.store.database import Connection
from collector.store.queries import load

MIN_PASSWORD = 10
_HASHER = PasswordHasher()
# Compared against where there is no hash, so that an unknown name takes as long as a wrong password.
_NO_HASH = _HASHER.hash(secrets.token_hex())
_SQL = load("registry")
_ACCESS = load("access")


class Person(NamedTuple):
    person_id: int
    name: str


class Caller(NamedTuple):
    """A person who asks for something, what he may do, and the number of the key that he asks with."""

    person: Person
    access: Access
    key_id: int | None = None


def register_person(connection: Connection, name: str, *, password: str | None = None) -> Person:
    """Registers a person, or gives a known one a new password. Raises RegistryError for a short password."""
    if not name or not name.isprintable() or name != name.strip():
        raise RegistryError(f"{name!a} is no name: printable characters are expected")
    if password is not None and len(password) < MIN_PASSWORD:
        raise RegistryError(f"a password needs at least {MIN_PASSWORD} characters")
    with connection.transaction():
        connection.execute(_SQL.insert_person, {"name": name})
        if password is not None:
            # A new password ends the sessions that the old one opened: it may have been stolen.
            connection.execute(_SQL.set_password, {"name": name, "password_hash": _HASHER.hash(password)})
        return find_person(connection, name)


def is_registered(connection: Connection, name: str) -> bool:
    return connection.execute(_SQL.find_person, {"name": name}).fetchone() is not None


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


def appoint(connection: Connection, person: Person, access: Access, *, now: datetime) -> bool:
    """From now on the person has that access, and says whether that is new. Role None takes it away.

    Keys, sessions and links that were made before end with the change: nobody keeps what he no longer may.
    Must run inside the caller's transaction. Raises UnknownName for a scope that nobody registered.
    """
    hold_person(connection, person)
    _check_scope(connection, access.scope)
    if find_access(connection, person) == access:
        return False
    values = {"person_id": person.person_id, "role": access.role, **access.scope.values}
    connection.execute(_ACCESS.insert_appointment, values)
    connection.execute(_ACCESS.end_credentials, {"person_id": person.person_id, "now": now})
    return True


def hold_person(connection: Connection, person: Person) -> None:
    """Until the transaction ends nobody else changes what the person may do, or makes a key of it."""
    connection.execute(_ACCESS.hold_person, {"person_id": person.person_id})


def find_access(connection: Connection, person: Person) -> Access:
    """What the person may do now."""
    row = connection.execute(_ACCESS.find_appointment, {"person_id": person.person_id}).fetchone()
    return Access(None) if row is None else Access(row[0], Scope(*row[1:]))


def _check_scope(connection: Connection, scope: Scope) -> None:
    if scope.kind == "unit":
        units.check_unit(connection, scope.name)
    elif scope.kind == "instrument":
        instruments.check_instrument(connection, scope.name)
    elif scope.kind == "division" and not connection.execute(_ACCESS.find_division, {"code": scope.name}).fetchone():
        raise UnknownName(
            f"no registered unit was ever in division {scope.name}: correct the code, or register its units first"
        )


def open_web_session(connection: Connection, person: Person, *, now: datetime, lasts: timedelta) -> str:
    """Signs a person in; returns the token for the browser's cookie."""
    token = secrets.token_urlsafe(32)
    values = {"token_hash": hash_secret(token), "person_id": person.person_id, "expires_at": now + lasts}
    connection.execute(_SQL.insert_web_session, values)
    return token


def find_caller_of_session(connection: Connection, token: str, *, now: datetime) -> Caller | None:
    """Who is signed in with this token, and what he may do; None when nobody is, or not any more."""
    row = connection.execute(_ACCESS.find_caller_of_session, {"token_hash": hash_secret(token), "now": now}).fetchone()
    if row is None:
        return None
    person_id, name, role, kind, scope_name = row
    return Caller(Person(person_id, name), Access(None) if role is None else Access(role, Scope(kind, scope_name)))


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
