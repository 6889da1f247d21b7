"""Keys of people: proved by the owner, asked for and approved by two, revoked for good."""

from datetime import UTC, datetime

import psycopg
import pytest

from collector.errors import BadKey, NotAllowed, RegistryError, UnknownName
from collector.registry import people, person_keys
from collector.registry.person_keys import KeyRequest, PersonKey
from collector.store.database import Connection
from protocol.keys import ED25519, SigningKey
from protocol.note import sign
from protocol.person_key import person_key_text, prove_possession

DOMAIN = "jishi.example"
NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
WANG = SigningKey(f"{DOMAIN}/person/wang", ED25519, b"w" * 32)


@pytest.fixture(autouse=True)
def _known(connection: Connection) -> None:
    for name in ("Wang", "Li", "Zhao"):
        people.register_person(connection, name)


def ask(connection: Connection, *, key: SigningKey = WANG, person: str = "Wang", by: str = "Li") -> KeyRequest:
    with connection.transaction():
        return person_keys.ask(connection, person, vkey=str(key.verifier), domain=DOMAIN, by=by, now=NOW)


def approve(connection: Connection, request: KeyRequest, *, proof: bytes | None = None, by: str = "Zhao") -> PersonKey:
    with connection.transaction():
        return person_keys.approve(
            connection,
            request.request_id,
            proof=prove_possession(request.text, WANG) if proof is None else proof,
            by=by,
            now=NOW,
        )


def test_two_people_and_the_owners_proof_make_a_key(connection: Connection) -> None:
    key = approve(connection, ask(connection))
    assert (key.name, key.person, key.asked_by, key.approved_by) == (WANG.name, "Wang", "Li", "Zhao")
    assert key.verifier == WANG.verifier
    assert person_keys.list_keys(connection) == [key]


def test_asking_and_approving_again_is_harmless(connection: Connection) -> None:
    first = ask(connection)
    assert ask(connection) == first
    assert approve(connection, first) == approve(connection, first)


def test_whoever_asked_does_not_approve(connection: Connection) -> None:
    request = ask(connection)
    with pytest.raises(NotAllowed, match="second person"):
        approve(connection, request, by="Li")


def test_the_database_refuses_one_person_too(connection: Connection) -> None:
    request = ask(connection)
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "INSERT INTO person_key (request_id, person_id, name, vkey, proof, asked_by, approved_by, recorded_at)"
            " SELECT request_id, person_id, 'n', vkey, '', asked_by, asked_by, now() FROM person_key_request"
            " WHERE request_id = %s",
            [request.request_id],
        )


@pytest.mark.parametrize("nonce", ["0f" * 16])
def test_a_proof_over_another_nonce_is_refused(connection: Connection, nonce: str) -> None:
    request = ask(connection)
    proof = prove_possession(person_key_text(request.vkey, request.person, nonce), WANG)
    with pytest.raises(BadKey, match="another text"):
        approve(connection, request, proof=proof)


def test_a_proof_by_another_key_is_refused(connection: Connection) -> None:
    request = ask(connection)
    other = SigningKey(WANG.name, ED25519, b"o" * 32)
    for proof in (sign(request.text, other), b"", request.text.encode()):
        with pytest.raises(BadKey, match="does not hold"):
            approve(connection, request, proof=proof)
    assert person_keys.list_keys(connection) == []


@pytest.mark.parametrize(
    "vkey",
    [
        "jishi.example/person/wang+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        str(SigningKey("jishi.example/a/em-01/1", ED25519, b"w" * 32).verifier),
        str(SigningKey("other.example/person/wang", ED25519, b"w" * 32).verifier),
        "",
    ],
)
def test_a_key_that_cannot_be_a_persons_here_is_refused(connection: Connection, vkey: str) -> None:
    with pytest.raises(BadKey):
        person_keys.ask(connection, "Wang", vkey=vkey, domain=DOMAIN, by="Li", now=NOW)


def test_a_key_is_one_persons_and_a_name_one_keys(connection: Connection) -> None:
    approve(connection, ask(connection))
    with pytest.raises(BadKey, match="Wang's already"):
        ask(connection, person="Li")
    second = SigningKey(WANG.name, ED25519, b"2" * 32)
    request = ask(connection, key=second)
    with pytest.raises(BadKey, match="a name of its own"):
        approve(connection, request, proof=prove_possession(request.text, second))


def test_a_revoked_key_stays_revoked(connection: Connection) -> None:
    approve(connection, ask(connection))
    li = people.find_person(connection, "Li")
    revoked = person_keys.revoke(connection, WANG.name, by=li, why="laptop stolen", now=NOW)
    assert (revoked.revoked_at, revoked.why) == (NOW, "laptop stolen")
    with pytest.raises(RegistryError, match="laptop stolen"):
        person_keys.revoke(connection, WANG.name, by=li, why="again", now=NOW)


def test_what_nobody_knows_is_said(connection: Connection) -> None:
    with pytest.raises(UnknownName):
        person_keys.find_request(connection, 99)
    with pytest.raises(UnknownName):
        person_keys.find_key(connection, "jishi.example/person/nobody")
    with pytest.raises(UnknownName):
        ask(connection, person="Nobody")


@pytest.mark.parametrize("table", ["person_key_request", "person_key"])
def test_they_are_facts(connection: Connection, table: str) -> None:
    approve(connection, ask(connection))
    for change in (f"DELETE FROM {table}", f"UPDATE {table} SET vkey = 'x'"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(change.encode())
