"""`jishi-collector key`: an API key for a registered person."""

from argparse import ArgumentParser, Namespace

from collector.config import Config
from collector.registry import people
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `key`."""
    parser.add_argument("--person", required=True, metavar="NAME")
    parser.add_argument("--label", required=True, metavar="L", help="what the key is for")


def run(config: Config, arguments: Namespace) -> None:
    """Make a key and print it, once."""
    with connect(config.dsn, application="key") as connection:
        check_migrated(connection)
        key = people.make_api_key(connection, arguments.person, label=arguments.label)
    print(f"API key of {arguments.person}, shown once: {key}")
