"""The collector's own log where somebody shows another history of it: it stands still, and accuses nobody falsely."""

from base64 import b64decode

import psycopg
import pytest

from collector.errors import ConfigError, LogStopped, StoreError
from collector.evidence.pending import Portion, list_pending
from collector.evidence.sequencer import find_conflict, list_heads, load_head, open_next
from collector.keys import load_log_key
from collector.store.database import Connection
from protocol import tiles
from protocol.log_leaf import Opened
from protocol.note import Checkpoint, open_checkpoint
from tests.collector.evidence.growing import Log
from tests.collector.province import DOMAIN


def test_an_agents_beacon_of_our_own_tree_is_no_conflict(log: Log, origin: str) -> None:
    old = log.grow()
    log.grow()
    log.put_beacon(Checkpoint(old.origin, old.size, old.frontier.root()))
    log.grow()
    assert find_conflict(log.connection, "2026-1") == ""


@pytest.mark.parametrize("more", [0, 1000])
def test_an_agents_beacon_of_another_tree_stops_the_log(log: Log, origin: str, more: int) -> None:
    head = log.grow()
    log.put_beacon(Checkpoint(head.origin, head.size + more, bytes(32)))
    with pytest.raises(
        LogStopped, match=r"entry 0 of jishi\.example/a/em-01/1 holds our checkpoint of size .* restart"
    ):
        log.grow()
    with pytest.raises(LogStopped):
        log.grow()
    assert load_head(log.connection) == head


def test_lost_files_accuse_nobody(log: Log, origin: str) -> None:
    old = log.grow()
    for _ in range(3):
        head = log.grow()
    for file in [file for file in (log.data_dir / "log").rglob("*") if file.is_file()]:
        file.unlink()
    log.put_beacon(Checkpoint(old.origin, old.size, old.frontier.root()))
    assert log.grow().size == head.size + 1
    assert find_conflict(log.connection, "2026-1") == ""


def test_an_older_tree_of_other_leaves_stops_the_log_with_or_without_files(log: Log, origin: str) -> None:
    old = log.grow()
    log.grow()
    log.put_beacon(Checkpoint(old.origin, old.size, bytes(32)))
    with pytest.raises(LogStopped, match=f"our checkpoint of size {old.size}"):
        log.grow()


def test_a_beacon_of_a_log_that_the_database_does_not_know_stops_the_log_once(log: Log, origin: str) -> None:
    log.grow()
    lost = Checkpoint(f"{DOMAIN}/log/2026-2", 7, bytes(32))
    log.put_beacon(lost)
    with pytest.raises(LogStopped, match="entry 0 of jishi"):
        log.grow()
    opened = open_next(log.connection, log.keys, why="restored", now_ms=log.now_ms)
    assert opened.log == "2026-3", "the name of the lost log is taken"
    log.put_beacon(lost, index=1)
    log.put_beacon(Checkpoint(lost.origin, 9, bytes(32)), index=2)
    assert log.grow().log == "2026-3", "what else comes of the lost log is nothing new"


