"""`jishi-collector freeze`: fix a period's records and figures for good."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from collector.accounts.freezing import Period, freeze, one_snapshot
from collector.commands import actor
from collector.commands.days import parse_day
from collector.config import Config
from collector.registry.audit import record_change
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `freeze`."""
    parser.add_argument("name", metavar="NAME", help="what it is called from now on, as 2026 or 2026-census")
    parser.add_argument("--from", dest="first_day", type=parse_day, required=True, metavar="DAY")
    parser.add_argument("--until", dest="last_day", type=parse_day, required=True, metavar="DAY", help="included")
    parser.add_argument("--unit", metavar="USCC", help="this unit's instruments only")
    actor.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Freeze, leave a line in the audit trail, and print the identity of what was frozen."""
    period = Period(arguments.name, arguments.first_day, arguments.last_day, arguments.unit)
    who = actor.actor(arguments)
    with connect(config.dsn, application="freeze") as connection:
        check_migrated(connection)
        with one_snapshot(connection):
            made = freeze(connection, period, by=who.name, now=datetime.now(UTC))
            counts = {"first_day": made.manifest.first_day, "last_day": made.manifest.last_day, **made.manifest.leaves}
            record_change(connection, who, "period.freeze", target=period.name, new={"sha256": made.sha256, **counts})
    leaves = made.manifest.leaves
    print(f"frozen {period.name}: {leaves['record']} records of {leaves['figure']} instruments under their owners")
    print(made.sha256)
