"""What the bench part `ingest` sends, and how: prepared messages of many light agents, a window of them under way."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from psycopg import conninfo

from collector.embedded.broker import EmbeddedBroker
from collector.embedded.postgres import EmbeddedPostgres
from collector.registry import instruments
from collector.store import database, migrate
from protocol.batch import parse_batch
from protocol.entry import decode
from protocol.topics import down_topic
from tests.light_agent import START_MS, LightAgent

WINDOW = 4
TIMEOUT_S = 300.0


class Load(NamedTuple):
    """What is sent: for each agent its payloads, in order."""

    batch_size: int
    payloads: dict[str, list[bytes]]

    @property
    def entries(self) -> int:
        return self.batch_size * sum(map(len, self.payloads.values()))

    def part(self, of: int) -> "Load":
        """The beginning of each agent's payloads, one part of so many: for who is slow."""
        return Load(self.batch_size, {name: sent[: max(1, len(sent) // of)] for name, sent in self.payloads.items()})


def prepare_load(batch_size: int, batches: int, *, agents: int = 40) -> Load:
    """Agents' ids are equally long, so that one log's batches serve all of them with another note inside."""
    pattern = LightAgent("bench-000")
    pattern.append_readings(batch_size * batches)
    sizes = range(batch_size, batch_size * batches + 1, batch_size)
    prepared = [(size, pattern.payload(size - batch_size, size), pattern.checkpoint(size)) for size in sizes]
    payloads = {}
    for number in range(agents):
        agent = LightAgent(f"bench-{number:03}")
        payloads[agent.agent_id] = [
            payload.replace(note, agent.checkpoint(size, root=pattern.root(size))) for size, payload, note in prepared
        ]
    return Load(batch_size, payloads)


@contextmanager
def fresh_database(server: EmbeddedPostgres, load: Load) -> Iterator[str]:
    """A migrated database in which the load's agents are enrolled, each measuring an instrument.

    It has the months of the load's readings, as a real one has those of the present: into the default partition a row
    takes longer, and one of `executemany` nearly twice as long, which would flatter us.
    """
    dsn = conninfo.make_conninfo(server.dsn, dbname="bench")
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE bench")
        with database.connect(dsn, application="bench") as connection:
            migrate.migrate(connection)
            connection.execute("SELECT make_reading_months(%s, %s)", _months_of(load))
            for agent_id in load.payloads:
                agent = LightAgent(agent_id)
                instruments.register_instrument(connection, agent_id, name_zh=agent_id)
                connection.execute("INSERT INTO agent (agent_id) VALUES (%s)", [agent_id])
                connection.execute(
                    "INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%s, %s, 1, %s)",
                    [agent.origin, agent_id, agent.vkey],
                )
                connection.execute(
                    "INSERT INTO measurement (agent_id, watcher, channel, asset_no, from_day)"
                    " VALUES (%s, 'meter1', 'power', %s, '2020-01-01')",
                    [agent_id, agent_id],
                )
        try:
            yield dsn
        finally:
            admin.execute("DROP DATABASE bench WITH (FORCE)")


def _months_of(load: Load) -> tuple[datetime, datetime]:
    """When the load's readings begin, and when they have ended: all agents send the same ones."""
    payloads = next(iter(load.payloads.values()))
    ends_ms = decode(parse_batch(payloads[-1]).entries[-1]).wall_ms
    return datetime.fromtimestamp(START_MS / 1000, UTC), datetime.fromtimestamp(ends_ms / 1000, UTC) + timedelta(days=1)


def send_all(load: Load, broker: EmbeddedBroker) -> float:
    """Keeps WINDOW batches of each agent under way; returns the seconds until the last was answered."""
    left = {agent_id: iter(payloads) for agent_id, payloads in load.payloads.items()}
    topics = {agent_id: LightAgent(agent_id).topic for agent_id in left}
    unanswered = sum(map(len, load.payloads.values()))
    listening, done = threading.Event(), threading.Event()

    answered = dict.fromkeys(left, 0)

    def send_next(client: mqtt.Client, agent_id: str) -> None:
        payload = next(left[agent_id], None)
        if payload is not None:
            client.publish(topics[agent_id], payload, qos=1)

    def on_answer(client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        """A receipt answers every batch up to its size; the peer's answers stand for one each."""
        nonlocal unanswered
        assert not message.payload.startswith(b"jishi-refuse"), message.payload
        agent_id = message.topic.rpartition("/")[2]
        words = bytes(message.payload).split(b"\n", 2)
        batches = int(words[1]) // load.batch_size if len(words) > 1 else answered[agent_id] + 1
        for _ in range(batches - answered[agent_id]):
            unanswered -= 1
            send_next(client, agent_id)
        answered[agent_id] = max(batches, answered[agent_id])
        if unanswered == 0:
            done.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.max_inflight_messages_set(0)
    client.on_connect = lambda c, *_: c.subscribe([(down_topic(agent_id), 1) for agent_id in left])
    client.on_subscribe = lambda *_: listening.set()
    client.on_message = on_answer
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        assert listening.wait(20)
        start_s = time.perf_counter()
        for _ in range(WINDOW):
            for agent_id in left:
                send_next(client, agent_id)
        assert done.wait(TIMEOUT_S), f"{unanswered} batches were not answered"
        return time.perf_counter() - start_s
    finally:
        client.disconnect()
        client.loop_stop()


def check_stored(dsn: str, load: Load) -> None:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*), (SELECT count(*) FROM reading_other) FROM reading").fetchone()
        assert row == (load.entries, 0), row
