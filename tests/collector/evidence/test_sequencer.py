"""The collector's own log: what comes into it, once each, and signed."""

import hashlib
from base64 import b64decode
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest

from collector.evidence.log_proofs import LogTree, find_leaf, find_record
from collector.evidence.log_worker import rebuild_files
from collector.evidence.pending import list_pending
from collector.evidence.registered import list_registered
from collector.keys import load_log_key
from protocol import log_leaf, merkle, registered, tiles
from protocol.interval import day_bounds_ms
from protocol.log_leaf import Closed, Fact, Minute, Opened, Registered
from protocol.note import open_checkpoint, open_receipt
from tests.collector.evidence.growing import HOUR, MONDAY, Log
from tests.collector.province import DOMAIN, RUN, USCC, Piece, Province


def test_the_first_leaf_says_whose_log_it_is(log: Log) -> None:
    head = log.grow()
    opened = log.leaves()[0]
    assert isinstance(opened, Opened)
    assert (opened.log, opened.receipt, opened.predecessor) == ("2026-1", str(log.receipt.verifier), "")
    assert opened.key == str(load_log_key(log.data_dir, head.origin).verifier) == head.vkey


def test_the_newest_tree_is_signed_by_the_logs_key_and_the_receipt_key(log: Log) -> None:
    head = log.grow()
    key = load_log_key(log.data_dir, f"{DOMAIN}/log/2026-1").verifier
    signed = open_checkpoint(head.note, key)
    assert (signed.size, signed.root) == (
        head.size,
        merkle.root(map(merkle.leaf_hash, map(log_leaf.encode, log.leaves()))),
    )
    assert open_receipt(head.note, log.receipt.verifier).time_s == log.now_ms // 1000


def test_each_receipt_is_in_one_minute_and_its_root(log: Log, province: Province, origin: str) -> None:
    log.grow()
    province.observe(origin, Piece(MONDAY, 0, HOUR, RUN))
    province.observe(origin, Piece(MONDAY, HOUR, 2 * HOUR, RUN))
    receipts = [bytes(raw) for (raw,) in log.connection.execute("SELECT receipt FROM batch ORDER BY first")]
    head = log.grow()
    minute = log.leaves()[-1]
    assert isinstance(minute, Minute)
    assert (minute.t, minute.receipts) == (head.time_s, 2)
    assert minute.root == merkle.root(map(merkle.leaf_hash, receipts)).hex()
    log.grow()
    after = log.leaves()[-1]
    assert isinstance(after, Minute)
    assert (after.receipts, after.root) == (0, merkle.EMPTY_ROOT.hex())
    assert after.random != minute.random


def test_the_receipts_of_a_minute_stand_by_journal_and_size(log: Log, province: Province, origin: str) -> None:
    province.add_instrument("B001")
    before_it = province.add_agent("ab-01", "B001")
    for each in (origin, before_it):
        for hour in range(11):
            province.observe(each, Piece(MONDAY, hour * HOUR, (hour + 1) * HOUR, RUN))
    log.grow()
    rows = log.connection.execute(
        "SELECT b.receipt FROM batch b JOIN journal USING (journal_id) ORDER BY agent_id = 'em-01', b.size"
    ).fetchall()
    minute = log.leaves()[-1]
    assert isinstance(minute, Minute)
    assert minute.receipts == len(rows) == 22
    assert minute.root == merkle.root(merkle.leaf_hash(bytes(raw)) for (raw,) in rows).hex(), "10 comes after 9"


def test_what_is_not_committed_yet_is_in_a_later_minute(log: Log, province: Province, origin: str, dsn: str) -> None:
    province.observe(origin, Piece(MONDAY, 0, HOUR, RUN))
    with psycopg.connect(dsn) as other:
        other.execute(
            "INSERT INTO batch SELECT journal_id, 500, 501, note, entries, receipt || 'x', received_at FROM batch"
        )
        log.grow()
        log.grow()
        other.commit()
    log.grow()
    counts = [leaf.receipts for leaf in log.leaves() if isinstance(leaf, Minute)]
    assert counts == [1, 0, 1], "whatever is not older than the oldest open transaction waits for it"


def test_facts_statements_and_closed_records_come_in_once(log: Log, province: Province, origin: str) -> None:
    province.observe(origin, Piece(MONDAY, 0, HOUR, RUN))
    province.derive(date(2026, 11, 20))
    _put_fact(log, "ab" * 32)
    log.grow()
    log.grow(minutes=200)
    log.grow()
    kinds = [type(leaf) for leaf in log.leaves()]
    assert kinds.count(Fact) == 1
    assert kinds.count(Closed) == 1
    statements = [each.raw for each in list_registered(log.connection, None)]
    assert kinds.count(Registered) == len(statements) == len({registered.identity(raw) for raw in statements}) >= 6
    logged = {leaf.sha256 for leaf in log.leaves() if isinstance(leaf, Registered)}
    assert logged == {registered.identity(raw) for raw in statements}


