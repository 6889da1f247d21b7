"""Tables as an XLSX workbook: real dates and numbers, headings that stay in sight, text that is never a formula.

The library writes rows as they come and keeps one in memory (constant_memory), so a province's year needs a file on
disk and no more. `strings_to_formulas` and its like are off: a name that begins with = is a name.
"""

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import xlsxwriter

from collector.exports.tables import Cell, Kind, Table

MAX_ROWS = 1_048_575
"""Rows below the headings that a sheet of this format can have."""
_WIDTHS: dict[Kind, int] = {"text": 18, "number": 12, "hours": 12, "share": 9, "yuan": 14, "date": 12}
_FORMATS: dict[Kind, str] = {
    "text": "@",
    "number": "0",
    "hours": "0.0",
    "share": "0.0%",
    "yuan": "0.00",
    "date": "yyyy-mm-dd",
}
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "default_date_format": "yyyy-mm-dd",
}


def write(path: Path, tables: Iterable[Table], *, made_at: datetime) -> int:
    """Writes the workbook and returns how many rows it has; ValueError for more rows than a sheet can have."""
    written = 0
    with xlsxwriter.Workbook(path, _OPTIONS) as workbook:
        workbook.set_properties({"created": made_at.replace(tzinfo=None)})
        formats = {kind: workbook.add_format({"num_format": shape}) for kind, shape in _FORMATS.items()}
        bold = workbook.add_format({"bold": True, "text_wrap": True})
        for table in tables:
            written += _write_sheet(workbook, table, formats=formats, bold=bold)
    return written


def _write_sheet(workbook: Any, table: Table, *, formats: dict[Kind, Any], bold: Any) -> int:
    sheet = workbook.add_worksheet(table.name)
    sheet.freeze_panes(1, 0)
    for place, kind in enumerate(table.kinds):
        sheet.set_column(place, place, _WIDTHS[kind], formats[kind])
    sheet.write_row(0, 0, table.headings, bold)
    count = 0
    for count, row in enumerate(table.rows, 1):
        if count > MAX_ROWS:
            raise ValueError(f"a sheet has at most {MAX_ROWS} rows: export fewer days, or CSV")
        for place, (cell, kind) in enumerate(zip(row, table.kinds, strict=True)):
            _write_cell(sheet, count, place, cell, formats[kind])
    return count


def _write_cell(sheet: Any, row: int, column: int, cell: Cell, shape: Any) -> None:
    if cell is None:
        return
    if isinstance(cell, date):
        sheet.write_datetime(row, column, datetime.combine(cell, datetime.min.time()), shape)
    elif isinstance(cell, str):
        sheet.write_string(row, column, cell, shape)
    else:
        sheet.write_number(row, column, cell, shape)
