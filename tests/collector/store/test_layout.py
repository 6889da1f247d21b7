"""Readings lie as the server allows, every time has a place, and a database moves with all its rows."""

import re

import psycopg
import pytest

from collector.accounts.blocks import read_blocks
from collector.errors import MigrationError
from collector.ingest.prepare import prepare
from collector.ingest.writer import Writer
from collector.store import database, layout, migrate
from collector.store.database import Connection
from collector.store.layout import Layout, Offer, what_is_missing
from protocol.bindings import Channel, Stretch
from protocol.entry import MAX_WALL_MS, MIN_WALL_MS
from tests.light_agent import RECEIPT_KEY, START_MS, LightAgent, reading

HOUR_MS = 3_600_000
YEAR_2099_MS = 4_070_908_800_000
CLOCKS = [START_MS, 1_000, HOUR_MS, YEAR_2099_MS, MAX_WALL_MS, MIN_WALL_MS]
"""Wall clocks in UTC ms: right, of an empty battery (1970), of a wrong one (2099), and the ends of the format."""
PARTS = "SELECT tableoid::regclass::text, count(*) FROM reading GROUP BY 1 ORDER BY 1"


@pytest.mark.parametrize(
    ("offer", "missing"),
    [
        (Offer(True, "2.27.2"), "^$"),
        (Offer(True, "2.18.0", "timescale"), "^$"),
        (Offer(True, "3.0.0-dev"), "^$"),
        (Offer(False, None), "is not on this server: install it"),
        (Offer(False, "2.27.2"), "not loaded.*shared_preload_libraries"),
        (Offer(True, "2.17.2"), "is 2.17.2, 2.18 or newer is needed"),
        (Offer(True, None), "2.18 or newer is needed"),
        (Offer(True, "2.27.2", "apache"), "licence 'apache'"),
    ],
)
def test_what_a_server_lacks_for_timescale_is_told_with_the_remedy(offer: Offer, missing: str) -> None:
    assert re.search(missing, what_is_missing(offer))


def test_a_fresh_database_gets_the_best_layout_of_its_server(empty_dsn: str, offered: bool) -> None:
    with database.connect(empty_dsn, application="test") as connection:
        migrate.migrate(connection)
        chosen = layout.load_layout(connection)
        assert chosen is not None
        assert chosen.name == ("timescale" if offered else "plain")
        assert (chosen.kept_days is None) == (chosen.name == "plain")
        told = layout.explain(connection, chosen)
        assert told.startswith("timescale (TimescaleDB 2." if offered else "plain: readings are kept (")


def test_a_layout_stays_whatever_the_server_offers_later(laid_out: Connection, name: str) -> None:
    before = layout.load_layout(laid_out)
    assert migrate.migrate(laid_out) == []
    assert layout.load_layout(laid_out) == before
    assert before is not None
    assert before.name == name


_OLD_COLUMNS = (
    "journal_id, entry_index, wall_ms, mono_ms, start_mono_ms, start_at, end_at, counter, watcher, channel, boot, "
    "durations_ms, means, lows, highs, deltas, states, counts, events"
)


def test_rows_of_a_database_without_layout_are_all_in_the_new_one(
    connection: Connection, flat: Connection, name: str
) -> None:
    """Today's ingest writes what today's schema has, so the old database gets its rows from a present one."""
    agent = _enrol(connection)
    _enrol(flat)
    for wall_ms in [START_MS + 40 * 86_400_000 * n for n in range(20)] + CLOCKS:
        agent.append(reading(len(agent.entries) * 300_000), wall_ms=wall_ms)
    _take_in(connection, agent)
    with (
        connection.cursor().copy(f"COPY (SELECT {_OLD_COLUMNS} FROM reading) TO STDOUT".encode()) as rows,
        flat.cursor().copy("COPY reading FROM STDIN") as old,
    ):
        for data in rows:
            old.write(data)
    before = _rows(flat)
    migrate.migrate(flat, layout=name)
    assert _rows(flat) == before
    assert len(before) == 26
    assert flat.execute("SELECT to_regclass('reading_before')").fetchone() == (None,)


