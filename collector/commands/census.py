"""`jishi-collector census`: the registry with the year's figures as of a day, and what differs from a year before."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

from collector.commands.days import parse_day
from collector.config import Config
from collector.errors import ExportError
from collector.exports import csv_file, xlsx_file
from collector.registry.access import EVERYTHING
from collector.registry.units import check_unit
from collector.self_evaluation import census_tables
from collector.self_evaluation.census import Census, take_census
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `census`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="its end says what it will be: .xlsx or .csv")
    parser.add_argument("--as-of", type=parse_day, required=True, metavar="DAY", help="at the end of this local day")
    parser.add_argument("--unit", metavar="USCC", help="only what this unit owned")
    parser.add_argument(
        "--differences", action="store_true", help="with .csv: what differs from a year before, not the table"
    )


def run(config: Config, arguments: Namespace) -> None:
    """Write the file beside its place, then put it there whole. ExportError, UnknownName."""
    path: Path = arguments.file
    if path.suffix not in (".csv", ".xlsx"):
        raise ExportError(f"{path} is neither .csv nor .xlsx: its end says what is written")
    with connect(config.dsn, application="census") as connection:
        check_migrated(connection)
        if arguments.unit is not None:
            check_unit(connection, arguments.unit)
        with connection.transaction():
            found = take_census(connection, as_of=arguments.as_of, scope=EVERYTHING, uscc=arguments.unit)
    partial = path.with_name(f".{path.name}.part")
    try:
        _write(found, partial, is_csv=path.suffix == ".csv", differences=arguments.differences)
        partial.replace(path)
    except (OSError, ValueError) as error:
        raise ExportError(f"{path} cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    print(f"{path}: {len(found.lines)} instruments as of {found.as_of}, {len(found.differences)} differences")


def _write(found: Census, path: Path, *, is_csv: bool, differences: bool) -> None:
    if not is_csv:
        xlsx_file.write(path, census_tables.tables_of(found), made_at=datetime.now(UTC))
        return
    table = census_tables.differences_table(found) if differences else census_tables.census_table(found)
    path.write_bytes(b"".join(csv_file.lines(table)))
