"""`jishi-collector rule`: approve or refuse what somebody else proposed."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import Literal

from collector.approvals.rulings import rule
from collector.commands import asker
from collector.config import Config
from collector.store.database import connect
from collector.store.migrate import check_migrated

_VERDICTS: dict[str, Literal["approved", "refused"]] = {"approve": "approved", "refuse": "refused"}


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `rule`."""
    parser.add_argument("number", type=int, metavar="NUMBER", help="of the proposal")
    parser.add_argument("verdict", choices=list(_VERDICTS))
    parser.add_argument("--why", default="", metavar="TEXT", help="a refusal needs it")
    asker.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Rule, and say what came of it."""
    with connect(config.dsn, application="rule") as connection:
        check_migrated(connection)
        with connection.transaction():
            ruling = rule(
                connection,
                arguments.number,
                asker.find(connection, arguments),
                verdict=_VERDICTS[arguments.verdict],
                why=arguments.why,
                now=datetime.now(UTC),
            )
    made = f": {ruling.proposal.kind} {ruling.made}" if ruling.made else ""
    print(f"proposal {arguments.number} {ruling.verdict}{made}")
