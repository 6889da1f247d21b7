"""`jishi-collector flags`: what ought to be looked at on site, in the order of its weight."""

import sys
from argparse import ArgumentParser, Namespace
from datetime import date
from functools import partial

from collector.commands.days import parse_day
from collector.config import Config
from collector.errors import RegistryError
from collector.flags.job import look_at_days
from collector.flags.listing import list_checks, list_flags
from collector.registry.access import SCOPES, Scope, parse_scope
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated
from collector.store.queries import load
from protocol.flags.catalogue import tell

_SQL = load("accounts")
MAX_LISTED = 1000


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `flags`."""
    parser.add_argument("--from", dest="first_day", type=parse_day, required=True, metavar="DAY")
    parser.add_argument("--to", dest="last_day", type=parse_day, required=True, metavar="DAY")
    parser.add_argument("--asset", dest="asset_no", metavar="ASSET", help="this instrument only")
    parser.add_argument("--scope", default="everything", help=f"{SCOPES}; default: everything")
    parser.add_argument("--kept", action="store_true", help="list what was found before, without looking again")
    parser.add_argument("--language", choices=("zh", "en"), default="en")


def run(config: Config, arguments: Namespace) -> None:
    """Look at each day of the range, unless only what is kept is wanted; print the findings, then whom to visit."""
    first_day, last_day = arguments.first_day, arguments.last_day
    if last_day < first_day:
        raise RegistryError(f"{first_day} to {last_day} ends before it begins; give the later day as --to")
    scope = parse_scope(f"instrument:{arguments.asset_no}" if arguments.asset_no else arguments.scope)
    with connect(config.dsn, application="flags") as connection:
        check_migrated(connection)
        if not arguments.kept:
            for asset_no in _instruments(connection, arguments.asset_no):
                told = partial(_tell, asset_no)
                look_at_days(connection, asset_no, first_day=first_day, last_day=last_day, tell=told)
        _print(connection, scope, arguments)


def _instruments(connection: Connection, asset_no: str | None) -> list[str]:
    if asset_no:
        return [asset_no]
    return [row[0] for row in connection.execute(_SQL.list_measured_instruments)]


def _print(connection: Connection, scope: Scope, arguments: Namespace) -> None:
    first_day, last_day = arguments.first_day, arguments.last_day
    found = list_flags(connection, scope, first_day=first_day, last_day=last_day, limit=MAX_LISTED)
    for each in found:
        flag = each.flag
        days = flag.first_day if flag.first_day == flag.last_day else f"{flag.first_day}..{flag.last_day}"
        print(f"{each.weight:>3}  {flag.asset:<16} {days:<22} {flag.rule:<20} {tell(flag, arguments.language)}")
    if not found:
        print(f"nothing is flagged between {first_day} and {last_day}")
        return
    print("\nto be visited first (weight, instrument, findings, rules):")
    for check in list_checks(connection, scope, first_day=first_day, last_day=last_day):
        print(f"{check.weight:>4}  {check.asset_no:<16} {check.findings:>3}  {', '.join(check.rules)}")


def _tell(asset_no: str, day: date) -> None:
    if sys.stderr.isatty():
        print(f"\r{asset_no} {day}", end="\r", file=sys.stderr, flush=True)
