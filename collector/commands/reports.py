"""What became of the rows of a file: shown on the terminal, and written where `--report` says."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path

from collector.errors import RegistryError
from collector.sheet_report import Report

_RENDER: dict[str, Callable[[Report], bytes]] = {
    ".csv": Report.csv,
    ".json": Report.json,
    ".txt": lambda report: report.text().encode(),
}


def declare(parser: ArgumentParser) -> None:
    """Declare the argument of commands that take rows."""
    parser.add_argument("--report", type=_report, metavar="FILE", help="write the report there, as .csv, .json or .txt")


def show(report: Report, arguments: Namespace) -> None:
    """Print the report, and write it. RegistryError where it cannot be written."""
    print(report.text())
    if arguments.report is not None:
        _write(arguments.report, report)


def _write(path: Path, report: Report) -> None:
    try:
        path.write_bytes(_RENDER[path.suffix](report))
    except OSError as error:
        raise RegistryError(f"cannot write the report to {path}: {error.strerror}") from error


def _report(text: str) -> Path:
    path = Path(text)
    if path.suffix not in _RENDER:
        raise ArgumentTypeError(f"{text!r} ends in none of {', '.join(_RENDER)}, which say how to write the report")
    return path
