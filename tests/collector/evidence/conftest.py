"""What the tests of the collector's own log, of bundles and of findings share."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.registry import people, person_keys
from collector.store.database import Connection
from protocol.keys import ED25519, SigningKey
from protocol.person_key import prove_possession
from tests.collector.evidence.growing import Log
from tests.collector.ingest.conftest import enrol as enrol
from tests.collector.ingest.conftest import writer as writer
from tests.collector.province import Province


@pytest.fixture
def log(province: Province, tmp_path: Path) -> Log:
    province.add_instrument("A001")
    return Log(province, tmp_path)


@pytest.fixture
def origin(log: Log, province: Province) -> str:
    return province.add_agent("em-01", "A001")


WANG = SigningKey("jishi.example/person/wang", ED25519, b"w" * 32)


@pytest.fixture
def wang(connection: Connection) -> SigningKey:
    """The key of the inspector Wang, registered."""
    return register_key(connection)


def register_key(connection: Connection, key: SigningKey = WANG, *, now: datetime | None = None) -> SigningKey:
    """Have a key registered as Wang's, by Li and Zhao."""
    now = now or datetime(2025, 12, 1, tzinfo=UTC)
    for name in ("Wang", "Li", "Zhao"):
        people.register_person(connection, name)
    with connection.transaction():
        asked = person_keys.ask(connection, "Wang", vkey=str(key.verifier), domain="jishi.example", by="Li", now=now)
        proof = prove_possession(asked.text, key)
        person_keys.approve(connection, asked.request_id, proof=proof, by="Zhao", now=now)
    return key
