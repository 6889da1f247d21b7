"""`jishi-collector migrate`: bring the database to this program's schema; make the receipt key if there is none.

The first time it also chooses how the readings are laid out; each time it keeps that up: partitions for the years
to come, or TimescaleDB's policies.
"""

from argparse import ArgumentParser, Namespace

from collector.commands.days import parse_kept_days
from collector.config import Config
from collector.keys import ensure_receipt_key
from collector.store.database import connect
from collector.store.layout import LAYOUTS, explain, load_layout
from collector.store.migrate import check_migrated, migrate


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `migrate`."""
    parser.add_argument(
        "--layout", choices=LAYOUTS, help="of the readings (default: what is there, at first what the server offers)"
    )
    parser.add_argument(
        "--keep-readings",
        type=parse_kept_days,
        metavar="DAYS",
        help="drop decoded readings after so many days (timescale only)",
    )


def run(config: Config, arguments: Namespace) -> None:
    """Apply what is missing, and name it; then say how the readings are laid out."""
    ensure_receipt_key(config.data_dir, config.domain)
    with connect(config.dsn, application="migrate") as connection:
        for migration in migrate(connection, layout=arguments.layout, kept_days=arguments.keep_readings):
            print(f"applied {migration.version:04} {migration.name}")
        check_migrated(connection)
        layout = load_layout(connection)
        assert layout is not None
        print(f"layout {explain(connection, layout)}")
