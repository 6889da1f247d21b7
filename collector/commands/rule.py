"""`jishi-collector rule`: approve or refuse what somebody else proposed."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from collector.approvals.rulings import rule
from collector.commands import asker
from collector.config import Config
from collector.errors import ProposalError
from collector.files import read_limited
from collector.store.database import connect
from collector.store.migrate import check_migrated
from protocol.note import MAX_NOTE_BYTES

_VERDICTS: dict[str, Literal["approved", "refused"]] = {"approve": "approved", "refuse": "refused"}


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `rule`."""
    parser.add_argument("number", type=int, metavar="NUMBER", help="of the proposal")
    parser.add_argument("verdict", choices=list(_VERDICTS))
    parser.add_argument(
        "--note", type=Path, metavar="FILE", help="a decision's text (decision-text), signed with your own key"
    )
    parser.add_argument("--why", default="", metavar="TEXT", help="a refusal needs it")
    asker.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Rule, and say what came of it."""
    note = None if arguments.note is None else _read(arguments.note)
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
                note=note,
            )
    made = f": {ruling.proposal.kind} {ruling.made}" if ruling.made else ""
    print(f"proposal {arguments.number} {ruling.verdict}{made}")


def _read(path: Path) -> bytes:
    try:
        return read_limited(path, MAX_NOTE_BYTES)
    except (OSError, ValueError) as error:
        raise ProposalError(f"the note {path} cannot be read: {error}") from error
