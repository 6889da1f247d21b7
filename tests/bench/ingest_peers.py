"""What ingest is measured beside: what one would write in an afternoon, and what PostgreSQL can do at most.

    by_executemany      paho + psycopg: parses the same messages, inserts the same rows with executemany, one commit
                        a message, answers
    by_single_inserts   the same with one INSERT and one commit for each entry
    copy_prepacked      no MQTT and no parsing: rows packed beforehand, COPY BINARY, 1 000 rows a commit

None of them verifies, signs or keeps evidence. All use the same server with the same settings, commits that reach
the disk (synchronous_commit on), and write into the same table `reading`, in the layout that it has.
"""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from collector.ingest import rows
from protocol.batch import parse_batch
from protocol.entry import Reading, decode
from protocol.topics import down_topic
from tests.bench.ingest_load import Load

_INSERT = (
    b"INSERT INTO reading (journal_id, entry_index, wall_ms, mono_ms, start_mono_ms, start_at, end_at, counter,"
    b" watcher, channel, boot, durations_ms, means, lows, highs, deltas)"
    b" VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_COPY_AT_ONCE = 1_000
Insert = Callable[[psycopg.Connection[Any], Sequence[tuple[object, ...]]], None]


def by_executemany(dsn: str, host: str, port: int, ready: Any) -> None:
    """A process of its own."""
    _serve(dsn, host, port, ready, insert=_insert_together)


def by_single_inserts(dsn: str, host: str, port: int, ready: Any) -> None:
    """A process of its own."""
    _serve(dsn, host, port, ready, insert=_insert_each)


def _insert_together(connection: psycopg.Connection[Any], values: Sequence[tuple[object, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, values)
    connection.commit()


def _insert_each(connection: psycopg.Connection[Any], values: Sequence[tuple[object, ...]]) -> None:
    for value in values:
        connection.execute(_INSERT, value)
        connection.commit()


def _serve(dsn: str, host: str, port: int, ready: Any, *, insert: Insert) -> None:
    """JSON to rows, insert, answer."""
    connection = psycopg.connect(dsn)

    def on_message(client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        agent_id = message.topic.rpartition("/")[2]
        journal_id = int(agent_id.rpartition("-")[2])
        insert(connection, [_row(journal_id, json.loads(raw)) for raw in parse_batch(message.payload).entries])
        client.publish(down_topic(agent_id), b"ok", qos=1)

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.max_inflight_messages_set(0)
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


def copy_prepacked(dsn: str, load: Load) -> float:
    """The load's rows as fast as they go in; returns the seconds that it took."""
    packed = [row for number, sent in enumerate(load.payloads.values()) for row in _pack(number, sent)]
    with psycopg.connect(dsn) as connection:
        start_s = time.perf_counter()
        for at in range(0, len(packed), _COPY_AT_ONCE):
            with connection.cursor().copy(rows.COPY_READING) as copy:
                copy.write(b"".join((rows.COPY_HEADER, *packed[at : at + _COPY_AT_ONCE], rows.COPY_TRAILER)))
            connection.commit()
        return time.perf_counter() - start_s


def _pack(journal_id: int, payloads: Sequence[bytes]) -> list[bytes]:
    entries = [decode(raw) for payload in payloads for raw in parse_batch(payload).entries]
    return [rows.reading_rows(journal_id, [_tail(entry)]) for entry in entries]


def _tail(entry: Any) -> bytes:
    reading: Reading = entry.body
    start_ms = entry.wall_ms - (entry.mono_ms - reading.start_mono_ms)
    return rows.reading_row_tail(entry, reading, start_ms=start_ms, end_ms=start_ms + sum(reading.durations_ms))
