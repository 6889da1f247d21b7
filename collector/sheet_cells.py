"""The cells of a CSV or XLSX file as text, row by row, whoever wrote the file; sheets.py gives them their meaning.

    CSV   UTF-8 with or without BOM, else GB18030; comma, semicolon or tab; quoted line feeds
    XLSX  its first sheet, by sheet_xlsx.py

Row numbers are those that a spreadsheet shows. One row at a time is in memory, and of an XLSX its shared texts. All
that is wrong with the bytes is a SheetError.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, BinaryIO

from collector.errors import SheetError
from collector.sheet_xlsx import read_xlsx

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_SCANNED_ROWS = 1_048_576
"""What a spreadsheet can have, the blank ones included."""
_MAX_ROW_CHARS = 1024 * 1024
_HEAD_LINES = 10
_CHUNK_BYTES = 1024 * 1024
_SEPARATORS = (",", "\t", ";")

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
        return read_xlsx(file)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise SheetError("it is an old or protected Excel file; save it as .xlsx without a password, or as CSV")
    if start.lstrip().startswith(b"<"):
        raise SheetError("it is a web page or XML, whatever its name ends in; open it and save it as .xlsx or CSV")
    return _csv_rows(file)


# CSV


def _csv_rows(file: BinaryIO) -> Iterator[list[str]]:
    text = io.TextIOWrapper(file, encoding=_encoding(file), newline="")
    separator = _separator([text.readline(_MAX_ROW_CHARS) for _ in range(_HEAD_LINES)])
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
        line = self._text.readline(_MAX_ROW_CHARS + 1)
        self._chars += len(line)
        if self._chars > _MAX_ROW_CHARS:
            raise SheetError(f"a row has more than {_MAX_ROW_CHARS} characters: is a quote left open before it?")
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


def _trimmed(cells: Iterable[str]) -> list[str]:
    """White space of all kinds goes, the invisible characters of copied texts too, and cells at the end without any."""
    trimmed = [cell.strip().strip("\ufeff\u200b\u2060").strip() for cell in cells]
    while trimmed and not trimmed[-1]:
        trimmed.pop()
    return trimmed
