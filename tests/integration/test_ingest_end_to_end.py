"""From an enrolled key through a real broker into a real database, and the receipt back."""

import queue
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from collector.embedded.broker import EmbeddedBroker, find_mosquitto
from collector.ingest.worker import Worker
from collector.registry import enrolment, instruments
from collector.registry.enrolment import Watch
from collector.store import database
from collector.store.database import Connection
from protocol import note
from protocol.batch import parse_bundle
from protocol.message import Refusal, Welcome, parse_down
from protocol.topics import down_topic
from tests.conftest import find_free_port
from tests.integration.site import eventually
from tests.light_agent import DOMAIN, RECEIPT_KEY, LightAgent

Down = Welcome | Refusal | bytes


class Link:
    """A light agent's own connection: sends payloads, hands out what comes down."""

    def __init__(self, broker: EmbeddedBroker, agent: LightAgent) -> None:
        self.agent = agent
        self.answers: queue.Queue[Down] = queue.Queue()
        listening = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=agent.agent_id, protocol=mqtt.MQTTv311)
        self._client.on_connect = lambda c, *_: c.subscribe(down_topic(agent.agent_id), qos=1)
        self._client.on_subscribe = lambda *_: listening.set()
        self._client.on_message = lambda _c, _d, message: self.answers.put(parse_down(bytes(message.payload)))
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        assert listening.wait(20)

    def send(self, payload: bytes) -> None:
        self._client.publish(self.agent.topic, payload, qos=1)

    def ask(self, payload: bytes) -> Down:
        self.send(payload)
        return self.answers.get(timeout=30)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def running(dsn: str, broker: EmbeddedBroker) -> Iterator[Worker]:
    worker = Worker(dsn, broker_host=broker.host, broker_port=broker.port, receipt_key=RECEIPT_KEY)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture
def agent(connection: Connection) -> LightAgent:
    """Enrolled by a token, a challenge and a proof, as a real one is."""
    instruments.register_instrument(connection, "A001", name_zh="电子显微镜")
    now = datetime.now(UTC)
    agent = LightAgent("em-01")
    watch = [Watch("meter1", "power", "A001")]
    token = enrolment.make_token(connection, "em-01", watch=watch, now=now, valid_for=timedelta(hours=1))
    asked = enrolment.challenge(connection, token, agent_id="em-01", domain=DOMAIN, now=now)
    proof = note.sign(note.enrolment_text(asked.origin, agent.vkey, asked.nonce), agent.key).decode()
    enrolment.redeem(connection, token, agent_id="em-01", vkey=agent.vkey, proof=proof, domain=DOMAIN, now=now)
    return agent


@pytest.mark.parametrize("program", ["mosquitto", "amqtt"])
def test_a_batch_comes_back_as_a_receipt_and_its_rows_are_there(
    dsn: str, connection: Connection, agent: LightAgent, program: str
) -> None:
    if program == "mosquitto" and find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    with EmbeddedBroker(find_free_port(), program=program) as broker:
        _check_receipt_and_rows(dsn, connection, broker, agent)


def _check_receipt_and_rows(dsn: str, connection: Connection, broker: EmbeddedBroker, agent: LightAgent) -> None:
    link = Link(broker, agent)
    with running(dsn, broker):
        welcome = _when_listening(link)
        assert (welcome.held, welcome.receipt) == (0, None)
        agent.append_readings(50)
        receipt = link.ask(agent.payload())
        assert _size(receipt) == 50
        assert _stored(connection) == agent.entries
        assert connection.execute("SELECT count(*) FROM reading").fetchone() == (50,)
        assert link.ask(agent.payload()) == receipt
    link.close()


def test_what_was_sent_while_no_worker_ran_is_delivered_when_one_comes(
    dsn: str, connection: Connection, broker: EmbeddedBroker, agent: LightAgent
) -> None:
    link = Link(broker, agent)
    with running(dsn, broker):
        _when_listening(link)
    # The server may notice later that it has gone; its number, which names the MQTT session, is free only then.
    eventually(lambda: _count_advisory_locks(connection) == 0)
    agent.append_readings(3)
    link.send(agent.payload())
    with running(dsn, broker):
        assert _size(link.answers.get(timeout=30)) == 3
    assert _stored(connection) == agent.entries
    link.close()


