"""`jishi-collector revoke`: an agent's key is believed no longer.

The agent goes on watching and asks again once or twice an hour; a new token brings it back with all that it saw.
"""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from collector.commands import actor
from collector.config import Config
from collector.registry.audit import record_change
from collector.registry.epochs import revoke
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `revoke`."""
    parser.add_argument("--agent", required=True, metavar="ID")
    parser.add_argument("--epoch", type=int, metavar="N", help="only this one (default: every key of the agent)")
    parser.add_argument("--by", required=True, metavar="PERSON", help="the registered person who decides it")
    parser.add_argument("--why", required=True, metavar="TEXT")


def run(config: Config, arguments: Namespace) -> None:
    """Revoke, and say which epochs."""
    agent_id, why = arguments.agent, arguments.why
    with connect(config.dsn, application="revoke") as connection:
        check_migrated(connection)
        with connection.transaction():
            now = datetime.now(UTC)
            revoked = revoke(connection, agent_id, epoch=arguments.epoch, by=arguments.by, why=why, now=now)
            for epoch in revoked:
                target = f"{agent_id}/{epoch}"
                record_change(connection, actor.actor(arguments), "journal.revoke", target=target, reason=why)
    numbers = ", ".join(map(str, revoked))
    print(f"revoked epoch {numbers} of {agent_id}; to let it back: jishi-collector token --agent {agent_id} …")
