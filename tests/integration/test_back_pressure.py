"""A slow database reaches the agents through their windows; the broker's queue stays small and drops nothing."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from paho.mqtt import subscribe

from collector.embedded.broker import LOOPBACK, find_mosquitto
from collector.embedded.children import server_user, start_child
from collector.ingest import grants
from collector.ingest.worker import Worker
from collector.store import database
from collector.store.database import Connection
from tests.light_agent import RECEIPT_KEY, LightAgent
from tests.light_fleet import Fleet, check_stored, enrol_all

AGENTS = 40
BACKLOG = 800  # entries of each agent, in batches of 100: 4.6 kB on the wire
QUEUE_BYTES = 256 * 1024  # 40 agents with 4 batches each would fill it three times
BUDGET_BYTES = 4 * 1024 * 1024  # counted as not compressed: five agents at a time
_SETTINGS = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
sys_interval 1
max_inflight_messages 20
max_queued_messages 0
max_queued_bytes {queue_bytes}
"""


@pytest.fixture
def small_broker(open_directory: Path, free_port: int) -> Iterator[int]:
    """The port of a mosquitto whose queues are small and which says how much it dropped."""
    program = find_mosquitto()
    assert program is not None, "this test needs mosquitto: apt-get install mosquitto"
    settings = open_directory / "mosquitto.conf"
    settings.write_text(_SETTINGS.format(port=free_port, queue_bytes=QUEUE_BYTES))
    process = start_child([program, "-c", str(settings)], user=server_user(), output=subprocess.DEVNULL)
    yield free_port
    process.kill()
    process.wait()


def test_while_the_database_stands_still_no_more_is_under_way_than_the_brokers_queue_holds(
    dsn: str, connection: Connection, small_broker: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "BUDGET_BYTES", BUDGET_BYTES)
    fleet = Fleet(_agents(connection), batch_size=100, patience_s=1.0)
    with _working(dsn, small_broker) as worker:
        fleet.connect(LOOPBACK, small_broker)
        fleet.run(lambda: fleet.answers["receipt"] > 0)
        with database.connect(dsn, application="test") as blocker, blocker.transaction():
            blocker.execute("LOCK TABLE journal IN ACCESS EXCLUSIVE MODE")
            asked = fleet.hellos
            fleet.run(lambda: fleet.hellos >= asked + 2 * AGENTS)  # everybody noticed, and asked again
        fleet.run(lambda: fleet.is_done)
        fleet.close()
    assert _dropped_by(small_broker) == 0
    assert fleet.answers["busy"] > 0
    assert fleet.answers["welcome 4"] < sum(fleet.answers[f"welcome {window}"] for window in range(5))
    assert worker.counts["entries"] == AGENTS * BACKLOG
    check_stored(connection, fleet)


def _agents(connection: Connection) -> list[LightAgent]:
    pattern = LightAgent("em-pattern")
    pattern.append_readings(BACKLOG)
    agents = [LightAgent(f"em-{number:02}") for number in range(AGENTS)]
    for agent in agents:
        agent.append_all_of(pattern)
    enrol_all(connection, agents)
    return agents


@contextmanager
def _working(dsn: str, port: int) -> Iterator[Worker]:
    worker = Worker(dsn, broker_host=LOOPBACK, broker_port=port, receipt_key=RECEIPT_KEY)
    thread = Thread(target=worker.run)
    thread.start()
    try:
        deadline_s = time.monotonic() + 20
        while not worker.is_listening:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        yield worker
    finally:
        worker.stop()
        thread.join(30)
        assert not thread.is_alive()


def _dropped_by(port: int) -> int:
    """What the broker says it dropped since it started; it says so each second, where that changed."""
    topics = ["$SYS/broker/uptime", "$SYS/broker/publish/messages/dropped"]
    said = subscribe.simple(topics, msg_count=4, retained=True, hostname=LOOPBACK, port=port)
    return max(int(message.payload) for message in said if message.topic == topics[1])
