"""Keys of people, registered as they are: asked for by Li, approved by Zhao."""

from datetime import UTC, datetime

from collector.registry import people, person_keys
from collector.store.database import Connection
from protocol.keys import ED25519, SigningKey
from protocol.person_key import prove_possession

WANG = SigningKey("jishi.example/person/wang", ED25519, b"w" * 32)


def register_key(
    connection: Connection, key: SigningKey = WANG, *, person: str = "Wang", now: datetime | None = None
) -> SigningKey:
    """Have a key registered as a person's."""
    now = now or datetime(2025, 12, 1, tzinfo=UTC)
    for name in (person, "Li", "Zhao"):
        people.register_person(connection, name)
    with connection.transaction():
        asked = person_keys.ask(connection, person, vkey=str(key.verifier), domain="jishi.example", by="Li", now=now)
        proof = prove_possession(asked.text, key)
        person_keys.approve(connection, asked.request_id, proof=proof, by="Zhao", now=now)
    return key
