"""Landmarks and beacons at ingest: stored with the entries, counted where we signed them, sent with each welcome."""

import pytest

from collector.ingest.prepare import prepare
from collector.ingest.rebuild import Period, rebuild
from collector.ingest.writer import Writer
from collector.store.database import Connection
from protocol import beacon, merkle, message
from protocol.entry import Beacon, Start, WatcherChange
from protocol.keys import COSIGNATURE, SigningKey
from protocol.note import Checkpoint
from tests.collector.ingest.conftest import NOW_MS, Enrol, offer
from tests.light_agent import DOMAIN, RECEIPT_KEY, START_MS, LightAgent

ROGUE = SigningKey(RECEIPT_KEY.name, COSIGNATURE, b"x" * 32)
ROOT = merkle.root([merkle.leaf_hash(b"leaf")])
LOG = Checkpoint(f"{DOMAIN}/log/2025-1", 7, ROOT)


def body(checkpoint: Checkpoint = LOG, *, key: SigningKey = RECEIPT_KEY, time_s: int = START_MS // 1000) -> Beacon:
    return beacon.open_beacon(beacon.beacon_note(checkpoint, key, time_s=time_s), key.verifier).body


@pytest.fixture
def logged(connection: Connection) -> Connection:
    """A collector whose log has seven leaves."""
    begin_log(connection, "2025-1", size=7)
    return connection


def begin_log(connection: Connection, log: str, *, size: int) -> None:
    connection.execute(
        "INSERT INTO collector_log (log, origin, vkey, why, opened_at) VALUES (%s, %s, 'key', 'test', now())",
        [log, f"{DOMAIN}/log/{log}"],
    )
    connection.execute(
        "INSERT INTO log_head (log, size, root, frontier, note, time_s, read_to)"
        " VALUES (%s, %s, %s, %s, 'note', 1, '0')",
        [log, size, ROOT, bytes(96)],
    )


def welcomed(agent: LightAgent, writer: Writer) -> message.Welcome:
    """The answer to a hello."""
    answer = writer.write([prepare(agent.topic, agent.hello())])[0]
    assert answer is not None
    welcome = message.parse_down(answer)
    assert isinstance(welcome, message.Welcome)
    return welcome


def landmarks(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "SELECT entry_index, kind, boot, mono_ms, wall_ms, beacon_s FROM landmark ORDER BY entry_index"
    ).fetchall()


def agent_with(enrol: Enrol, *bodies: Beacon | Start | WatcherChange) -> LightAgent:
    agent = enrol()
    agent.append_readings(1)
    for each in bodies:
        agent.append(each)
    agent.append_readings(1)
    return agent


def test_what_is_no_reading_has_a_row_with_its_bytes(enrol: Enrol, writer: Writer, connection: Connection) -> None:
    agent = agent_with(enrol, Start("1.0"), WatcherChange("meter1", "up", "first sample"))
    writer.write([offer(agent)])
    assert [row[:3] for row in landmarks(connection)] == [(1, "start", "5f3a9c01"), (2, "watcher", "5f3a9c01")]
    held = [bytes(raw) for (raw,) in connection.execute("SELECT body FROM landmark ORDER BY entry_index")]
    assert held == agent.entries[1:3]


def test_only_a_beacon_that_we_signed_has_a_time(enrol: Enrol, writer: Writer, logged: Connection) -> None:
    agent = agent_with(enrol, body(), body(key=ROGUE), body(Checkpoint(LOG.origin, 8, ROOT), key=ROGUE))
    writer.write([offer(agent)])
    assert [(row[0], row[5]) for row in landmarks(logged)] == [(1, START_MS // 1000), (2, None), (3, None)]
    assert logged.execute("SELECT count(*) FROM log_conflict").fetchone() == (0,)


def test_a_beacon_of_another_collector_has_none(enrol: Enrol, writer: Writer, logged: Connection) -> None:
    foreign = SigningKey("other.example/receipt/1", COSIGNATURE, b"o" * 32)
    other = body(Checkpoint("other.example/log/2025-1", 7, ROOT), key=foreign)
    writer.write([offer(agent_with(enrol, other))])
    assert [row[5] for row in landmarks(logged)] == [None]


def test_entries_that_come_twice_have_one_row(enrol: Enrol, writer: Writer, connection: Connection) -> None:
    agent = agent_with(enrol, Start("1.0"))
    writer.write([offer(agent, 0, 2)])
    writer.write([offer(agent, 0, 2), offer(agent)])
    assert [row[0] for row in landmarks(connection)] == [1]


@pytest.mark.parametrize(
    ("size", "root", "is_conflict"), [(7, ROOT, False), (6, bytes(32), False), (8, ROOT, True), (7, bytes(32), True)]
)
def test_a_tree_of_our_log_that_we_never_had_is_written_down(
    enrol: Enrol, writer: Writer, logged: Connection, size: int, root: bytes, is_conflict: bool
) -> None:
    writer.write([offer(agent_with(enrol, body(Checkpoint(LOG.origin, size, root))))])
    found = logged.execute("SELECT log, what, size, origin, entry_index FROM log_conflict").fetchall()
    assert found == ([("2025-1", "beacon", size, f"{DOMAIN}/a/em-01/1", 1)] if is_conflict else [])


def test_a_welcome_brings_a_beacon_of_this_moment(enrol: Enrol, writer: Writer, logged: Connection) -> None:
    opened = beacon.open_beacon(welcomed(enrol(), writer).beacon or b"", RECEIPT_KEY.verifier)
    assert (opened.receipt.checkpoint, opened.receipt.time_s) == (LOG, NOW_MS // 1000)


def test_where_there_is_no_log_there_is_no_beacon(enrol: Enrol, writer: Writer) -> None:
    assert welcomed(enrol(), writer).beacon is None


def test_a_log_that_stands_still_sends_none_nor_does_the_one_before_it(
    enrol: Enrol, writer: Writer, logged: Connection
) -> None:
    agent = enrol()
    begin_log(logged, "2026-1", size=3)
    opened = beacon.open_beacon(welcomed(agent, writer).beacon or b"", RECEIPT_KEY.verifier)
    assert (opened.log, opened.receipt.checkpoint.size) == ("2026-1", 3)
    logged.execute(
        "INSERT INTO log_conflict (log, what, size, root, origin, entry_index)"
        " VALUES ('2026-1', 'beacon', 9, %s, %s, 1)",
        [ROOT, f"{DOMAIN}/a/em-02/1"],
    )
    assert welcomed(agent, writer).beacon is None
    begin_log(logged, "2026-2", size=1)
    opened = beacon.open_beacon(welcomed(agent, writer).beacon or b"", RECEIPT_KEY.verifier)
    assert opened.log == "2026-2"


def test_rebuilding_makes_the_same_rows(enrol: Enrol, writer: Writer, logged: Connection) -> None:
    writer.write([offer(agent_with(enrol, Start("1.0"), body(), body(key=ROGUE)))])
    before = landmarks(logged)
    logged.execute("DELETE FROM landmark")
    list(rebuild(logged, Period(0, 2**42), receipt_key=RECEIPT_KEY.verifier))
    assert landmarks(logged) == before
    assert len(before) == 3
