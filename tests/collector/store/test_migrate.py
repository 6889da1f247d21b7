"""The schema is the sum of the migrations, applied once each, whoever runs them."""

import hashlib
import threading

import psycopg
import pytest

from collector.errors import MigrationError
from collector.store import database, migrate
from protocol.hours import HourRecord


def test_a_fresh_database_gets_every_migration_once(empty_dsn: str) -> None:
    with database.connect(empty_dsn, application="test") as connection:
        applied = migrate.migrate(connection)
        assert applied == migrate.known_migrations()
        assert migrate.migrate(connection) == []
        migrate.check_migrated(connection)


def test_two_processes_migrating_at_once_both_succeed(empty_dsn: str) -> None:
    counts: list[int] = []

    def run() -> None:
        with database.connect(empty_dsn, application="test") as connection:
            counts.append(len(migrate.migrate(connection)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 0, 0, len(migrate.known_migrations())]


def test_an_unmigrated_database_is_named_with_the_remedy(empty_dsn: str) -> None:
    with (
        database.connect(empty_dsn, application="test") as connection,
        pytest.raises(MigrationError, match="jishi-collector migrate"),
    ):
        migrate.check_migrated(connection)


def test_a_changed_migration_is_refused_by_its_hash(connection: database.Connection) -> None:
    first, *others = migrate.known_migrations()
    changed = [first._replace(text=first.text + "\n-- a late thought"), *others]
    with pytest.raises(MigrationError, match=r"0001 \(registry\) was applied .* another text"):
        migrate.migrate(connection, changed)


def test_a_database_of_a_newer_program_is_refused(connection: database.Connection) -> None:
    with pytest.raises(MigrationError, match="newer jishi"):
        migrate.migrate(connection, migrate.known_migrations()[:-1])


def test_a_failing_migration_leaves_nothing_behind(connection: database.Connection) -> None:
    known = migrate.known_migrations()
    broken = migrate.Migration(len(known) + 1, "broken", "CREATE TABLE half (x int); SELECT 1/0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate.migrate(connection, [*known, broken])
    assert connection.execute("SELECT to_regclass('half')").fetchone() == (None,)
    assert migrate.migrate(connection) == []


@pytest.mark.parametrize("table", ["ownership", "measurement", "policy", "policy_in_force", "batch"])
def test_facts_and_evidence_cannot_be_changed(connection: database.Connection, table: str) -> None:
    _insert_one_of_each(connection)
    with pytest.raises(psycopg.errors.RestrictViolation, match="never updated or deleted"):
        connection.execute(f"DELETE FROM {table}".encode())
    column = {"policy": "name", "batch": "size"}.get(table, "from_day")
    with pytest.raises(psycopg.errors.RestrictViolation, match="never updated or deleted"):
        connection.execute(f"UPDATE {table} SET {column} = {column}".encode())


def test_a_journal_never_shrinks_and_keeps_its_key(connection: database.Connection) -> None:
    _insert_one_of_each(connection)
    with pytest.raises(psycopg.errors.RestrictViolation, match="holds 5 entries and cannot go back to 4"):
        connection.execute("UPDATE journal SET size = 4")
    with pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute("UPDATE journal SET vkey = 'another'")
    with pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute("DELETE FROM journal")


def test_an_hour_record_whose_sum_is_wrong_is_refused(connection: database.Connection) -> None:
    _insert_one_of_each(connection)
    sha = hashlib.sha256(b"{}").hexdigest()
    sound = dict.fromkeys(SECONDS, 0) | {"until_s": 100, "off_s": 50, "run_s": 50, "energised_s": 50, "effective_s": 50}
    sound |= {"verified_s": 50}
    statement = (
        "INSERT INTO hour_record (asset_no, day, body, policy, owner, lead_in, lead_out, phase_in, phase_out, follow,"
        f" head, looks_ahead, {', '.join(SECONDS)}) VALUES ('A001', '2025-12-01', '', '{sha}', '', 'off', 'off', 'new',"
        f" 'new', '', 'off', false, {', '.join(f'%({name})s' for name in SECONDS)})"
    ).encode()
    for wrong in SECONDS:
        if wrong not in ("no_run_s", "hand_s"):  # they stand beside, but within bounds
            with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
                connection.execute(statement, sound | {wrong: sound[wrong] + 51})
    for change in (
        {"unobserved_s": 1, "off_s": 49, "no_run_s": 2},
        {"hand_s": 86_401},
        {"effective_s": 51, "verified_s": 51},
    ):
        with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
            connection.execute(statement, sound | change)
    connection.execute(statement, sound)


SECONDS = ["until_s", *(name for name in HourRecord.__struct_fields__ if name.endswith("_s"))]


def _insert_one_of_each(connection: database.Connection) -> None:
    connection.execute(
        "INSERT INTO unit VALUES ('12100000400013886R', '大学', 'University');"
        "INSERT INTO instrument (asset_no, name_zh) VALUES ('A001', '电镜');"
        "INSERT INTO ownership (asset_no, uscc, from_day) VALUES ('A001', '12100000400013886R', '2025-01-01');"
        "INSERT INTO person (name) VALUES ('li');"
        "INSERT INTO agent (agent_id) VALUES ('em-01');"
        "INSERT INTO measurement (agent_id, watcher, channel, asset_no, from_day)"
        " VALUES ('em-01', 'meter1', 'power', 'A001', '2025-01-01');"
        "INSERT INTO policy (sha256, body, name) VALUES (encode(sha256('{}'), 'hex'), '{}', 'p');"
        "INSERT INTO policy_in_force (asset_no, from_day, sha256, approved_by)"
        " SELECT NULL, '2025-01-01', sha256, 1 FROM policy;"
        "INSERT INTO journal (origin, agent_id, epoch, vkey, size, receipt, receipted_at)"
        " VALUES ('jishi.example/a/em-01/1', 'em-01', 1, 'k', 5, 'r', now());"
        "INSERT INTO batch VALUES (1, 0, 5, 'n', 'e', 'r', now());"
    )
