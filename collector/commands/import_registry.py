"""`jishi-collector import-registry`: units, facilities, instruments and memberships from CSV or XLSX."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from collector.clock import system_now_ms
from collector.commands import actor, reports
from collector.commands.days import parse_day
from collector.config import Config
from collector.errors import RegistryError, SheetError
from collector.registry.sheet_columns import SHEETS
from collector.registry.sheet_import import Outcome, Terms, import_sheet
from collector.store.database import connect
from collector.store.migrate import check_migrated
from protocol.interval import local_day


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `import-registry`."""
    parser.add_argument("kind", choices=SHEETS, help="what the rows are; in this order they refer to each other")
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV (UTF-8, GB18030) or XLSX; docs/registry.md")
    parser.add_argument(
        "--from-day", type=parse_day, metavar="DAY", help="from when rows hold that do not say so (default: today)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would become of each row, and change nothing")
    parser.add_argument("--all-or-nothing", action="store_true", help="register nothing where a row is refused")
    reports.declare(parser)
    actor.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Import the file; RegistryError where a row was refused, whatever became of the others."""
    from_day = arguments.from_day or local_day(system_now_ms())
    terms = Terms(dry_run=arguments.dry_run, all_or_nothing=arguments.all_or_nothing)
    with connect(config.dsn, application="import-registry") as connection:
        check_migrated(connection)
        try:
            outcome = import_sheet(
                connection,
                arguments.kind,
                arguments.file,
                actor=actor.actor(arguments),
                from_day=from_day,
                terms=terms,
            )
        except SheetError as error:
            raise SheetError(f"nothing of {arguments.file} was registered: {error}") from error
    reports.show(outcome.report, arguments)
    _conclude(outcome, arguments)


def _conclude(outcome: Outcome, arguments: Namespace) -> None:
    if arguments.dry_run:
        print("nothing was registered: this was a dry run")
    elif not outcome.is_applied:
        print("nothing was registered: a row was refused, and all or nothing was asked for")
    if outcome.report.refused:
        raise RegistryError(f"{outcome.report.refused} of {outcome.report.rows} rows of {arguments.file} were refused")