def test_a_fact_that_comes_after_the_cursor_moved_is_logged_too(log: Log) -> None:
    _put_fact(log, "aa" * 32)
    log.grow()
    log.grow(minutes=300)
    _put_fact(log, "bb" * 32)
    log.grow()
    assert [leaf.sha256 for leaf in log.leaves() if isinstance(leaf, Fact)] == ["aa" * 32, "bb" * 32]


def test_statements_of_an_instrument_say_what_its_history_is(log: Log, province: Province, origin: str) -> None:
    province.add_instrument("B001")
    province.add_agent("em-02", "B001")
    said = [registered.decode(each.raw) for each in list_registered(log.connection, "A001")]
    policies = {sha: bytes(raw) for sha, raw in log.connection.execute("SELECT sha256, body FROM policy")}
    history = registered.history_of(said, policies, "A001")
    assert history.owner_on(MONDAY) == USCC
    assert {fact.channel.agent_id for fact in history.measurements} == {"em-01"}
    held = history.policy_on(MONDAY)
    assert held is not None
    assert held.sha256 == province.policy.sha256


def test_a_record_is_proved_through_its_leaf(log: Log, province: Province, origin: str) -> None:
    province.observe(origin, Piece(MONDAY, 0, HOUR, RUN))
    province.derive(date(2026, 11, 20))
    log.grow()
    sha256 = log.connection.execute("SELECT sha256 FROM closed_record").fetchone()[0]  # type: ignore[index]
    placed = find_record(log.connection, "A001", day="2026-11-16", revision=1)
    assert placed is not None
    leaf = log_leaf.decode(placed.leaf.raw)
    assert isinstance(leaf, Closed)
    inner = merkle.leaf_hash(
        log_leaf.closed_leaf(log_leaf.ClosedRecord("A001", "2026-11-16", 1, sha256, placed.grades))
    )
    merkle.verify_inclusion(inner, index=placed.place, size=placed.of, proof=placed.path, root=bytes.fromhex(leaf.root))
    tree = LogTree(log.connection, log.data_dir / "log", "2026-1")
    merkle.verify_inclusion(
        merkle.leaf_hash(placed.leaf.raw),
        index=placed.leaf.leaf_index,
        size=tree.size,
        proof=tree.inclusion(placed.leaf.leaf_index),
        root=tree.root_at(tree.size),
    )


@pytest.mark.parametrize("with_files", [True, False])
def test_trees_continue_each_other(log: Log, tmp_path: Path, with_files: bool) -> None:
    old = log.grow()
    for _ in range(5):
        log.grow()
    tree = LogTree(log.connection, log.data_dir / "log" if with_files else tmp_path / "none", "2026-1")
    merkle.verify_consistency(
        old_size=old.size,
        old_root=old.frontier.root(),
        new_size=tree.size,
        new_root=tree.root_at(tree.size),
        proof=tree.consistency(old.size),
    )


def test_the_files_are_a_log_that_any_reader_can_check(log: Log) -> None:
    for _ in range(300):
        head = log.grow()
    assert head.size > 300
    assert log.read("checkpoint") == head.note
    assert list(tiles.check(log.read, head.size, head.frontier.root())) == []
    assert not (log.data_dir / "log/2026-1/tile/0/000.p").exists(), "partial tiles go when the full one is there"
    assert (log.data_dir / "log/2026-1/checkpoint").stat().st_mode & 0o777 == 0o644


def test_files_that_were_lost_are_made_again(log: Log) -> None:
    for _ in range(5):
        head = log.grow()
    held = {path: path.read_bytes() for path in (log.data_dir / "log").rglob("*") if path.is_file()}
    for path in held:
        path.unlink()
    assert list(rebuild_files(log.connection, log.data_dir / "log")) == [("2026-1", head.size)]
    made = {path: path.read_bytes() for path in (log.data_dir / "log").rglob("*") if path.is_file()}
    assert made.items() <= held.items()
    assert list(tiles.check(log.read, head.size, head.frontier.root())) == []


