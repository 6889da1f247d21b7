"""`jishi-collector export-hours`: hour records of a range of days as CSV or XLSX."""

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

from psycopg import IsolationLevel

from collector.commands.days import parse_day
from collector.config import Config
from collector.errors import ExportError
from collector.exports.hour_records import Selection, as_csv, count, write_xlsx
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `export-hours`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="its end says what it will be: .csv or .xlsx")
    parser.add_argument("--from", dest="first_day", type=parse_day, required=True, metavar="DAY")
    parser.add_argument("--to", dest="last_day", type=parse_day, required=True, metavar="DAY")
    parser.add_argument("--instrument", metavar="ASSET")
    parser.add_argument("--unit", metavar="USCC")


def run(config: Config, arguments: Namespace) -> None:
    """Write the file beside its place, then put it there whole."""
    path: Path = arguments.file
    if path.suffix not in (".csv", ".xlsx"):
        raise ExportError(f"{path} is neither .csv nor .xlsx: its end says what is written")
    selection = Selection(arguments.first_day, arguments.last_day, arguments.instrument, arguments.unit)
    partial = path.with_name(f".{path.name}.part")
    with connect(config.dsn, application="export-hours") as connection:
        check_migrated(connection)
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        try:
            with connection.transaction():
                total = count(connection, selection)
                _write(connection, selection, path=partial, total=total)
            partial.replace(path)
        except (OSError, ValueError) as error:
            raise ExportError(f"{path} cannot be written: {error}") from error
        finally:
            partial.unlink(missing_ok=True)
    print(f"{path}: {total} hour records of {selection.first_day} to {selection.last_day}")


def _write(connection: Connection, selection: Selection, *, path: Path, total: int) -> None:
    def tell(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {total}", end="", file=sys.stderr, flush=True)

    if path.name.endswith(".csv.part"):
        with path.open("wb") as file:
            for piece in as_csv(connection, selection, tell=tell):
                file.write(piece)
    else:
        write_xlsx(connection, selection, path, now=datetime.now(UTC), tell=tell)
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
