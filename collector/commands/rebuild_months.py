"""`jishi-collector rebuild-months`: sum all hour records up by months again, and say whether anything was wrong.

The sums are kept up with the records; this is for whoever doubts them. Derivation waits meanwhile, some seconds for a
year of a province, and a minute and a half for each million of records with external hours.
"""

from argparse import ArgumentParser, Namespace

from collector.config import Config
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """`rebuild-months` has no arguments."""


def run(config: Config, _: Namespace) -> None:
    """Rebuild, and print how many sums were not those of the records."""
    from collector.accounts.year import rebuild_months
    from collector.rollups.rollup import rebuild_rollups

    with connect(config.dsn, application="rebuild") as connection:
        check_migrated(connection)
        with connection.transaction():
            print(f"wrong={rebuild_months(connection) + rebuild_rollups(connection)}")
