"""How the readings lie on disk: chosen once by what the server offers, written down, kept up at each migration.

    plain       months of native partitions, and one for times that have none; nothing is ever dropped
    timescale   a hypertable in chunks of weeks, in columns when they are two weeks old, dropped when `kept_days` old

Only readings have a layout: they are derived, and rebuilt from the evidence. The evidence (batch) is the same table
everywhere, and it is what refuses to be stored twice. A database stays in the layout that it has; from plain to
timescale it moves when the operator says so (`migrate --layout timescale`), the other way never (decision 0009).
"""

import re
from typing import NamedTuple

from collector.errors import MigrationError
from collector.store.database import Connection
from collector.store.queries import load

PLAIN, TIMESCALE = "plain", "timescale"
LAYOUTS = (PLAIN, TIMESCALE)
OLDEST_TIMESCALEDB = (2, 18)
"""The first release with the statements that we use (columnstore instead of compress)."""
KEPT_DAYS = 1100
"""Of readings in the timescale layout unless the operator says otherwise: the year under way and the two before."""
_SQL = load("layout")


class Offer(NamedTuple):
    """What a server says of TimescaleDB; `license` is known only where the extension is in the database."""

    is_loaded: bool
    version: str | None
    license: str | None = None


class Layout(NamedTuple):
    """The layout in use. `kept_days` None: readings are never dropped. `version` is TimescaleDB's."""

    name: str
    kept_days: int | None = None
    version: str | None = None

    def __str__(self) -> str:
        kept = "readings are kept" if self.kept_days is None else f"readings are kept {self.kept_days} days"
        return f"{self.name}{f' (TimescaleDB {self.version})' if self.name == TIMESCALE else ''}: {kept}"


def what_is_missing(offer: Offer) -> str:
    """Why a server cannot carry the timescale layout, and what to do; empty where it can."""
    if not offer.is_loaded:
        have, do = (
            ("is installed but not loaded", "") if offer.version else ("is not on this server", "install it and ")
        )
        return f"TimescaleDB {have}: {do}put it into shared_preload_libraries"
    found = re.match(r"(\d+)\.(\d+)", offer.version or "")
    if found is None or tuple(map(int, found.groups())) < OLDEST_TIMESCALEDB:
        needed = ".".join(map(str, OLDEST_TIMESCALEDB))
        return f"TimescaleDB is {offer.version}, {needed} or newer is needed: update it"
    if offer.license not in (None, "timescale"):
        return f"TimescaleDB runs under the licence '{offer.license}', without columns: set timescaledb.license"
    return ""


def is_known(connection: Connection) -> bool:
    """Whether the schema is new enough to know of layouts."""
    row = connection.execute("SELECT to_regclass('reading_layout')").fetchone()
    return row is not None and row[0] is not None


def load_layout(connection: Connection) -> Layout | None:
    """The layout in use; None before the first."""
    row = connection.execute(_SQL.load_layout).fetchone()
    return None if row is None else Layout(*row)


def arrange(connection: Connection, *, wanted: str | None, kept_days: int | None) -> None:
    """Makes the layout that is wanted, or the first one by the server's offer, and keeps it up.

    Inside the migration's transaction. Without `wanted` and `kept_days` what was chosen before stays. Raises
    MigrationError for what this server or this database cannot be.
    """
    held = load_layout(connection)
    name = _choose(connection, held, wanted)
    if name == PLAIN and kept_days is not None:
        raise MigrationError("the layout plain never drops readings; --keep-readings needs the layout timescale")
    if held is None or held.name != name:
        connection.execute(_SQL.set_aside)
        connection.execute(_SQL.make_plain if name == PLAIN else _SQL.make_timescale)
        connection.execute(_SQL.move_readings)
    connection.execute(_SQL.maintain_plain if name == PLAIN else _SQL.maintain_timescale)
    if name == TIMESCALE:
        kept_days = kept_days or (held and held.kept_days) or KEPT_DAYS
    connection.execute(_SQL.put_layout, {"layout": name, "kept_days": kept_days})


def explain(connection: Connection, layout: Layout) -> str:
    """One sentence for the operator: what is in use, and why not the other where this server has it or lacks it."""
    if layout.name == TIMESCALE:
        return str(layout)
    missing = what_is_missing(_load_offer(connection))
    return f"{layout} ({missing or 'this server can do timescale: `jishi-collector migrate --layout timescale`'})"


def _choose(connection: Connection, held: Layout | None, wanted: str | None) -> str:
    """The name of the layout to make or to keep; the extension is in the database when it is timescale."""
    if held is not None and wanted in (None, held.name):
        return held.name
    if wanted == PLAIN and held is not None:
        raise MigrationError(
            "the readings lie in the layout timescale and there is no way back to plain; to leave TimescaleDB, make a "
            "new database without it, take the other tables over with pg_dump, and run `jishi-collector "
            "rebuild-readings` there (docs/backup.md)"
        )
    if wanted == PLAIN:
        return PLAIN
    missing = what_is_missing(_load_offer(connection))
    if not missing:
        connection.execute(_SQL.take_extension)
        missing = what_is_missing(_load_offer(connection))
    if missing and wanted == TIMESCALE:
        raise MigrationError(f"the layout timescale cannot be made: {missing}")
    return PLAIN if missing else TIMESCALE


def _load_offer(connection: Connection) -> Offer:
    row = connection.execute(_SQL.load_offer).fetchone()
    assert row is not None
    return Offer(*row)
