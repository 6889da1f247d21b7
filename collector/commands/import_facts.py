"""What `import-orders`, `import-uses` and `import-order-documents` have in common: rows of a file become facts."""

import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from pathlib import Path

from collector.commands import actor, reports
from collector.config import Config
from collector.errors import RegistryError, SheetError
from collector.facts.brought_headings import BROUGHT
from collector.facts.drafts import Bringer
from collector.facts.headings import NEEDED, SHEETS
from collector.facts.importing import Taken, Taking, take_rows
from collector.facts.lines import read_lines
from collector.facts.mapping import SheetMapping, own_mapping, read_mapping
from collector.facts.salt import open_salt
from collector.registry.units import check_uscc
from collector.sheet_report import Report
from collector.sheets import LEFT_OUT, Row, read_sheet
from collector.store.database import connect
from collector.store.migrate import check_migrated

LINES = (".jsonl", ".ndjson")
MAX_SOURCE_CHARS = 64


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments that the three commands have."""
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="CSV (UTF-8, GB18030), XLSX or JSON lines; docs/facts.md"
    )
    parser.add_argument(
        "--source", type=source, required=True, metavar="NAME", help="the system that it comes from; keys are its own"
    )
    parser.add_argument("--map", type=Path, metavar="FILE.toml", help="what its columns and words mean")
    parser.add_argument("--unit", metavar="USCC", help="whose orders they are, where no column says it")
    parser.add_argument("--dry-run", action="store_true", help="say what would become of each row, and change nothing")
    parser.add_argument("--all-or-nothing", action="store_true", help="record nothing where a row is refused")
    reports.declare(parser)
    actor.declare(parser)


def run(config: Config, arguments: Namespace, *, kind: str) -> None:
    """Import the file; RegistryError where a row was refused, whatever became of the others."""
    mapping = own_mapping(kind) if arguments.map is None else read_mapping(arguments.map)
    if mapping.kind != kind:
        command = "exchange take " if mapping.kind in BROUGHT else "import-"
        raise RegistryError(f"{arguments.map} maps {mapping.kind}, not {kind}: use `{command}{mapping.kind}`")
    unit = None if arguments.unit is None else check_uscc(arguments.unit)
    by, report = actor.actor(arguments), Report()
    bringer = Bringer(by.name, round(time.time() * 1000), arguments.source, open_salt(config.data_dir), unit)
    taking = Taking(
        bringer, by, arguments.file.name, dry_run=arguments.dry_run, all_or_nothing=arguments.all_or_nothing
    )
    with connect(config.dsn, application=f"import-{kind}") as connection:
        check_migrated(connection)
        try:
            rows = read_rows(arguments.file, mapping, report)
            taken = take_rows(connection, rows, mapping, taking=taking, report=report)
        except SheetError as error:
            raise SheetError(f"nothing of {arguments.file} was recorded: {error}") from error
    reports.show(report, arguments)
    _conclude(taken, arguments)


def read_rows(path: Path, mapping: SheetMapping, report: Report) -> Iterator[Row]:
    """The rows of a sheet or of JSON lines. Raises SheetError."""
    if path.suffix in LINES:
        return read_lines(path, fields=[*SHEETS[mapping.kind]], report=report)
    optional = [field for field in mapping.columns if field not in NEEDED[mapping.kind] and field != LEFT_OUT]
    return read_sheet(path, columns=mapping.columns, optional=optional, report=report)


def _conclude(taken: Taken, arguments: Namespace) -> None:
    report = taken.report
    if arguments.dry_run:
        print("nothing was recorded: this was a dry run")
    elif not taken.is_applied:
        print("nothing was recorded: a row was refused, and all or nothing was asked for")
    elif report.accepted and report.accepted == report.unchanged:
        print("nothing new: every row that was accepted is recorded already")
    if report.refused:
        raise RegistryError(f"{report.refused} of {report.rows} rows of {arguments.file} were refused")


def source(text: str) -> str:
    """The name of a system, as an argument of a command."""
    if not 1 <= len(text) <= MAX_SOURCE_CHARS or not text.isprintable() or text.startswith("api/"):
        raise ArgumentTypeError(
            f"a name of 1 to {MAX_SOURCE_CHARS} printable characters is expected, not beginning api/"
        )
    return text