def _count_advisory_locks(connection: Connection) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
        " WHERE locktype = 'advisory' AND datname = current_database()"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_poison_is_refused_and_the_next_batch_is_taken(
    dsn: str, connection: Connection, broker: EmbeddedBroker, agent: LightAgent
) -> None:
    link = Link(broker, agent)
    with running(dsn, broker) as worker:
        _when_listening(link)
        refused = link.ask(b"\xff\x00 rubbish")
        assert isinstance(refused, Refusal)
        assert refused.code == "malformed"
        agent.append_readings(2)
        assert _size(link.ask(agent.payload())) == 2
    assert worker.counts["messages_malformed"] == 1
    link.close()


def test_a_database_that_goes_away_costs_nothing_but_time(
    dsn: str, connection: Connection, broker: EmbeddedBroker, agent: LightAgent
) -> None:
    link = Link(broker, agent)
    with running(dsn, broker):
        _when_listening(link)
        for size in range(1, 6):
            agent.append_readings(4)
            link.send(agent.payload(4 * (size - 1)))
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'jishi-ingest'"
                " AND datname = current_database()"
            )
        _until(lambda: _latest(link) == 20, resend=lambda: link.send(agent.payload()))
    assert _stored(connection) == agent.entries
    assert connection.execute("SELECT count(*) FROM reading").fetchone() == (20,)
    link.close()


def test_nothing_is_acknowledged_before_it_is_stored(
    dsn: str, connection: Connection, broker: EmbeddedBroker, agent: LightAgent
) -> None:
    """The agent sends once; the transaction that holds its batch dies; the broker, not the agent, sends it again."""
    link = Link(broker, agent)
    agent.append_readings(5)
    ingesting = "FROM pg_stat_activity WHERE application_name = 'jishi-ingest' AND datname = current_database()"
    with running(dsn, broker):
        _when_listening(link)
        with database.connect(dsn, application="test") as blocker, blocker.transaction():
            blocker.execute("LOCK TABLE journal IN ACCESS EXCLUSIVE MODE")
            link.send(agent.payload())
            waiting = f"SELECT count(*) {ingesting} AND wait_event_type = 'Lock'".encode()
            _until(lambda: connection.execute(waiting).fetchone() == (1,), resend=lambda: time.sleep(0.05))
            connection.execute(f"SELECT pg_terminate_backend(pid, 5000) {ingesting}".encode())
        assert _size(link.answers.get(timeout=60)) == 5
    assert _stored(connection) == agent.entries
    link.close()


def test_two_workers_never_own_the_same_shard_and_the_second_takes_over(
    dsn: str, connection: Connection, broker: EmbeddedBroker, agent: LightAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.ingest.worker.LOOK_EVERY_S", 0.2)
    link = Link(broker, agent)
    with running(dsn, broker) as first:
        _when_listening(link)
        with running(dsn, broker) as second:
            agent.append_readings(2)
            assert _size(link.ask(agent.payload())) == 2
            assert second.counts["messages"] == 0
            first.stop()
            agent.append_readings(2)
            _until(lambda: _latest(link) == 4, resend=lambda: link.send(agent.payload()))
            assert second.counts["batches_accepted"] == 1
    assert _stored(connection) == agent.entries
    link.close()


def _when_listening(link: Link) -> Welcome:
    """Says hello until the worker answers: before its first subscription nobody hears."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        link.send(link.agent.hello())
        try:
            answer = link.answers.get(timeout=0.5)
        except queue.Empty:
            continue
        assert isinstance(answer, Welcome), answer
        return answer
    raise AssertionError("no worker answered")


def _until(reached: Callable[[], bool], *, resend: Callable[[], None]) -> None:
    """What an agent does that gets no receipt: sends again."""
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        resend()


def _latest(link: Link) -> int:
    try:
        answer = link.answers.get(timeout=1.0)
    except queue.Empty:
        return -1
    return _size(answer) if isinstance(answer, bytes) else -1


def _size(answer: Down) -> int:
    assert isinstance(answer, bytes), answer
    return note.open_receipt(answer, RECEIPT_KEY.verifier).checkpoint.size


def _stored(connection: Connection) -> list[bytes]:
    rows = connection.execute("SELECT entries FROM batch ORDER BY first").fetchall()
    return [entry for (compressed,) in rows for entry in parse_bundle(zlib.decompress(compressed))]
