"""Every short scenario, each in a world of its own, judged by the one oracle. All of them: `make faults`."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import scenario
from tests.faults.broker import Broker
from tests.faults.database import Server

SEED = 4
SHORT = [each for each in scenario.find_all() if each.short]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One server for all: a scenario may kill it, and leaves it running."""
    if not Broker.is_installed():
        pytest.skip("mosquitto is not installed: its queues and its death are what is tried here")
    directory = Path(tempfile.mkdtemp(prefix="jishi-faults-pg-", dir="/tmp"))
    made = Server(directory)
    yield made
    made.close()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.parametrize("chosen", SHORT, ids=lambda each: each.name)
def test_the_oracle_finds_nothing_wrong_after(chosen: scenario.Scenario, server: Server) -> None:
    if lacking := chosen.needs():
        pytest.skip(lacking)
    report = scenario.run(chosen, seed=SEED, server=server)
    assert not report.violations, str(report)
