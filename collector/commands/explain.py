"""`jishi-collector explain`: why a second of an instrument's day counted or did not."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import datetime

from collector.accounts.explaining import explain_second
from collector.config import Config
from collector.store.database import connect
from collector.store.migrate import check_migrated
from protocol.explain import encode, render


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `explain`."""
    parser.add_argument("asset_no", metavar="ASSET")
    parser.add_argument("at", type=_parse_at, metavar="TIME", help="local time, as 2026-03-02T10:15:30")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(config: Config, arguments: Namespace) -> None:
    """Print the explanation. DerivationError, UnknownName where there is nothing to explain."""
    day, second = arguments.at.date(), arguments.at.hour * 3600 + arguments.at.minute * 60 + arguments.at.second
    with connect(config.dsn, application="explain") as connection:
        check_migrated(connection)
        found = explain_second(connection, arguments.asset_no, day=day, second=second)
    print(encode(found).decode() if arguments.json else render(found))


def _parse_at(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no time: write it as 2026-03-02T10:15:30") from error
    if at.tzinfo is not None:
        raise ArgumentTypeError(f"{text!r} has an offset: local time (UTC+8) is expected, without one")
    return at
