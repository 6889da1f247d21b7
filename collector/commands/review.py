"""`jishi-collector review`: somebody has looked at an epoch that an agent began by itself."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from collector.commands import actor
from collector.config import Config
from collector.registry.audit import record_change
from collector.registry.epochs import review
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `review`."""
    parser.add_argument("--agent", required=True, metavar="ID")
    parser.add_argument("--epoch", required=True, type=int, metavar="N")
    parser.add_argument("--by", required=True, metavar="PERSON", help="the registered person who looked")
    parser.add_argument("--why", required=True, metavar="TEXT", help="what was found")


def run(config: Config, arguments: Namespace) -> None:
    """Record the review; the flag goes."""
    agent_id, epoch, why = arguments.agent, arguments.epoch, arguments.why
    with connect(config.dsn, application="review") as connection:
        check_migrated(connection)
        with connection.transaction():
            review(connection, agent_id, epoch, by=arguments.by, why=why, now=datetime.now(UTC))
            target = f"{agent_id}/{epoch}"
            record_change(connection, actor.actor(arguments), "journal.review", target=target, reason=why)
    print(f"epoch {epoch} of {agent_id} was reviewed by {arguments.by}")
