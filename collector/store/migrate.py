"""Brings a database to the schema of this program: migrations/NNNN_name.sql, in order, each once.

The whole run happens in one transaction under one advisory lock: two processes may migrate at once (the
second finds nothing to do), and a migration that fails leaves nothing behind. What was applied is kept with
the SHA-256 of its text; a file that was changed afterwards, or a database that is newer than the program,
is refused, because the schema would no longer be the sum of the files. In the same transaction the readings get
their layout (collector/store/layout.py), which depends on the server and is kept up at each run.
"""

import hashlib
import re
from importlib import resources
from typing import NamedTuple

from collector.errors import MigrationError
from collector.store.database import Connection
from collector.store.layout import arrange, is_known

# Any constant will do as long as it never changes: the ASCII bytes of "jishi".
_LOCK = int.from_bytes(b"jishi", "big")
_FILE_NAME = re.compile(r"^(?P<version>\d{4})_(?P<name>[a-z0-9_]+)\.sql$")


class Migration(NamedTuple):
    version: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def known_migrations() -> list[Migration]:
    """The migrations that this program carries, in order; versions count from 1 without a hole."""
    folder = resources.files("collector.store").joinpath("migrations")
    found = [
        Migration(int(match["version"]), match["name"], path.read_text(encoding="utf-8"))
        for path in folder.iterdir()
        if (match := _FILE_NAME.match(path.name))
    ]
    found.sort()
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError("collector/store/migrations must be numbered 0001, 0002, … without a hole")
    return found


def migrate(
    connection: Connection,
    migrations: list[Migration] | None = None,
    *,
    layout: str | None = None,
    kept_days: int | None = None,
) -> list[Migration]:
    """Applies what is missing and returns it. `connection` must be outside a transaction.

    Raises MigrationError where the database was migrated by other files than these, or cannot have the layout.
    """
    known = known_migrations() if migrations is None else migrations
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migration (version integer PRIMARY KEY, name text NOT NULL,"
            " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        missing = known[_check_applied(connection, known) :]
        for migration in missing:
            connection.execute(migration.text.encode())
            connection.execute(
                "INSERT INTO schema_migration (version, name, sha256) VALUES (%s, %s, %s)",
                [migration.version, migration.name, migration.sha256],
            )
        if is_known(connection):
            arrange(connection, wanted=layout, kept_days=kept_days)
    return missing


def check_migrated(connection: Connection) -> None:
    """Raises MigrationError unless the database is exactly at this program's schema."""
    known = known_migrations()
    present = connection.execute("SELECT to_regclass('schema_migration')").fetchone()
    applied = _check_applied(connection, known) if present and present[0] else 0
    if applied < len(known):
        raise MigrationError(
            f"the database is at schema {applied}, this program needs {len(known)}: run `jishi-collector migrate`"
        )


def _check_applied(connection: Connection, known: list[Migration]) -> int:
    """How many of the known migrations are applied; raises MigrationError where they differ."""
    rows = connection.execute("SELECT version, name, sha256 FROM schema_migration ORDER BY version").fetchall()
    if len(rows) > len(known):
        raise MigrationError(
            f"the database is at schema {rows[-1][0]}, this program knows only up to {len(known)}: "
            "it was migrated by a newer jishi; use that version"
        )
    for (version, name, sha256), migration in zip(rows, known, strict=False):
        if (version, name, sha256) != (migration.version, migration.name, migration.sha256):
            raise MigrationError(
                f"migration {version:04} ({name}) was applied to this database with another text "
                f"(sha256 {sha256[:12]}…, this program's {migration.version:04} ({migration.name}) has "
                f"{migration.sha256[:12]}…): applied migrations must not be changed; "
                "install the version that wrote it, or restore the file"
            )
    return len(rows)
