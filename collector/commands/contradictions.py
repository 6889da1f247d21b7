"""`jishi-collector contradictions`: what people said that cannot all be so."""

from argparse import ArgumentParser, Namespace

from collector.accounts.contradictions import find_contradictions
from collector.commands.days import parse_day
from collector.config import Config
from collector.registry.access import SCOPES, parse_scope
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `contradictions`."""
    parser.add_argument("--from", dest="first_day", type=parse_day, required=True, metavar="DAY")
    parser.add_argument("--to", dest="last_day", type=parse_day, required=True, metavar="DAY")
    parser.add_argument("--scope", default="everything", help=f"{SCOPES}; default: everything")


def run(config: Config, arguments: Namespace) -> None:
    """Print them by rule."""
    with connect(config.dsn, application="contradictions") as connection:
        check_migrated(connection)
        found = find_contradictions(
            connection,
            parse_scope(arguments.scope),
            first_day=arguments.first_day,
            last_day=arguments.last_day,
        )
    for each in found:
        print(f"{each.rule:<11} {each.asset_no:<16} {each.day or ''!s:<10} {each.told}  {' '.join(each.about)}")
    if not found:
        print(f"nothing contradicts itself between {arguments.first_day} and {arguments.last_day}")
