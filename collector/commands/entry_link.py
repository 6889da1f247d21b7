"""`jishi-collector entry-link`: a link that signs a registered person in, once."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime, timedelta

from collector.commands import actor
from collector.config import Config
from collector.registry import people
from collector.registry.audit import record_change
from collector.store.database import connect
from collector.store.migrate import check_migrated

ENTRY_LINK_LASTS = timedelta(minutes=10)


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `entry-link`."""
    parser.add_argument("--person", required=True, metavar="NAME")
    actor.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Make a link and print it."""
    with connect(config.dsn, application="entry-link") as connection:
        check_migrated(connection)
        now = datetime.now(UTC)
        with connection.transaction():
            token = people.make_entry_token(connection, arguments.person, now=now, lasts=ENTRY_LINK_LASTS)
            record_change(connection, actor.actor(arguments), "entry-link.make", target=arguments.person)
    print(f"signs {arguments.person} in once: {config.api.url}/enter?token={token}")
