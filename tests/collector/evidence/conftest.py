"""What the tests of the collector's own log share."""

from pathlib import Path

import pytest

from tests.collector.evidence.growing import Log
from tests.collector.province import Province


@pytest.fixture
def log(province: Province, tmp_path: Path) -> Log:
    province.add_instrument("A001")
    return Log(province, tmp_path)


@pytest.fixture
def origin(log: Log, province: Province) -> str:
    return province.add_agent("em-01", "A001")