def test_a_reading_of_any_clock_is_stored_and_found(laid_out: Connection) -> None:
    agent = _enrol(laid_out)
    for wall_ms in CLOCKS:
        agent.append(reading(len(agent.entries) * 300_000), wall_ms=wall_ms)
    _take_in(laid_out, agent)
    assert len(_rows(laid_out)) == len(CLOCKS)
    for index, wall_ms in enumerate(CLOCKS[:4]):  # those that a calendar of Python's can ask for with a margin
        stretch = Stretch(wall_ms - HOUR_MS, wall_ms + 1, (Channel(agent.agent_id, "meter1", "power"),))
        with laid_out.transaction():
            assert index in [entry.index for _, entry, _ in read_blocks(laid_out, stretch)]


def test_evidence_cannot_be_stored_twice_in_any_layout(laid_out: Connection) -> None:
    """Readings have no unique key in a hypertable; the table of the stored bytes has one everywhere."""
    agent = _enrol(laid_out)
    agent.append_readings(3)
    _take_in(laid_out, agent)
    with pytest.raises(psycopg.errors.UniqueViolation):
        laid_out.execute("INSERT INTO batch SELECT * FROM batch")


def test_months_are_made_ahead_and_what_came_before_them_moves_in(empty_dsn: str) -> None:
    with database.connect(empty_dsn, application="test") as connection:
        migrate.migrate(connection, layout="plain")
        ahead = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass"
        assert connection.execute(ahead.encode()).fetchone() == (24 + 1,)
        agent = _enrol(connection)
        for wall_ms in (YEAR_2099_MS - HOUR_MS, YEAR_2099_MS + HOUR_MS, YEAR_2099_MS + 40 * 86_400_000):
            agent.append(reading(len(agent.entries) * 300_000), wall_ms=wall_ms)
        _take_in(connection, agent)
        before = _rows(connection)
        assert connection.execute(PARTS.encode()).fetchall() == [("reading_other", 3)]
        connection.execute("SELECT make_reading_months('2098-12-15', '2099-02-01')")
        parts = [("reading_2098_12", 1), ("reading_2099_01", 1), ("reading_other", 1)]
        assert connection.execute(PARTS.encode()).fetchall() == parts
        assert _rows(connection) == before


def test_ingest_does_not_wait_while_months_are_made(empty_dsn: str) -> None:
    with (
        database.connect(empty_dsn, application="test") as connection,
        database.connect(empty_dsn, application="test") as other,
    ):
        migrate.migrate(connection, layout="plain")
        agent = _enrol(connection)
        agent.append_readings(3)
        connection.execute("SELECT make_reading_months('2025-11-01', '2026-02-01')")
        other.execute("SET lock_timeout = '5s'")
        with connection.transaction():
            _take_in(connection, agent)
            other.execute("SELECT make_reading_months('2040-01-01', '2041-01-01')")
        assert len(_rows(connection)) == 3


def test_from_plain_to_timescale_a_database_moves_when_it_is_told_to(empty_dsn: str, offered: bool) -> None:
    with database.connect(empty_dsn, application="test") as connection:
        migrate.migrate(connection, layout="plain")
        agent = _enrol(connection)
        for wall_ms in CLOCKS:
            agent.append(reading(len(agent.entries) * 300_000), wall_ms=wall_ms)
        _take_in(connection, agent)
        before = _rows(connection)
        if not offered:
            with pytest.raises(MigrationError, match=r"cannot be made: .*put it into shared_preload"):
                migrate.migrate(connection, layout="timescale")
        else:
            migrate.migrate(connection, layout="timescale")
            with pytest.raises(MigrationError, match=r"no way back to plain; .*rebuild-readings"):
                migrate.migrate(connection, layout="plain")
        assert _rows(connection) == before
        held = layout.load_layout(connection)
        assert held is not None
        assert held.name == ("timescale" if offered else "plain")


