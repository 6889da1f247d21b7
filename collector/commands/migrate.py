"""`jishi-collector migrate`: bring the database to this program's schema; make the receipt key if there is none."""

from argparse import ArgumentParser, Namespace

from collector.config import Config
from collector.keys import ensure_receipt_key
from collector.store.database import connect
from collector.store.migrate import check_migrated, migrate


def configure(_parser: ArgumentParser) -> None:
    """It takes no arguments of its own."""


def run(config: Config, _arguments: Namespace) -> None:
    """Apply what is missing, and name it."""
    ensure_receipt_key(config.data_dir, config.domain)
    with connect(config.dsn, application="migrate") as connection:
        for migration in migrate(connection):
            print(f"applied {migration.version:04} {migration.name}")
        check_migrated(connection)
