"""How fast evidence comes in: publish, verify, store, commit, receipt, end to end through a real broker.

Many light agents with prepared messages keep four batches each under way, as real ones do, against one ingest
worker in a process of its own. The peer is what one would write in an afternoon: paho and psycopg, parsing the
same messages and inserting the same rows with executemany, one commit a message, in the same run, against the
same server. It verifies nothing, signs nothing and keeps no evidence. Every part shares this machine.
"""

import json
import multiprocessing
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from psycopg import conninfo

from collector.embedded.broker import EmbeddedBroker
from collector.embedded.postgres import EmbeddedPostgres
from collector.ingest.worker import Worker
from collector.registry import instruments
from collector.store import database, migrate
from protocol.batch import parse_batch
from protocol.topics import down_topic
from tests.conftest import find_free_port
from tests.light_agent import RECEIPT_KEY, LightAgent

AGENTS = 40
WINDOW = 4
TIMEOUT_S = 120.0
_INSERT = (
    "INSERT INTO {} (journal_id, entry_index, wall_ms, mono_ms, start_mono_ms, start_at, end_at, counter, watcher,"
    " channel, boot, durations_ms, means, lows, highs, deltas)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


class Load(NamedTuple):
    """What is sent: for each agent its payloads, in order."""

    batch_size: int
    payloads: dict[str, list[bytes]]

    @property
    def entries(self) -> int:
        return self.batch_size * sum(map(len, self.payloads.values()))


class Result(NamedTuple):
    entries_per_s: float
    cpu_s_per_million: float


def measure() -> Iterable[dict[str, object]]:
    """Entries a second at batches of 1, 10 and 100, each beside the peer, and processor time per million entries."""
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="jishi-bench-", dir="/tmp"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        server = stack.enter_context(EmbeddedPostgres(directory))
        for batch_size, batches in ((1, 400), (10, 200), (100, 50)):
            load = prepare_load(batch_size, batches)
            ours = run(_work, load, server=server)
            smaller = Load(batch_size, {name: sent[: len(sent) // 4] for name, sent in load.payloads.items()})
            peer = run(_work_by_executemany, smaller, server=server)
            yield {
                "name": f"ingest end to end, batches of {batch_size}",
                "value": round(ours.entries_per_s),
                "unit": "entries/s",
                "peer": round(peer.entries_per_s),
                "ratio": round(ours.entries_per_s / peer.entries_per_s, 2),
            }
            yield {
                "name": f"ingest processor time (collector and database), batches of {batch_size}",
                "value": round(ours.cpu_s_per_million, 1),
                "unit": "s per million entries",
                "peer": round(peer.cpu_s_per_million, 1),
                "ratio": round(ours.cpu_s_per_million / peer.cpu_s_per_million, 3),
            }


def prepare_load(batch_size: int, batches: int) -> Load:
    """Agents' ids are equally long, so that one log's batches serve all of them with another note inside."""
    pattern = LightAgent("bench-000")
    pattern.append_readings(batch_size * batches)
    sizes = range(batch_size, batch_size * batches + 1, batch_size)
    prepared = [(size, pattern.payload(size - batch_size, size), pattern.checkpoint(size)) for size in sizes]
    payloads = {}
    for number in range(AGENTS):
        agent = LightAgent(f"bench-{number:03}")
        payloads[agent.agent_id] = [
            payload.replace(note, agent.checkpoint(size, root=pattern.root(size))) for size, payload, note in prepared
        ]
    return Load(batch_size, payloads)


def run(target: Any, load: Load, *, server: EmbeddedPostgres) -> Result:
    """Sends the load against `target` in a process of its own, and times it from first message to last answer.

    Each time with a broker of its own: a broker remembers what a worker that left had subscribed to.
    """
    with fresh_database(server, load) as dsn, EmbeddedBroker(find_free_port()) as broker:
        context = multiprocessing.get_context("spawn")
        ready = context.Event()
        process = context.Process(target=target, args=(dsn, broker.host, broker.port, ready), daemon=True)
        process.start()
        try:
            assert ready.wait(60)
            before = _processor_time(process.pid, server)
            elapsed_s = send_all(load, broker)
            used_s = _processor_time(process.pid, server) - before
            _check_stored(dsn, load)
        finally:
            process.terminate()
            process.join()
    return Result(load.entries / elapsed_s, used_s / load.entries * 1e6)


@contextmanager
def fresh_database(server: EmbeddedPostgres, load: Load) -> Iterator[str]:
    """A migrated database in which the load's agents are enrolled, each measuring an instrument."""
    dsn = conninfo.make_conninfo(server.dsn, dbname="bench")
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE bench")
        with database.connect(dsn, application="bench") as connection:
            migrate.migrate(connection)
            connection.execute("CREATE TABLE plain (LIKE reading INCLUDING ALL)")
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
        answered[agent_id] = batches
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


def _check_stored(dsn: str, load: Load) -> None:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT (SELECT count(*) FROM reading) + (SELECT count(*) FROM plain)").fetchone()
        assert row == (load.entries,), row


def _work(dsn: str, host: str, port: int, ready: Any) -> None:
    worker = Worker(dsn, broker_host=host, broker_port=port, receipt_key=RECEIPT_KEY)
    threading.Thread(target=_announce, args=(worker, ready), daemon=True).start()
    worker.run()


def _announce(worker: Worker, ready: Any) -> None:
    while not worker.is_listening:
        time.sleep(0.05)
    ready.set()


def _work_by_executemany(dsn: str, host: str, port: int, ready: Any) -> None:
    """The peer: JSON to rows, executemany, commit, answer."""
    connection = psycopg.connect(dsn)
    statement = _INSERT.format("plain").encode()
    journals = {f"bench-{number:03}": number for number in range(AGENTS)}

    def on_message(client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        agent_id = message.topic.rpartition("/")[2]
        rows = [_row(journals[agent_id], json.loads(raw)) for raw in parse_batch(bytes(message.payload)).entries]
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)
        connection.commit()
        client.publish(down_topic(agent_id), b"ok", qos=1)

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.on_connect = lambda c, *_: c.subscribe("jishi/v1/up/+/+", qos=1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = on_message
    client.connect(host, port)
    client.loop_forever()


def _row(journal_id: int, entry: dict[str, Any]) -> tuple[object, ...]:
    d = entry["d"]
    start_ms = entry["t"] - (entry["m"] - d["a"])
    start_at, end_at = (datetime.fromtimestamp(at / 1000, UTC) for at in (start_ms, start_ms + sum(d["d"])))
    head = (journal_id, entry["i"], entry["t"], entry["m"], d["a"], start_at, end_at, d["c"], d["s"], d["ch"])
    return (*head, entry["b"], d["d"], d["w"], d["lo"], d["hi"], d["e"])


def _processor_time(pid: int | None, server: EmbeddedPostgres) -> float:
    """Seconds of processor time that collector and database have used so far."""
    postmaster = psutil.Process(server.process.pid)
    times = [process.cpu_times() for process in (psutil.Process(pid), postmaster, *postmaster.children())]
    ended = postmaster.cpu_times()
    return sum(each.user + each.system for each in times) + ended.children_user + ended.children_system
