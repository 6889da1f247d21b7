"""What real programs left behind: the collector's database and directory, the host's directory. All have ended.

An attacker does to a copy of it what he can, and commands of the product are run over it, as processes.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from collector.clock import system_now_ms
from protocol.interval import local_day
from tests.faults.backup import restore
from tests.faults.database import Database
from tests.faults.program import Program
from tests.threats.command import PATIENCE_S, Done, run

AGENT = "em-01"
"""The first agent of a world."""
VALID, INCOMPLETE, CONTRADICTED = 0, 1, 2


class Place:
    """One collector and one host. `trust` are the keys that an inspector noted before anything was done."""

    def __init__(self, directory: Path, database: Database, environment: dict[str, str]) -> None:
        self.directory = directory
        self.database = database
        self.environment = {
            **environment,
            "JISHI_DATABASE_DSN": database.dsn,
            "JISHI_COLLECTOR_DATA_DIR": str(directory),
        }
        self.asset = f"A-{AGENT}"
        self.trust = directory / "trust.txt"
        self._bundles = 0

    @property
    def journal(self) -> Path:
        """The host's first journal."""
        return self.directory / AGENT / "state" / "journal" / "1"

    @property
    def domain(self) -> str:
        return self.environment["JISHI_COLLECTOR_DOMAIN"]

    def moved(self, to: Path, database: Database) -> "Place":
        """The same with a copy of its files and of its database."""
        return Place(to, database, self.environment)

    def collector(self, *words: str) -> Done:
        """`jishi-collector`."""
        return run("collector.cli", *words, environment=self.environment, within=self.directory)

    def audit(self, *words: str) -> Done:
        """`jishi-audit`, which knows nothing of the collector."""
        return run("protocol.audit.cli", *words, environment={}, within=self.directory)

    def bundle(self, asset: str = "") -> Path:
        """The evidence of today and the two days before, of the first agent's instrument or another."""
        today = local_day(system_now_ms())
        self._bundles += 1
        out = self.directory / f"bundle-{self._bundles}"
        days = ("--from", str(today - timedelta(days=2)), "--to", str(today))
        done = self.collector("bundle", asset or self.asset, *days, "--out", str(out))
        assert done.code == 0, done.complained
        return out

    def note_trust(self) -> None:
        """Let the inspector have the collector's keys as they are now."""
        done = self.collector("trust")
        assert done.code == 0, done.complained
        self.trust.write_text(done.said, "utf-8")

    def verify(self, bundle: Path) -> Done:
        """`jishi-audit verify`."""
        return self.audit("verify", str(bundle), "--trust", str(self.trust))

    def compare(self, bundle: Path) -> Done:
        """`jishi-audit compare`, with the host's disk."""
        return self.audit("compare", str(bundle), str(self.journal.parent), "--trust", str(self.trust))

    def sql(self, *statements: str) -> int:
        """What the database's owner may do, guards of the schema included; the rows that the last one met."""
        with psycopg.connect(self.database.dsn) as connection:
            connection.execute("SET session_replication_role = replica")
            counts = [connection.execute(statement.encode()).rowcount for statement in statements]
        return counts[-1]

    def rows(self, select: str) -> list[tuple[Any, ...]]:
        """What the database holds."""
        with psycopg.connect(self.database.dsn) as connection:
            return connection.execute(select.encode()).fetchall()

    def change(self, table: str, column: str, changed: Callable[[bytes], bytes], *, key: str) -> None:
        """Put other bytes in the place of those that stand in a column, row by row."""
        with psycopg.connect(self.database.dsn) as connection:
            connection.execute("SET session_replication_role = replica")
            for value, octets in connection.execute(f"SELECT {key}, {column} FROM {table}".encode()).fetchall():
                update = f"UPDATE {table} SET {column} = %s WHERE {key} = %s"
                connection.execute(update.encode(), [changed(bytes(octets)), value])

    def derive(self) -> None:
        """Run `account` until no day waits."""
        with self.running("account") as account:
            await_it("hours are derived", self._is_derived, told=account.tail)

    def _is_derived(self) -> bool:
        begun = "(now() AT TIME ZONE 'Asia/Shanghai')::date"  # the last hour of a day marks the next one
        [derived] = self.rows(
            f"SELECT EXISTS (SELECT FROM hour_record), EXISTS (SELECT FROM dirty_day WHERE day <= {begun})"
        )
        return derived == (True, False)

    def restore(self, backup: Path) -> None:
        """Put a backup in the place of the database."""
        restore(self.database, backup)

    @contextmanager
    def running(self, command: str) -> Iterator[Program]:
        """A service of the collector; its waits are divided by ten."""
        words = ("tests.faults.hurried", "collector", command)
        log = self.directory / f"{command}.out"
        program = Program(command, words, log=log, environment=self.environment)
        program.start()
        try:
            yield program
        finally:
            program.stop()
        assert not program.falls, program.falls[0]


def await_it(what: str, holds: Callable[[], object], *, told: Callable[[], str]) -> None:
    """Wait until it holds; `told` is what the one who should bring it about has said."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline_s, f"{what}: it did not come about\n{told()}"
        time.sleep(0.03)
