"""Files that facts name: what is taken, that it stays what it was, and that nothing is ever half there."""

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from collector.errors import DocumentError
from collector.facts.documents import Document, DocumentFiles, add_file, list_documents, register_document, tidy_name
from collector.facts.file_type import examine
from collector.registry.audit import Actor, list_changes
from collector.store.database import Connection

BY = Actor("li.ming", "command", "li@host")
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(13) + b"\0\0\0\0IEND\xaeB`\x82"


def archive(*names: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return written.getvalue()


@pytest.fixture
def files(tmp_path: Path) -> DocumentFiles:
    return DocumentFiles(tmp_path / "documents", max_bytes=10_000)


def store(files: DocumentFiles, content: bytes, *, stated: str = "", name: str = "") -> Document:
    with files.receive() as incoming:
        for start in range(0, len(content), 7):
            incoming.write(content[start : start + 7])
        return incoming.keep(stated=stated, name=name, by="li.ming")


def left(files: DocumentFiles) -> list[str]:
    return sorted(path.name for path in files.directory.rglob("*") if path.is_file())


# What a file is


@pytest.mark.parametrize(
    ("content", "media_type", "name"),
    [
        (PDF, "application/pdf", "协议.pdf"),
        (PNG, "image/png", "a.PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(40) + b"\xff\xd9", "image/jpeg", "a.jpeg"),
        (b"II*\0" + bytes(40), "image/tiff", "a.tif"),
        (archive("[Content_Types].xml", "xl/workbook.xml"),
         "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "a.xlsx"),
        (archive("word/document.xml"),
         "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a.docx"),
        (archive("OFD.xml", "Doc_0/Document.xml"), "application/ofd", "发票.ofd"),
        (b'<?xml version="1.0"?><EInvoice/>', "application/xml", "a.xml"),
        ("样品 3 个\r\n".encode(), "text/plain", "a.txt"),
        ("样品,3".encode("gb18030"), "text/plain", "a.csv"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_file_is_what_its_content_says(content: bytes, media_type: str, name: str) -> None:
    for stated in ("", "application/octet-stream", media_type, f"{media_type}; charset=utf-8"):
        assert examine(io.BytesIO(content), stated=stated, name=name).media_type == media_type


@pytest.mark.parametrize(
    ("content", "stated", "name", "why"),
    [
        (PNG, "application/pdf", "", "it was sent as 'application/pdf' and looks like a PNG picture"),
        (b"MZ\x90\0", "", "report.pdf", "it looks like a Windows program"),
        (PNG, "", "report.pdf", "its name ends in '.pdf' and it looks like a PNG picture"),
        (PDF[:-8], "", "", "it begins like a PDF and has no end; copy it again, whole"),
        (b"", "", "", "it is empty"),
        (b"<!DOCTYPE html><script>", "", "", "it looks like a web page"),
        (b'\xef\xbb\xbf <?xml version="1.0"?><SVG onload="x"/>', "", "", "a drawing that may hold scripts"),
        (b"\xd0\xcf\x11\xe0" + bytes(90), "", "a.xls", "an old or protected Office file"),
        (archive("xl/workbook.xml", "xl/vbaProject.bin"), "", "", "it holds macros"),
        (archive("a.pdf"), "", "", "it looks like a ZIP archive; store the files in it one by one"),
        (archive("xl/workbook.xml")[:-30], "", "", "cut short"),
        (b"PK\x03\x04" + bytes(90), "", "", "cut short"),
        (bytes(range(256)) * 4, "", "", "its content is of no kind that is taken"),
        (b"text\x1b[2Jtext", "", "", "its content is of no kind that is taken"),
    ],
    ids=str.split(
        "stated program name unfinished empty page drawing old-office macros zip cut-sheet cut-zip bytes escapes"
    ),
)  # fmt: skip
def test_what_is_not_taken_is_refused_by_what_it_looks_like(content: bytes, stated: str, name: str, why: str) -> None:
    with pytest.raises(DocumentError) as refused:
        examine(io.BytesIO(content), stated=stated, name=name)
    assert why in str(refused.value)


def test_an_archive_with_a_huge_directory_is_not_read() -> None:
    record = b"PK\x05\x06" + bytes(8) + (100_000_000).to_bytes(4, "little") + bytes(6)
    with pytest.raises(DocumentError, match="too many parts"):
        examine(io.BytesIO(b"PK\x03\x04" + bytes(100) + record), stated="", name="")


# The store


def test_a_file_lies_under_its_hash_readable_by_the_service_alone(files: DocumentFiles) -> None:
    document = store(files, PDF, name="../协议.pdf")
    assert document == Document(hashlib.sha256(PDF).hexdigest(), len(PDF), "application/pdf", "协议.pdf", "li.ming")
    path = files.path_of(document.sha256)
    assert (path.stat().st_mode & 0o777, path.parent.name) == (0o600, document.sha256[:2])
    assert files.read(document.sha256) == PDF
    assert store(files, PDF) == document._replace(name="")
    assert left(files) == [document.sha256], "one file, and nothing on its way"


def test_what_is_refused_leaves_nothing(files: DocumentFiles) -> None:
    with pytest.raises(DocumentError, match="more than 10000 bytes"):
        store(files, PDF * 1000)
    with pytest.raises(DocumentError, match="looks like a Windows program"):
        store(files, b"MZ" + bytes(100))
    assert left(files) == []


def test_a_damaged_file_is_an_error_until_it_is_stored_again(files: DocumentFiles) -> None:
    sha256 = store(files, PDF).sha256
    path = files.path_of(sha256)
    path.write_bytes(PDF.replace(b"1.7", b"1.6"))
    with pytest.raises(DocumentError, match=f"document {sha256} is damaged"):
        files.read(sha256)
    store(files, PDF)
    assert files.read(sha256) == PDF
    path.unlink()
    with pytest.raises(DocumentError, match="cannot be read: No such file"):
        files.read(sha256)


@pytest.mark.parametrize("name", ["", "x", "../../etc/passwd", "A" * 64, "a" * 63 + "/"])
def test_no_name_leads_out_of_the_store(files: DocumentFiles, name: str) -> None:
    with pytest.raises(DocumentError, match="is no SHA-256 of a file"):
        files.read(name)


def test_a_name_is_kept_without_folder_and_control_characters() -> None:
    assert tidy_name("C:\\x\\发票\n1.pdf") == "发票1.pdf"
    assert len(tidy_name("x" * 1000)) == 200


def test_a_file_is_known_once_and_leaves_one_line_in_the_trail(
    connection: Connection, files: DocumentFiles, tmp_path: Path
) -> None:
    (tmp_path / "协议.pdf").write_bytes(PDF)
    first, is_new = add_file(connection, files, tmp_path / "协议.pdf", actor=BY)
    assert is_new
    assert add_file(connection, files, tmp_path / "协议.pdf", actor=BY) == (first, False)
    assert not register_document(connection, first._replace(name="another"), actor=BY)
    assert list(list_documents(connection)) == [first]
    assert [(change.action, change.target) for change in list_changes(connection)] == [("document.store", first.sha256)]
    with pytest.raises(DocumentError, match="cannot read it: No such file"):
        add_file(connection, files, tmp_path / "none", actor=BY)
