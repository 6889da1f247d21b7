"""API keys: each with a role and a scope of its own, an end, and a number by which it is revoked.

A key is 256 random bits, shown once and kept as its SHA-256, which needs no salt. It never reaches beyond what its
person may do; when a person's role changes, his keys are revoked (registry.people), so the two cannot drift apart.
"""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from collector.errors import RegistryError, UnknownName
from collector.registry import people
from collector.registry.access import Access, Scope
from collector.registry.people import Caller, Person, hash_secret
from collector.store.database import Connection
from collector.store.queries import load

KEY_PREFIX = "jk_"
DEFAULT_VALID_DAYS = 365
MAX_VALID_DAYS = 1100
USE_IS_NOTED_EVERY = timedelta(minutes=1)
_SQL = load("access")


class ApiKey(NamedTuple):
    """A key as lists show it: all but the key itself."""

    key_id: int
    person: str
    label: str
    access: Access
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewKey(NamedTuple):
    """A key in the one moment in which it can be shown."""

    key_id: int
    key: str
    access: Access

    def __repr__(self) -> str:
        return f"NewKey({self.key_id}, {self.access})"


def make_api_key(
    connection: Connection, name: str, *, label: str, expires_at: datetime, access: Access | None = None
) -> NewKey:
    """A new key of a registered person, to be shown once; without `access` it may do what the person may.

    Raises UnknownName, RegistryError where the person may do nothing, or less than the key.
    """
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    with connection.transaction():
        person = people.find_person(connection, name)
        people.hold_person(connection, person)
        carried = _carried(name, people.find_access(connection, person), access)
        values = {
            "key_hash": hash_secret(key),
            "person_id": person.person_id,
            "label": label,
            "expires_at": expires_at,
            "role": carried.role,
            **carried.scope.values,
        }
        row = connection.execute(_SQL.insert_api_key, values).fetchone()
    assert row is not None
    return NewKey(row[0], key, carried)


def _carried(name: str, held: Access, asked: Access | None) -> Access:
    if held.role is None:
        raise RegistryError(f"{name} has no role: `jishi-collector role {name} ROLE` gives one")
    carried = held if asked is None else asked
    if not held.covers(carried):
        raise RegistryError(f"{name} is {held}: a key of theirs cannot be {carried}")
    return carried


def find_caller_of_key(connection: Connection, key: str, *, now: datetime) -> Caller | None:
    """Who calls with this key; None when it is unknown, expired or revoked. Notes that it was used."""
    row = connection.execute(_SQL.find_caller_of_key, {"key_hash": hash_secret(key), "now": now}).fetchone()
    if row is None:
        return None
    person_id, name, key_id, role, kind, scope_name, last_used_at = row
    if last_used_at is None or now - last_used_at >= USE_IS_NOTED_EVERY:
        connection.execute(_SQL.note_key_use, {"key_id": key_id, "now": now})
    return Caller(Person(person_id, name), Access(role, Scope(kind, scope_name)), key_id)


def list_api_keys(connection: Connection) -> list[ApiKey]:
    """All keys that were ever made, by number."""
    return [
        ApiKey(key_id, person, label, Access(role, Scope(kind, name)), *times)
        for key_id, person, label, role, kind, name, *times in connection.execute(_SQL.list_api_keys)
    ]


def revoke_api_key(connection: Connection, key_id: int, *, now: datetime) -> str:
    """Ends a key at once, and returns whose it was. UnknownName for no such key or one that was revoked before."""
    row = connection.execute(_SQL.revoke_api_key, {"key_id": key_id, "now": now}).fetchone()
    if row is None:
        raise UnknownName(f"no key {key_id} is in use: `jishi-collector key --list` shows those that there are")
    return str(row[0])
