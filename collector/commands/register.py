"""`jishi-collector register`: units, people, instruments and policies from a TOML file."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from collector.config import Config
from collector.registry.province_file import register_file
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `register`."""
    parser.add_argument("file", type=Path, metavar="FILE.toml")


def run(config: Config, arguments: Namespace) -> None:
    """Register what the file names, all or nothing."""
    with connect(config.dsn, application="register") as connection:
        check_migrated(connection)
        print(f"registered {register_file(connection, arguments.file)} items of {arguments.file}")
