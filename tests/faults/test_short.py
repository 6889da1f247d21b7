"""Every short scenario, each in a world of its own, judged by the one oracle. All of them: `make faults`."""

from collections.abc import Iterator

import pytest

from tests.faults import scenario
from tests.faults.broker import Broker
from tests.faults.database import Server
from tests.server_place import server_place

SEED = 4
SHORT = [each for each in scenario.find_all() if each.short]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One server for all: a scenario may kill it, and leaves it running."""
    if not Broker.is_installed():
        pytest.skip("mosquitto is not installed: its queues and its death are what is tried here")
    with server_place() as directory:
        made = Server(directory)
        yield made
        made.close()


@pytest.mark.parametrize("chosen", SHORT, ids=lambda each: each.name)
def test_the_oracle_finds_nothing_wrong_after(chosen: scenario.Scenario, server: Server) -> None:
    if lacking := chosen.needs():
        pytest.skip(lacking)
    report = scenario.run(chosen, seed=SEED, server=server)
    assert not report.violations, str(report)
