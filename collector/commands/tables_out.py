"""Where a table goes: lines on the terminal, or a file that `--csv` or `--xlsx` names, put in its place whole."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from collector.errors import ExportError
from collector.exports import csv_file, xlsx_file
from collector.exports.tables import Table


def declare(parser: ArgumentParser) -> None:
    """Declare the arguments of commands that show a table."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--csv", type=Path, metavar="FILE", help="write it there, in Chinese, instead of printing it")
    where.add_argument("--xlsx", type=Path, metavar="FILE", help="the same as a workbook")


def show(arguments: Namespace, table: Table, lines: Iterable[str]) -> None:
    """Print the lines, or write the table. ExportError where the file cannot be written."""
    path: Path | None = arguments.csv or arguments.xlsx
    if path is None:
        for line in lines:
            print(line)
        return
    partial = path.with_name(f".{path.name}.part")
    try:
        if arguments.csv:
            partial.write_bytes(b"".join(csv_file.lines(table)))
        else:
            xlsx_file.write(partial, [table], made_at=datetime.now(UTC))
        partial.replace(path)
    except (OSError, ValueError) as error:
        raise ExportError(f"{path} cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    print(f"{path}: written")
