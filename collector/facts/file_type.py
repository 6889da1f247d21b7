"""What a file is, by its content: its name and whoever sends it may be wrong, or lie.

Only what proves something and carries no program is taken: PDF, pictures, XLSX and DOCX without macros, OFD (电子发票),
XML and plain text. A file that is not what it was said to be is refused with what it looks like.
"""

import codecs
import zipfile
from pathlib import PurePath
from typing import BinaryIO, NamedTuple

from collector.errors import DocumentError

HEAD_BYTES = 4096
MAX_PARTS = 5_000
_CHUNK_BYTES = 1024 * 1024
_TAIL_BYTES = 66_000
"""An archive's directory ends with a record of 22 bytes and a comment of at most 64 KiB."""
_DIRECTORY_LINE = 46


class FileType(NamedTuple):
    """A kind of file that is taken; the first suffix is the one that it is given. `also`: other names of the type."""

    media_type: str
    what: str
    suffixes: tuple[str, ...]
    also: tuple[str, ...] = ()


PDF = FileType("application/pdf", "a PDF", (".pdf",))
PNG = FileType("image/png", "a PNG picture", (".png",))
JPEG = FileType("image/jpeg", "a JPEG picture", (".jpg", ".jpeg"))
TIFF = FileType("image/tiff", "a TIFF picture", (".tif", ".tiff"))
_OFFICE = "application/vnd.openxmlformats-officedocument"
XLSX = FileType(f"{_OFFICE}.spreadsheetml.sheet", "an XLSX workbook", (".xlsx",))
DOCX = FileType(f"{_OFFICE}.wordprocessingml.document", "a DOCX document", (".docx",))
OFD = FileType("application/ofd", "an OFD document", (".ofd",))
XML = FileType("application/xml", "an XML document", (".xml",), ("text/xml",))
TEXT = FileType("text/plain", "plain text", (".txt", ".csv", ".md"), ("text/csv", "text/markdown"))
TYPES = (PDF, PNG, JPEG, TIFF, XLSX, DOCX, OFD, XML, TEXT)
BY_MEDIA_TYPE = {each.media_type: each for each in TYPES}

_STARTS = (
    (b"%PDF-", PDF),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
)
_LOOKS = (
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"#!", "a script"),
    (b"\xd0\xcf\x11\xe0", "an old or protected Office file; save it as PDF, .xlsx or .docx"),
    (b"Rar!", "a RAR archive; store the files in it one by one"),
    (b"7z\xbc\xaf", "a 7z archive; store the files in it one by one"),
    (b"\x1f\x8b", "a gzip archive; store the file in it"),
    (b"GIF8", "a GIF picture; save it as PNG"),
    (b"BM", "a BMP picture; save it as PNG"),
)
_MARKUP = (b"<svg", b"<html", b"<!doctype html", b"<script")
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ANYTHING = ("", "application/octet-stream", "application/x-www-form-urlencoded")
"""What programs say that say nothing: curl, for one."""


def examine(file: BinaryIO, *, stated: str, name: str) -> FileType:
    """The type of a file by its content; `stated` is the media type that it was sent with, or "".

    Raises DocumentError for one that is not taken, is cut short, or is not what its type or its name says.
    """
    found = _find(file)
    said = stated.partition(";")[0].strip().lower()
    if said not in (*_ANYTHING, found.media_type, *found.also):
        raise DocumentError(f"it was sent as {said[:80]!a} and looks like {found.what}; send it as {found.media_type}")
    suffix = PurePath(name).suffix.lower()
    if suffix and suffix not in found.suffixes:
        raise DocumentError(
            f"its name ends in {suffix[:20]!a} and it looks like {found.what}; "
            f"open it to see what it is, and give it the right name ({found.suffixes[0]})"
        )
    return found


def _find(file: BinaryIO) -> FileType:
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if not head:
        raise DocumentError("it is empty")
    for start, found in _STARTS:
        if head.startswith(start):
            return _whole(file, found)
    if head.startswith(b"PK\x03\x04"):
        return _find_in_archive(file)
    for start, looks in _LOOKS:
        if head.startswith(start):
            raise DocumentError(f"it looks like {looks}; taken are PDF, PNG, JPEG, TIFF, XLSX, DOCX, OFD, XML and text")
    return _find_text(file, head)


def _whole(file: BinaryIO, found: FileType) -> FileType:
    """Refuses what lost its end on the way."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 2048))
    tail = file.read()
    endings = {PDF: b"%%EOF", PNG: b"IEND", JPEG: b"\xff\xd9"}
    if endings.get(found, b"") not in tail:
        raise DocumentError(f"it begins like {found.what} and has no end; copy it again, whole")
    return found


def _find_in_archive(file: BinaryIO) -> FileType:
    _check_directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeError) as error:
        raise DocumentError(f"it is a damaged archive ({error}); copy it again, whole") from error
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise DocumentError("it holds macros; save it without, or as PDF")
    for part, found in (("xl/workbook.xml", XLSX), ("word/document.xml", DOCX), ("OFD.xml", OFD)):
        if part in names:
            return found
    raise DocumentError("it looks like a ZIP archive; store the files in it one by one")


def _check_directory(file: BinaryIO) -> None:
    """The directory is read as a whole; how large it is stands in the record at the end."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    length = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    if at < 0 or length > MAX_PARTS * 4 * _DIRECTORY_LINE:
        raise DocumentError("it is an archive that is cut short or has too many parts; save it again, or as PDF")


def _find_text(file: BinaryIO, head: bytes) -> FileType:
    start = head
    for mark in _MARKS:
        start = start.removeprefix(mark)
    start = start.lstrip()
    if any(markup in start.lower() for markup in _MARKUP) and start.startswith(b"<"):
        raise DocumentError("it looks like a web page or a drawing that may hold scripts; save it as PDF")
    if not _is_text(file):
        raise DocumentError("its content is of no kind that is taken: PDF, PNG, JPEG, TIFF, XLSX, DOCX, OFD, XML, text")
    return XML if start.startswith(b"<?xml") else TEXT


def _is_text(file: BinaryIO) -> bool:
    """UTF-8 or GB18030 throughout, without control characters but tabs and line ends."""
    return any(_decodes(file, encoding) for encoding in ("utf-8", "gb18030"))


def _decodes(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    try:
        for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
            if any(character < " " and character not in "\t\r\n\f" for character in set(decoder.decode(chunk))):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
