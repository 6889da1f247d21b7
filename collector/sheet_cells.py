"""The cells of a CSV or XLSX file as text, row by row, whoever wrote the file; sheets.py gives them their meaning.

    CSV   UTF-8 with or without BOM, else GB18030; comma, semicolon or tab; quoted line feeds
    XLSX  its first sheet: the values that formulas had when the file was saved; dates as 2025-03-01 or
          2025-03-01 08:30:00, whole numbers without a point, other numbers as short as they are exact

Row numbers are those that a spreadsheet shows. One row at a time is in memory, and of an XLSX its shared texts. All
that is wrong with the bytes is a SheetError.
"""

import codecs
import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, BinaryIO
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.xml import DEFUSEDXML

from collector.errors import SheetError

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
MAX_SHARED_BYTES = 64 * 1024 * 1024
"""Of an XLSX, as its directory states it, which unpacking then holds to; the shared texts are held in memory."""
MAX_COLUMNS = 200
MAX_SCANNED_ROWS = 1_048_576
"""What a spreadsheet can have, the blank ones included."""
_MAX_ROW = 1024 * 1024
"""Characters of a CSV, bytes of an XLSX."""
_HEAD_LINES = 10
_CHUNK_BYTES = 1024 * 1024
_SEPARATORS = (",", "\t", ";")
_SHARED_TEXTS = "xl/sharedStrings.xml"
_SHEETS = "xl/worksheets/"
_ROW_TAG = re.compile(rb"""<(/?)(?:[\w.-]+:)?row(?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*(/?)>""")
_MAX_EXACT = 10**15
"""A spreadsheet keeps 15 digits of a number; what has more was changed when it was typed."""
_DAMAGED = (
    LookupError, ValueError, TypeError, AttributeError, ArithmeticError, OSError, EOFError, RuntimeError, ParseError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What openpyxl and zipfile are known to raise over damaged files: they have no family of their own."""

NumberedCells = tuple[int, list[str]]


def read_cells(source: Path | bytes) -> Iterator[NumberedCells]:
    """Each row's number and texts, without white space around them; blank rows are an empty list. Raises SheetError."""
    try:
        opened: BinaryIO = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    except OSError as error:
        raise SheetError(f"cannot read {source!s}: {error.strerror}") from error
    with opened:
        for number, cells in enumerate(_reader(opened), 1):
            if number > MAX_SCANNED_ROWS:
                raise SheetError(f"it has more than {MAX_SCANNED_ROWS} rows; divide it")
            yield number, _trimmed(cells)


def _reader(file: BinaryIO) -> Iterator[list[str]]:
    if not file.seekable():
        raise SheetError("it is no file that can be read twice; save it to disk first")
    size = file.seek(0, io.SEEK_END)
    if size > MAX_FILE_BYTES:
        raise SheetError(f"it has {size} bytes, at most {MAX_FILE_BYTES} are read; divide it")
    file.seek(0)
    start = file.read(8).removeprefix(codecs.BOM_UTF8)
    file.seek(0)
    if start.startswith(b"PK\x03\x04"):
        return _xlsx_rows(file)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise SheetError("it is an old or protected Excel file; save it as .xlsx without a password, or as CSV")
    if start.lstrip().startswith(b"<"):
        raise SheetError("it is a web page or XML, whatever its name ends in; open it and save it as .xlsx or CSV")
    return _csv_rows(file)


# CSV


def _csv_rows(file: BinaryIO) -> Iterator[list[str]]:
    text = io.TextIOWrapper(file, encoding=_encoding(file), newline="")
    separator = _separator([text.readline(_MAX_ROW) for _ in range(_HEAD_LINES)])
    text.seek(0)
    lines = _ShortLines(text)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        for cells in reader:
            lines.forget()
            yield [_unwrapped(cell) for cell in cells]
    except csv.Error as error:
        raise SheetError(
            f"line {reader.line_num}: {error}; a quote or a line feed inside of a text needs quotes around the text"
        ) from error
    finally:
        text.detach()


def _encoding(file: BinaryIO) -> str:
    """UTF-8 where the whole file is that; else GB18030, of which almost anything is: so NUL is looked for."""
    for encoding in ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        file.seek(0)
        try:
            for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
                if b"\0" in chunk:
                    raise SheetError("it is no text: save it as .xlsx, or as CSV in UTF-8 or GB18030 (not UTF-16)")
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        file.seek(0)
        return encoding
    raise SheetError("it is neither UTF-8 nor GB18030; save it as .xlsx, or as CSV in UTF-8")


def _separator(head: list[str]) -> str:
    """The one that divides a line into the most cells; where none divides any, the comma."""
    return max(_SEPARATORS, key=lambda separator: max(line.count(separator) for line in head))


class _ShortLines:
    """The lines of a text for csv.reader, which would put a row of any length together."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._chars = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(_MAX_ROW + 1)
        self._chars += len(line)
        if self._chars > _MAX_ROW:
            raise SheetError(f"a row has more than {_MAX_ROW} characters: is a quote left open before it?")
        if not line:
            raise StopIteration
        return line

    def forget(self) -> None:
        """A row is complete."""
        self._chars = 0


def _unwrapped(text: str) -> str:
    """Without the signs by which exports keep a spreadsheet from reading a text as number or formula: 'x and ="x"."""
    if text.startswith('="') and text.endswith('"') and len(text) > 2:
        return text[2:-1]
    return text.removeprefix("'")


# XLSX


def _xlsx_rows(file: BinaryIO) -> Iterator[list[str]]:
    if not DEFUSEDXML:
        raise SheetError("the package defusedxml is missing, without which no XLSX is read; install it, or bring CSV")
    try:
        _check_archive(file)
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
        with closing(workbook):
            sheet = workbook.worksheets[0]
            sheet.reset_dimensions()  # some programs write A1:A1, whatever the sheet holds
            for values in sheet.iter_rows(max_col=MAX_COLUMNS + 1, values_only=True):
                # Blank rows cost as little as they say.
                yield [_text(value) for value in values] if values.count(None) < len(values) else []
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
        held = held[end:]
        if len(held) > _MAX_ROW:
            raise SheetError(f"a row takes more than {_MAX_ROW} bytes; shorten its texts, or bring CSV")


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < _MAX_EXACT else repr(value)
        case datetime():
            rounded = (value + timedelta(milliseconds=500)).replace(microsecond=0)
            return rounded.isoformat(sep=" ") if rounded.time() != time() else rounded.date().isoformat()
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)


def _trimmed(cells: Iterable[str]) -> list[str]:
    """White space of all kinds goes, the invisible characters of copied texts too, and cells at the end without any."""
    trimmed = [cell.strip().strip("\ufeff\u200b\u2060").strip() for cell in cells]
    while trimmed and not trimmed[-1]:
        trimmed.pop()
    return trimmed
