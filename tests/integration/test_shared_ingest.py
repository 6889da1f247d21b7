"""Several ingest processes, started by hand, share the shards and take over from each other."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.embedded.broker import EmbeddedBroker
from collector.ingest.shards import load_roster
from collector.store.database import Connection
from tests.light_agent import DOMAIN, RECEIPT_KEY, LightAgent
from tests.light_fleet import Fleet, check_stored, enrol_all

AGENTS = 24
Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def fleet(connection: Connection, broker: EmbeddedBroker) -> Iterator[Fleet]:
    """Agents on many shards, all enrolled, with nothing to say yet."""
    agents = [LightAgent(f"em-{number:02}") for number in range(AGENTS)]
    enrol_all(connection, agents)
    fleet = Fleet(agents, batch_size=4)
    fleet.connect(broker.host, broker.port)
    yield fleet
    fleet.close()


@pytest.fixture
def start(dsn: str, broker: EmbeddedBroker, tmp_path: Path) -> Iterator[Start]:
    """Starts `jishi-collector ingest`, as an operator would in another terminal."""
    key = tmp_path / "keys" / "receipt.key"
    key.parent.mkdir(mode=0o700)
    key.touch(mode=0o600)
    seed = (b"r" * 32).hex()
    key.write_text(json.dumps({"name": RECEIPT_KEY.name, "algorithm": RECEIPT_KEY.algorithm, "seed": seed}))
    settings = {
        "JISHI_COLLECTOR_DOMAIN": DOMAIN,
        "JISHI_COLLECTOR_DATA_DIR": str(tmp_path),
        "JISHI_DATABASE_DSN": dsn,
        "JISHI_BROKER_PORT": str(broker.port),
    }
    started: list[subprocess.Popen[bytes]] = []

    def start_worker() -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "collector.cli", "ingest"]
        started.append(subprocess.Popen(argv, env={**os.environ, **settings}))
        return started[-1]

    yield start_worker
    for process in started:
        process.kill()
        process.wait()


def test_workers_share_the_shards_and_take_over_from_each_other(
    connection: Connection, fleet: Fleet, start: Start
) -> None:
    """Started, killed, started again, stopped without dying, and awake again, while agents go on sending."""

    def shares() -> list[int]:
        return sorted(len(shards) for shards in load_roster(connection).owned.values())

    def go_on_until_shares_are(*expected: int) -> None:
        for sender in fleet.senders.values():
            sender.agent.append_readings(20)
        fleet.run(lambda: shares() == list(expected))
        fleet.run(lambda: fleet.is_done)

    start()
    go_on_until_shares_are(64)
    second = start()
    go_on_until_shares_are(32, 32)
    second.kill()
    go_on_until_shares_are(64)
    second = start()
    go_on_until_shares_are(32, 32)
    second.send_signal(signal.SIGSTOP)
    go_on_until_shares_are(64)
    second.send_signal(signal.SIGCONT)
    go_on_until_shares_are(32, 32)
    assert not {"fork", "suspect", "malformed"} & set(fleet.answers)
    check_stored(connection, fleet)
