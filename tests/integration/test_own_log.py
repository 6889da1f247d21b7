"""`jishi-collector log` as a process: one at a time; after a restore it stands still until it is told to go on.

The drill of docs/backup.md: back up, go on, restore, be told, open the next log, verify both with `jishi-audit log`.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo, sql

from collector.keys import ensure_receipt_key
from tests.collector.province import DOMAIN

PATIENCE_S = 60.0


class Collector:
    """A collector's directory and database, and its command."""

    def __init__(self, dsn: str, directory: Path) -> None:
        self.dsn = dsn
        self.directory = directory
        ensure_receipt_key(directory, DOMAIN)
        self.environment = {
            **os.environ,
            "JISHI_DATABASE_DSN": dsn,
            "JISHI_COLLECTOR_DATA_DIR": str(directory),
            "JISHI_COLLECTOR_DOMAIN": DOMAIN,
        }

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "collector.cli", "log", *words]

    def run(self, *words: str, status: int = 0) -> str:
        done = subprocess.run(
            self.argv(*words), env=self.environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == status, done.stderr
        return done.stderr if status else done.stdout

    @contextmanager
    def growing(self) -> Iterator["Sequencer"]:
        sequencer = Sequencer(self)
        try:
            yield sequencer
        finally:
            sequencer.close()

    def grow(self) -> int:
        """Let a process append once; the log's size then."""
        before = self.sizes()
        with self.growing() as sequencer:
            sequencer.until(lambda: self.sizes() != before)
            sequencer.until(lambda: "log grew" in sequencer.said())
        return self.sizes()[-1]

    def sizes(self) -> list[int]:
        with psycopg.connect(self.dsn) as connection:
            rows = connection.execute("SELECT size FROM log_head JOIN collector_log USING (log) ORDER BY seq")
            return [size for (size,) in rows]

    def logs(self) -> list[tuple[str, str]]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute("SELECT log, vkey FROM collector_log ORDER BY seq").fetchall()

    def audit(self, log: str, vkey: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-c", "from protocol.audit.cli import main; raise SystemExit(main())"]
        argv += ["log", str(self.directory / "log" / log), "--key", vkey]
        return subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


class Sequencer:
    """A running `jishi-collector log`."""

    def __init__(self, collector: Collector) -> None:
        self._log = collector.directory / f"process-{time.monotonic_ns()}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(collector.argv(), env=collector.environment, stderr=log)

    def said(self) -> str:
        return self._log.read_text()

    def until(self, holds: Callable[[], bool]) -> None:
        give_up_s = time.monotonic() + PATIENCE_S
        while not holds():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < give_up_s, self.said()
            time.sleep(0.05)

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0, self.said()


@pytest.fixture
def collector(dsn: str, tmp_path: Path) -> Collector:
    return Collector(dsn, tmp_path / "data")


@pytest.fixture
def copy(dsn: str, server_dsn: str) -> Iterator[Callable[[], None]]:
    """Takes a copy of the database; called once more, it puts the copy in the database's place."""
    name = conninfo.conninfo_to_dict(dsn)["dbname"]
    backup = f"{name}_backup"
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")

    def exchange() -> None:
        with psycopg.connect(server_dsn, autocommit=True) as server:
            held = server.execute("SELECT FROM pg_database WHERE datname = %s", [backup]).fetchone()
            if held is not None:
                server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(str(name))))
            source, target = (backup, name) if held is not None else (name, backup)
            server.execute(statement.format(sql.Identifier(str(target)), sql.Identifier(str(source))))

    yield exchange
    with psycopg.connect(server_dsn, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(backup)))


def test_after_a_restore_it_stands_still_until_the_next_log_is_opened(
    collector: Collector, copy: Callable[[], None]
) -> None:
    collector.grow()
    copy()
    ahead = collector.grow()
    copy()
    [behind] = collector.sizes()
    assert behind < ahead
    with collector.growing() as sequencer:
        sequencer.until(lambda: "stands still: our own files hold a checkpoint of size" in sequencer.said())
    assert "jishi-collector log restart --why TEXT" in sequencer.said()
    assert collector.sizes() == [behind]
    assert f"our own files hold a checkpoint of size {ahead}" in collector.run("status")
    said = collector.run("restart", "--why", "restored from the backup of noon", "--by", "operator")
    assert "inspectors need its key" in said
    collector.grow()
    [(first, first_key), (second, second_key)] = collector.logs()
    assert second.partition("-")[2] == "2"
    assert second_key in said
    for log, key in ((first, first_key), (second, second_key)):
        done = collector.audit(log, key)
        assert done.returncode == 0, done.stdout
        assert "VALID" in done.stdout
    assert f"{ahead} entries" in collector.audit(first, first_key).stdout, "what was published stays to be seen"


def test_one_process_writes_and_another_waits(collector: Collector) -> None:
    with collector.growing() as first:
        first.until(lambda: "log grew" in first.said())
        sizes = collector.sizes()
        with collector.growing() as second:
            second.until(lambda: "another process writes the log" in second.said())
        assert "stop `jishi-collector log`" in collector.run("rebuild", status=2)
        assert collector.sizes() == sizes


def test_what_was_lost_on_disk_is_made_again(collector: Collector) -> None:
    collector.grow()
    [(log, key)] = collector.logs()
    for file in (collector.directory / "log").rglob("*"):
        if file.is_file():
            file.unlink()
    assert collector.audit(log, key).returncode == 1
    assert "leaves written" in collector.run("rebuild")
    assert collector.audit(log, key).returncode == 0
