"""JSON lines: one object a line with our own fields, as systems write them; the rows of files, from another form."""

from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from collector.errors import SheetError
from collector.sheet_report import Refusal, Report
from collector.sheets import MAX_ROWS, Row

MAX_LINE_BYTES = 65_536
Scalar = str | int | float | bool | None
_decode = msgspec.json.Decoder(dict[str, Scalar]).decode


def read_lines(path: Path, *, fields: Collection[str], report: Report) -> Iterator[Row]:
    """The rows that are not blank; those that are broken go to the report. SheetError for the file as a whole."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), 1):
                if number > MAX_ROWS:
                    raise SheetError(f"it has more than {MAX_ROWS} lines; divide it")
                if len(line) > MAX_LINE_BYTES:
                    raise SheetError(f"line {number} has more than {MAX_LINE_BYTES} bytes; is this a file of lines?")
                if line.strip() and (row := _row(number, line, fields=fields, report=report)):
                    yield row
    except OSError as error:
        raise SheetError(f"cannot read {path}: {error.strerror}") from error


def _row(number: int, line: bytes, *, fields: Collection[str], report: Report) -> Row | None:
    try:
        members = _decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        shown = line[:60].decode("utf-8", "replace")
        remedy = "write one JSON object of texts and numbers a line, in UTF-8"
        report.refuse(Refusal(number, "", shown, f"it is no such object ({error})", remedy))
        return None
    if unknown := [name for name in members if name not in fields]:
        report.refuse(Refusal(number, unknown[0][:40], "", "no such field", f"fields are {', '.join(fields)}"))
        return None
    return Row(number, as_texts(members))


def as_texts(members: dict[str, Scalar]) -> dict[str, str]:
    """Members as the texts of cells: null is an empty cell."""
    return {name: "" if value is None else str(value).strip() for name, value in members.items()}
