"""`jishi-collector register`: units, people, instruments and policies from a TOML file."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from collector.commands import actor
from collector.config import Config
from collector.registry.province_file import register_file
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `register`."""
    parser.add_argument("file", type=Path, metavar="FILE.toml")
    actor.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Register what the file names, all or nothing."""
    with connect(config.dsn, application="register") as connection:
        check_migrated(connection)
        count = register_file(connection, arguments.file, actor=actor.actor(arguments))
    print(f"registered {count} items of {arguments.file}")
