"""A backup of a scenario's database with PostgreSQL's own tools, as docs/backup.md says, and the way back to it."""

import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from collector.embedded.postgres import installation
from tests.faults.database import Database

PATIENCE_S = 60


class Backup:
    """What `pg_dump` wrote at the moment that this was made."""

    def __init__(self, database: Database, file: Path) -> None:
        self._database = database
        self.file = file
        _run("pg_dump", "--format=custom", f"--file={file}", f"--dbname={database.dsn}")

    def restore(self) -> None:
        """Put a database that holds exactly that in the place of the present one. Nobody may use it meanwhile."""
        restore(self._database, self.file)


def restore(database: Database, file: Path) -> None:
    """Put what `pg_dump` wrote to a file in the place of a database. Nobody may use it meanwhile."""
    name = sql.Identifier(database.name)
    with psycopg.connect(database.server.dsn_of("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
    _run("pg_restore", "--exit-on-error", f"--dbname={database.dsn}", str(file))


def _run(program: str, *words: str) -> None:
    command = [str(installation() / "bin" / program), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, f"{program} failed: {done.stderr}"
