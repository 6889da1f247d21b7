"""A table as CSV: UTF-8 with BOM, so that a spreadsheet program shows Chinese; no cell is ever a formula.

A text that begins like a formula (=, +, -, @, or a tab or line break that a program would strip) gets an apostrophe in
front, as OWASP's page on CSV injection recommends.
"""

import csv
import io
from collections.abc import Iterator
from datetime import date

from collector.exports.tables import Cell, Table

BOM = "\ufeff"
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
_ROWS_AT_ONCE = 500


def lines(table: Table) -> Iterator[bytes]:
    """The file in pieces of some hundred rows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write(BOM)
    writer.writerow(table.headings)
    for number, row in enumerate(table.rows, 1):
        writer.writerow([_written(cell) for cell in row])
        if number % _ROWS_AT_ONCE == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    piece = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return piece


def _written(cell: Cell) -> str | int | float:
    if cell is None:
        return ""
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, str) and cell.startswith(_DANGEROUS):
        return f"'{cell}"
    return cell
