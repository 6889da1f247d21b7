"""What the tests of the collector's own log, of bundles and of findings share."""

from pathlib import Path

import pytest

from collector.store.database import Connection
from protocol.keys import SigningKey
from tests.collector.evidence.growing import Log
from tests.collector.ingest.conftest import enrol as enrol
from tests.collector.ingest.conftest import writer as writer
from tests.collector.person_keys import register_key
from tests.collector.province import Province


@pytest.fixture
def log(province: Province, tmp_path: Path) -> Log:
    province.add_instrument("A001")
    return Log(province, tmp_path)


@pytest.fixture
def origin(log: Log, province: Province) -> str:
    return province.add_agent("em-01", "A001")


@pytest.fixture
def wang(connection: Connection) -> SigningKey:
    """The key of the inspector Wang, registered."""
    return register_key(connection)
