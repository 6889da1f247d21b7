"""The collector's PostgreSQL, and the two instants of a commit at which it can be held.

One server serves all scenarios of a run, each with a database of its own, so that a scenario may kill it. Between a
commit and the answer to it, and before it, there is no place in the product to stop at; PostgreSQL has both:

    hold_before_commit   a deferred trigger waits for a lock that we have: nothing is durable yet
    hold_after_commit    a synchronous standby is expected that never comes: durable, and the client is not told

The server is not synced unless it is asked to be `durable`: kill -9 leaves the kernel's memory alone, a power cut not.
"""

import contextlib
import shutil
import uuid
from pathlib import Path

import psutil
import psycopg
from psycopg import conninfo, sql

from collector.embedded.postgres import EmbeddedPostgres
from collector.store import database, migrate
from collector.store.database import Connection

_LOCK = 4711
_HOLD = f"""
CREATE FUNCTION faults_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock_shared({_LOCK}); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER faults_hold AFTER UPDATE ON journal DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION faults_hold();
"""
_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'jishi-ingest%%' AND wait_event = %s
"""
_QUEUEING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event IN ('transactionid', 'tuple')
"""


class Server:
    """The server and a migrated template; `make` gives a fresh database."""

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        self._directory = directory
        self._server = EmbeddedPostgres(directory, durable=durable)
        self._server.start()
        self._template = self._copy("template1")
        with database.connect(self.dsn_of(self._template), application="faults") as connection:
            migrate.migrate(connection)

    def make(self) -> "Database":
        """A database with the whole schema and nothing in it."""
        return Database(self, self._copy(self._template))

    def copy(self, database: "Database") -> "Database":
        """One that holds what this one does; nobody may be connected to it meanwhile."""
        return Database(self, self._copy(database.name))

    def dsn_of(self, name: str) -> str:
        return conninfo.make_conninfo(self._server.dsn, dbname=name)

    def pause(self) -> None:
        """SIGSTOP of the server and everything that it started."""
        for process in self._family():
            process.suspend()

    def kill(self) -> None:
        """kill -9 of the server and everything that it started."""
        family = self._family()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._server.process.wait()
        psutil.wait_procs(family, timeout=20)

    def start(self) -> None:
        """Start it again after `kill`; it recovers."""
        if self._server.process.poll() is not None:
            self._server.restart()

    def close(self) -> None:
        self._server.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _copy(self, template: str) -> str:
        name = f"faults_{uuid.uuid4().hex[:12]}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        statement = statement.format(sql.Identifier(name), sql.Identifier(template))
        with psycopg.connect(self._server.dsn, autocommit=True) as connection:
            connection.execute(statement)
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected."""
        with psycopg.connect(self._server.dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _family(self) -> list[psutil.Process]:
        postmaster = psutil.Process(self._server.process.pid)
        return [postmaster, *postmaster.children(recursive=True)]


class Database:
    """One scenario's database."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.dsn = server.dsn_of(name)
        self.name = name
        self._holder: Connection | None = None

    def connect(self) -> Connection:
        """A connection of our own, which no held commit holds."""
        connection = database.connect(self.dsn, application="faults")
        connection.execute("SET synchronous_commit = local")
        return connection

    def kill(self) -> None:
        """kill -9, while a held commit is still held."""
        self.server.kill()
        self._let_go()

    def start(self) -> None:
        """Start the server again, without what held commits."""
        self.server.start()
        self.let_commit()

    def hold_before_commit(self) -> None:
        """From now on no journal's new size becomes durable; `let_commit` ends it."""
        self._holder = self.connect()
        self._holder.execute(_HOLD.encode())
        self._holder.execute("SELECT pg_advisory_lock(%s)", [_LOCK])

    def hold_after_commit(self) -> None:
        """From now on what is committed is durable and nobody is told; `let_commit` ends it."""
        self._expect_standby("nobody")

    def let_commit(self) -> None:
        """Hold nothing any more."""
        self._let_go()
        with self.connect() as connection:
            connection.execute(b"DROP TRIGGER IF EXISTS faults_hold ON journal")
            connection.execute(b"DROP FUNCTION IF EXISTS faults_hold")
        self._expect_standby("")

    def is_holding(self, connection: Connection) -> bool:
        """Whether a worker waits in a held commit."""
        waiting = [connection.execute(_WAITING, [event]).fetchone() for event in ("advisory", "SyncRep")]
        return any(row is not None and row[0] for row in waiting)

    def is_queueing(self, connection: Connection) -> bool:
        """Whether somebody waits for the one in the held commit."""
        row = connection.execute(_QUEUEING).fetchone()
        return row is not None and row[0] > 0

    def drop(self) -> None:
        self.start()
        self.server.drop(self.name)

    def _let_go(self) -> None:
        holder, self._holder = self._holder, None
        if holder is not None:
            holder.close()

    def _expect_standby(self, name: str) -> None:
        with psycopg.connect(self.server.dsn_of("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER SYSTEM SET synchronous_standby_names = {}").format(sql.Literal(name)))
            connection.execute("SELECT pg_reload_conf()")
