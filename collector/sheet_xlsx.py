"""The cells of an XLSX as text: the first sheet, by openpyxl, which is given nothing that would take much memory.

    formulas   the values that they had when the file was saved; one that nobody computed is refused
    dates      2025-03-01, or 2025-03-01 08:30:00
    numbers    whole ones without a point, others as short as they are exact, shares as 62.5%

All that is wrong with the bytes is a SheetError.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import IO, Any, BinaryIO
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.cell.read_only import EMPTY_CELL
from openpyxl.xml import DEFUSEDXML

from collector.errors import SheetError

MAX_COLUMNS = 200
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
MAX_SHARED_BYTES = 64 * 1024 * 1024
"""Of all parts, and of the shared texts, which are held in memory: as the archive's directory states it, to which
unpacking then holds."""
_MAX_ROW_BYTES = 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_SHARED_TEXTS = "xl/sharedStrings.xml"
_SHEETS = "xl/worksheets/"
_FORMULA_WITHOUT_VALUE = re.compile(
    rb"<(?:[\w.-]+:)?c(\s[^<>]*)?>\s*<(?:[\w.-]+:)?f(?:\s[^<>]*)?(?:/>|>[^<]*</(?:[\w.-]+:)?f>)"
    rb"\s*(?:<(?:[\w.-]+:)?v\s*/>|<(?:[\w.-]+:)?v>\s*</(?:[\w.-]+:)?v>)?\s*</(?:[\w.-]+:)?c>"
)
_ROW_TAG = re.compile(rb"""<(/?)(?:[\w.-]+:)?row(?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*(/?)>""")
_MAX_EXACT = 10**15
"""A spreadsheet keeps 15 digits of a number; what has more lost its end when it was typed, and is shown like that."""
_DAMAGED = (
    LookupError, ValueError, TypeError, AttributeError, ArithmeticError, OSError, EOFError, RuntimeError, ParseError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What openpyxl and zipfile are known to raise over damaged files: they have no family of their own."""


def read_xlsx(file: BinaryIO) -> Iterator[list[str]]:
    """The texts of each row, up to MAX_COLUMNS + 1. Raises SheetError."""
    if not DEFUSEDXML:
        raise SheetError("the package defusedxml is missing, without which no XLSX is read; install it, or bring CSV")
    try:
        _check_archive(file)
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
        with closing(workbook):
            sheet = workbook.worksheets[0]
            sheet.reset_dimensions()  # some programs write A1:A1, whatever the sheet holds
            for cells in sheet.iter_rows(max_col=MAX_COLUMNS + 1):
                yield [_text_of(cell) for cell in _filled(cells)]
    except _DAMAGED as error:
        raise SheetError(f"it is no XLSX that can be read ({error}); open it and save it as .xlsx again") from error


def _check_archive(file: BinaryIO) -> None:
    """SheetError for what would take more memory than we give it."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        unpacked = sum(part.file_size for part in parts)
        shared = sum(part.file_size for part in parts if part.filename == _SHARED_TEXTS)
        if unpacked > MAX_UNPACKED_BYTES or shared > MAX_SHARED_BYTES:
            raise SheetError(f"it unpacks to {unpacked} bytes, at most {MAX_UNPACKED_BYTES} are read; divide it")
        for part in parts:
            if part.filename.startswith(_SHEETS) and not part.is_dir():
                with archive.open(part) as sheet:
                    _check_rows(sheet)
    file.seek(0)


def _check_rows(sheet: IO[bytes]) -> None:
    """SheetError for a row that is large: openpyxl holds a row as a tree before anybody can count its cells.

    Rows are found by their tags. What could hide or feign one (comments, CDATA) no spreadsheet writes into a sheet.
    """
    held, is_inside = b"", False
    for chunk in iter(lambda: sheet.read(_CHUNK_BYTES), b""):
        held += chunk
        if b"<!" in held:
            raise SheetError("its sheet holds what no spreadsheet writes; open it and save it as .xlsx again")
        end = 0
        for tag in _ROW_TAG.finditer(held):
            is_end, is_empty = map(bool, tag.groups())
            if is_inside and not is_end:
                raise SheetError("its sheet has a row inside of a row; open it and save it as .xlsx again")
            is_inside = not is_end and not is_empty
            end = tag.end()
        _check_formulas(held[:end])
        held = held[end:]
        if len(held) > _MAX_ROW_BYTES:
            raise SheetError(f"a row takes more than {_MAX_ROW_BYTES} bytes; shorten its texts, or bring CSV")


def _check_formulas(rows: bytes) -> None:
    """SheetError for a formula that nobody computed: programs write such, and openpyxl would take it for blank."""
    for found in _FORMULA_WITHOUT_VALUE.finditer(rows):
        cell = (found[1] or b"").decode("ascii", "replace")
        if 't="str"' not in cell:  # a text, which may be empty
            place = cell.partition('r="')[2].partition('"')[0] or "one cell"
            raise SheetError(f"{place} has a formula without its value; open it in a spreadsheet and save it again")


# openpyxl's stubs know no cells of read-only sheets, hence Any.


def _filled(cells: Sequence[Any]) -> Sequence[Any]:
    """Without the cells at the end that the sheet does not hold; of a blank row that is all."""
    end = len(cells)
    while end and cells[end - 1] is EMPTY_CELL:
        end -= 1
    return cells[:end]


def _text_of(cell: Any) -> str:
    """What the cell shows: 62.5% is 0.625 inside."""
    value = cell.value
    if isinstance(value, int | float) and not isinstance(value, bool) and "%" in cell.number_format:
        return f"{(Decimal(repr(value)) * 100).normalize():f}%"
    return _text(value)


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case int() | float() if abs(value) >= _MAX_EXACT:
            return f"{value:.14e}"
        case float() if not value.is_integer():
            return repr(value)
        case int() | float():
            return str(int(value))
        case datetime():
            rounded = (value + timedelta(milliseconds=500)).replace(microsecond=0)
            return rounded.isoformat(sep=" ") if rounded.time() != time() else rounded.date().isoformat()
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)