def test_how_long_readings_are_kept_changes_by_migrating_again(laid_out: Connection, name: str) -> None:
    if name == "plain":
        with pytest.raises(MigrationError, match="plain never drops readings"):
            migrate.migrate(laid_out, kept_days=500)
        return
    migrate.migrate(laid_out, kept_days=500)
    migrate.migrate(laid_out)
    held = layout.load_layout(laid_out)
    assert held == Layout("timescale", 500, held.version if held else None)
    jobs = laid_out.execute(
        "SELECT proc_name, count(*) FROM timescaledb_information.jobs WHERE job_id >= 1000 GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert jobs == [("drop_old_readings", 1), ("policy_compression", 1)]


def test_what_is_too_old_is_dropped_by_the_chunk_and_written_down(laid_out: Connection, name: str) -> None:
    """As TimescaleDB's scheduler calls it; the plain layout drops nothing even so."""
    agent = _enrol(laid_out)
    now_ms = laid_out.execute("SELECT (extract(epoch FROM now()) * 1000)::bigint").fetchone()
    assert now_ms is not None
    for days in (2000, 1200, 1000, 0):
        agent.append(reading(len(agent.entries) * 300_000), wall_ms=now_ms[0] - days * 86_400_000)
    _take_in(laid_out, agent)
    laid_out.execute("CALL drop_old_readings(0, NULL)")
    assert len(_rows(laid_out)) == (4 if name == "plain" else 2)
    absent = "SELECT absent @> now() - interval '1101 days', absent @> now() - interval '1099 days' FROM reading_layout"
    assert laid_out.execute(absent.encode()).fetchone() == (name == "timescale", False)
    assert laid_out.execute("SELECT sum(size - first) FROM batch").fetchone() == (4,), "the evidence is kept"


def test_nothing_is_dropped_soon_after_a_rebuild(laid_out: Connection) -> None:
    agent = _enrol(laid_out)
    agent.append(reading(0), wall_ms=1_000_000_000_000)
    _take_in(laid_out, agent)
    laid_out.execute("UPDATE reading_layout SET kept_until = now() + interval '1 hour'")
    laid_out.execute("CALL drop_old_readings(0, NULL)")
    assert len(_rows(laid_out)) == 1
    assert laid_out.execute("SELECT isempty(absent) FROM reading_layout").fetchone() == (True,)


def test_old_readings_lie_in_columns_and_late_ones_still_find_their_place(laid_out: Connection, name: str) -> None:
    agent = _enrol(laid_out)
    agent.append_readings(500)
    _take_in(laid_out, agent)
    if name == "timescale":
        laid_out.execute("SELECT compress_chunk(c) FROM show_chunks('reading') c")
    before = _rows(laid_out)
    late = LightAgent("em-01", epoch=2)
    laid_out.execute(
        "INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%s, 'em-01', 2, %s)", [late.origin, late.vkey]
    )
    late.append_readings(500)
    _take_in(laid_out, late)
    assert len(_rows(laid_out)) == 1000
    assert _rows(laid_out)[:500] == before


def _enrol(connection: Connection) -> LightAgent:
    agent = LightAgent("em-01")
    connection.execute("INSERT INTO agent (agent_id) VALUES (%s)", [agent.agent_id])
    connection.execute(
        "INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%s, %s, 1, %s)",
        [agent.origin, agent.agent_id, agent.vkey],
    )
    return agent


def _take_in(connection: Connection, agent: LightAgent) -> None:
    """As ingest does: one batch, copied in."""
    writer = Writer(connection, RECEIPT_KEY, clock_ms=lambda: START_MS)
    assert writer.write([prepare(agent.topic, agent.payload())]) != [None]
    assert writer.counts["transactions_repeated"] == 0


def _rows(connection: Connection) -> list[tuple[object, ...]]:
    """Every reading with all its columns, times as text: some are beyond what Python's calendar holds."""
    query = f"SELECT ROW({_OLD_COLUMNS})::text FROM reading r ORDER BY journal_id, entry_index"
    return connection.execute(query.encode()).fetchall()