def test_a_crash_between_commit_and_files_is_mended_by_the_next_step(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.grow()
    with monkeypatch.context() as patch:
        patch.setattr("collector.evidence.tile_files.TileFiles.publish", lambda *_: 0)
        log.grow()
    head = log.grow()
    assert list(tiles.check(log.read, head.size, head.frontier.root())) == []


def test_a_long_past_comes_in_portions_each_thing_once(
    log: Log, province: Province, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.evidence.sequencer.list_pending", partial(list_pending, most=3))
    for hour in range(0, 24 * 7, 8):
        day = MONDAY + timedelta(days=hour // 24)
        province.observe(origin, Piece(day, hour % 24 * HOUR, (hour % 24 + 1) * HOUR, RUN))
    province.derive(date(2026, 12, 20))
    for number in range(10):
        _put_fact(log, f"{number:064x}")
    log.now_ms += 5 * 3_600_000
    log.grow()
    leaves = log.leaves()
    assert [leaf.sha256 for leaf in leaves if isinstance(leaf, Fact)] == [f"{number:064x}" for number in range(10)]
    assert sum(leaf.records for leaf in leaves if isinstance(leaf, Closed)) == _count(log, "closed_record") > 3
    statements = {registered.identity(each.raw) for each in list_registered(log.connection, None)}
    assert sorted(statements) == sorted(leaf.sha256 for leaf in leaves if isinstance(leaf, Registered))
    assert sum(isinstance(leaf, Minute) for leaf in leaves) == 1
    size = len(leaves)
    assert log.grow().size == size + 1


def test_a_closed_record_stands_with_the_grades_of_that_very_record(log: Log, province: Province, origin: str) -> None:
    for day in (MONDAY, date(2026, 11, 17)):
        province.observe(origin, Piece(day, 0, HOUR, RUN))
    province.derive(date(2026, 11, 20))
    log.connection.execute("DELETE FROM day_grade")
    log.connection.execute(
        "INSERT INTO day_grade (asset_no, day, body, a_s, b_s, c_s, d_s, x_s, lost_s, counted_s, counted_external_s)"
        ' SELECT asset_no, day, convert_to(CASE WHEN day = %s THEN format(\'{"record":"%%s"}\', sha256)'
        " ELSE '{\"record\":\"of another\"}' END, 'UTF8'), 0, 0, 0, 0, 0, 0, 0, 0 FROM closed_record",
        [MONDAY],
    )
    log.grow()
    grades = dict(log.connection.execute("SELECT day, grades FROM logged_record ORDER BY day, revision").fetchall())
    (body,) = log.connection.execute("SELECT body FROM day_grade WHERE day = %s", [MONDAY]).fetchone()  # type: ignore[misc]
    assert grades[MONDAY] == hashlib.sha256(body).hexdigest()
    assert grades[date(2026, 11, 17)] == ""


def test_a_new_year_begins_a_new_log(log: Log) -> None:
    last = log.grow()
    log.now_ms = day_bounds_ms(date(2027, 1, 1))[0]
    assert log.grow().log == "2027-1"
    first = log.leaves("2027-1")[0]
    assert isinstance(first, Opened)
    assert b64decode(first.predecessor) == last.note
    assert first.why == "the year 2027 began"


@pytest.mark.parametrize("statement", [
    "UPDATE log_leaf SET body = 'x'", "DELETE FROM log_leaf", "TRUNCATE log_leaf CASCADE",
    "UPDATE log_head SET size = 1", "DELETE FROM log_head", "UPDATE collector_log SET why = 'x'",
])  # fmt: skip
def test_the_database_refuses_to_change_the_log(log: Log, statement: str) -> None:
    log.grow()
    log.grow()
    with pytest.raises(psycopg.errors.RestrictViolation):
        log.connection.execute(statement.encode())


def test_a_leaf_is_found_by_what_it_commits_to(log: Log) -> None:
    _put_fact(log, "ab" * 32)
    log.grow()
    placed = find_leaf(log.connection, f"fact:{'ab' * 32}")
    assert placed is not None
    assert log_leaf.decode(placed.raw) == Fact(sha256="ab" * 32)
    assert find_leaf(log.connection, f"fact:{'cd' * 32}") is None


def _put_fact(log: Log, mark: str) -> None:
    """A row of `fact` whose identity is what the test says: the table's checks are lifted for it."""
    for (name,) in log.connection.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'fact'::regclass AND contype = 'c'"
    ).fetchall():
        log.connection.execute(f'ALTER TABLE fact DROP CONSTRAINT "{name}"'.encode())
    log.connection.execute(
        "INSERT INTO fact (sha256, body, kind, recorded_at) VALUES (%s, 'x', 'order', %s)",
        [mark, datetime.fromtimestamp(log.now_ms / 1000, UTC)],
    )


def _count(log: Log, table: str) -> int:
    row = log.connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])
