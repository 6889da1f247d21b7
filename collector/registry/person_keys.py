"""Keys of people who sign findings and approvals: asked for by one, approved by another, proved by the owner.

    ask      a registrar names person and key; the collector makes a nonce and the text that the owner signs
    approve  another registrar brings the signed text; from now on the key counts
    revoke   it counts no more: what is imported from then on under it is refused

Two people, because whoever registers a key alone could speak in another's name; the database refuses one who does
both. The key must be a sound point (parse_vkey), bear a person's name under our domain, and sign the text of
protocol/person_key.py. A name is never given to a second key: a new key has a new word (wang-2).
"""

import secrets
from datetime import datetime
from typing import NamedTuple

from collector.errors import BadKey, NotAllowed, RegistryError, UnknownName
from collector.registry.people import Person, find_person
from collector.store.database import Connection
from collector.store.queries import load
from protocol.errors import ForeignBytesError
from protocol.keys import VerifierKey, parse_vkey
from protocol.person_key import check_possession, person_key_text, read_person_vkey
from protocol.topics import parse_person

_SQL = load("onsite")


class KeyRequest(NamedTuple):
    """What somebody is to sign."""

    request_id: int
    person_id: int
    person: str
    vkey: str
    nonce: str
    asked_by: int
    asker: str
    is_done: bool

    @property
    def text(self) -> str:
        return person_key_text(self.vkey, self.person, self.nonce)


class PersonKey(NamedTuple):
    """A key that counts, or counted."""

    key_id: int
    name: str
    vkey: str
    person: str
    asked_by: str
    approved_by: str
    recorded_at: datetime
    revoked_at: datetime | None
    why: str

    @property
    def verifier(self) -> VerifierKey:
        return parse_vkey(self.vkey)


def ask(connection: Connection, person: str, *, vkey: str, domain: str, by: str, now: datetime) -> KeyRequest:
    """Keep a request and return it; again for the same key and person the same one. UnknownName, BadKey."""
    owner, asker = find_person(connection, person), find_person(connection, by)
    try:
        found, _ = parse_person(read_person_vkey(vkey).name)
    except ForeignBytesError as error:
        raise BadKey(f"this key cannot be a person's: {error}") from error
    if found != domain:
        raise BadKey(f"the key is of {found}, and this collector is {domain}: have one made under --name {domain}/…")
    values = {"person_id": owner.person_id, "vkey": vkey, "nonce": secrets.token_hex(16),
              "asked_by": asker.person_id, "now": now}  # fmt: skip
    connection.execute(_SQL.insert_request, values)
    row = connection.execute(_SQL.load_request, {"request_id": None, "vkey": vkey}).fetchone()
    assert row is not None
    request = KeyRequest(*row)
    if request.person_id != owner.person_id:
        raise BadKey(f"this key was asked for as {request.person}'s already: a key is one person's")
    return request


def approve(connection: Connection, request_id: int, *, proof: bytes, by: str, now: datetime) -> PersonKey:
    """The key counts from now on. UnknownName, BadKey; NotAllowed for whoever asked for it himself."""
    approver = find_person(connection, by)
    request = find_request(connection, request_id)
    if request.is_done:
        return find_key(connection, parse_vkey(request.vkey).name)
    if approver.person_id == request.asked_by:
        raise NotAllowed(f"{by} asked for this key: a second person approves it")
    try:
        key = read_person_vkey(request.vkey)
        check_possession(proof, request.text, key)
    except ForeignBytesError as error:
        raise BadKey(
            f"the proof does not hold: {error}; have the text of request {request_id} signed (jishi-audit key prove)"
        ) from error
    values = {**request._asdict(), "name": key.name, "proof": proof, "approved_by": approver.person_id, "now": now}
    if not connection.execute(_SQL.insert_key, values).rowcount:
        raise BadKey(f"{key.name} has a key already: a new one needs a name of its own, such as {key.name}-2")
    return find_key(connection, key.name)


def find_request(connection: Connection, request_id: int) -> KeyRequest:
    """What was asked for; UnknownName."""
    row = connection.execute(_SQL.load_request, {"request_id": request_id, "vkey": None}).fetchone()
    if row is None:
        raise UnknownName(f"nobody asked for a key under the number {request_id}: jishi-collector person-key ask")
    return KeyRequest(*row)


def find_key(connection: Connection, name: str) -> PersonKey:
    """The key of this name; UnknownName with the remedy."""
    row = connection.execute(_SQL.list_keys, {"name": name}).fetchone()
    if row is None:
        raise UnknownName(
            f"no key {name[:120]!a} is registered: `jishi-collector person-key list` shows those there are"
        )
    return PersonKey(*row)


def list_keys(connection: Connection) -> list[PersonKey]:
    """Every key, the first one first."""
    return [PersonKey(*row) for row in connection.execute(_SQL.list_keys, {"name": None})]


def revoke(connection: Connection, name: str, *, by: Person, why: str, now: datetime) -> PersonKey:
    """Believe it no longer; UnknownName, RegistryError where it was revoked before or no reason is given."""
    if not why.strip() or not why.isprintable():
        raise RegistryError("a reason is needed, on one line: others will read it")
    key = find_key(connection, name)
    values = {"key_id": key.key_id, "person_id": by.person_id, "why": why, "now": now}
    if not connection.execute(_SQL.insert_revocation, values).rowcount:
        raise RegistryError(f"{name} was revoked at {key.revoked_at:%Y-%m-%d %H:%M} already: {key.why}")
    return find_key(connection, name)