def test_what_was_appended_while_another_log_was_opened_counts_for_nothing(
    log: Log, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = log.grow()

    def open_meanwhile(*_: object) -> None:
        with psycopg.connect(dsn, autocommit=True) as other:
            open_next(other, log.keys, why="by hand", now_ms=log.now_ms)

    monkeypatch.setattr("collector.evidence.sequencer.check_conflicts", open_meanwhile)
    with pytest.raises(StoreError, match="another follows it"):
        log.grow()
    monkeypatch.undo()
    first = log.leaves("2026-2")[0]
    assert isinstance(first, Opened)
    assert b64decode(first.predecessor) == head.note == list_heads(log.connection)[0].note
    assert log.grow().log == "2026-2"


def test_whoever_opens_a_log_shuts_the_one_that_somebody_is_just_appending_to(
    log: Log, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = log.grow()

    def open_meanwhile(connection: Connection, *, now: datetime) -> Portion:
        portion = list_pending(connection, now=now)
        with psycopg.connect(dsn, autocommit=True) as other:
            open_next(other, log.keys, why="by hand", now_ms=log.now_ms)
        return portion

    monkeypatch.setattr("collector.evidence.sequencer.list_pending", open_meanwhile)
    with pytest.raises(psycopg.errors.SerializationFailure):
        log.grow()
    first = log.leaves("2026-2")[0]
    assert isinstance(first, Opened)
    assert b64decode(first.predecessor) == head.note == list_heads(log.connection)[0].note


def test_leaves_that_were_altered_stop_the_log_at_the_start(log: Log, dsn: str) -> None:
    log.grow()
    with psycopg.connect(dsn) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE log_leaf SET body = body || ' ' WHERE leaf_index = 1")
    with pytest.raises(LogStopped, match="the leaves in the database do not lead to the root"):
        log.worker.compare_whole(log.connection)
    with pytest.raises(LogStopped, match="they were altered"):
        log.grow()


def test_damaged_files_are_written_again_at_the_start(log: Log) -> None:
    for _ in range(270):
        head = log.grow()
    file = log.data_dir / "log/2026-1/tile/entries/000"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    log.worker.compare_whole(log.connection)
    head = log.grow()
    assert list(tiles.check(log.read, head.size, head.frontier.root())) == []


def test_a_database_from_before_the_newest_files_stops_the_log(log: Log, dsn: str) -> None:
    log.grow()
    backup = _dump(dsn)
    ahead = log.grow()
    _restore(dsn, backup)
    with pytest.raises(LogStopped, match="our own files hold a checkpoint of size"):
        log.grow()
    opened = open_next(log.connection, log.keys, why="restored from the backup of noon", now_ms=log.now_ms)
    assert opened.log == "2026-2"
    head = log.grow()
    assert (head.log, [each.log for each in list_heads(log.connection)]) == ("2026-2", ["2026-1", "2026-2"])
    first = log.leaves("2026-2")[0]
    assert isinstance(first, Opened)
    assert first.why == "restored from the backup of noon"
    before = open_checkpoint(b64decode(first.predecessor), load_log_key(log.data_dir, ahead.origin).verifier)
    assert before.size < ahead.size
    assert list(tiles.check(lambda path: log.read(path, "2026-2"), head.size, head.frontier.root())) == []
    assert list(tiles.check(log.read, ahead.size, ahead.frontier.root())) == [], "what was published stays to be seen"


def test_transactions_that_count_from_lower_numbers_stop_the_log(log: Log) -> None:
    head = log.grow()
    log.connection.execute("UPDATE log_head SET read_to = '9000000000000000'")
    with pytest.raises(LogStopped, match="restored from a dump"):
        log.grow()
    assert head.size == log.connection.execute("SELECT size FROM log_head").fetchone()[0]  # type: ignore[index]


def test_a_database_from_before_the_log_never_signs_in_its_name_again(log: Log, dsn: str) -> None:
    backup = _dump(dsn)
    log.grow()
    _restore(dsn, backup)
    assert log.grow().log == "2026-2"


def test_without_its_key_the_log_does_not_grow_and_says_what_to_do(log: Log) -> None:
    log.grow()
    (log.data_dir / "keys" / "log-2026-1.key").unlink()
    with pytest.raises(ConfigError, match=r"no log key at .*restore it from a backup, or open another log"):
        log.grow()


_TABLES = ("collector_log", "log_leaf", "log_head", "log_cursor", "logged_record", "log_conflict")


def _dump(dsn: str) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(dsn) as connection:
        return {table: connection.execute(f"SELECT * FROM {table}".encode()).fetchall() for table in _TABLES}


def _restore(dsn: str, held: dict[str, list[tuple[object, ...]]]) -> None:
    """The log's tables as they were; transactions go on counting, as after restoring files of the server."""
    with psycopg.connect(dsn) as connection:
        connection.execute("SET session_replication_role = replica")
        for table in _TABLES:
            connection.execute(f"DELETE FROM {table}".encode())
            for row in held[table]:
                marks = ", ".join(["%s"] * len(row))
                connection.execute(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE VALUES ({marks})".encode(), row)
