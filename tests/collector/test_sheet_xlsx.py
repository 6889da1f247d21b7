"""The cells of an XLSX, as spreadsheets and stranger programs write them."""

import io
import zipfile
from datetime import date, datetime, time

import openpyxl
import pytest
import xlsxwriter

from collector import sheet_cells, sheet_xlsx
from collector.errors import SheetError
from collector.sheet_cells import read_cells


def workbook(*rows: list[object]) -> bytes:
    made = openpyxl.Workbook()
    assert made.active is not None
    for row in rows:
        made.active.append(row)
    written = io.BytesIO()
    made.save(written)
    return written.getvalue()


def replaced(raw: bytes, part: str, change: bytes) -> bytes:
    """The archive with one part's bytes exchanged."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change if name == part else old.read(name))
    return written.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("  JEM-2100\u200b", "JEM-2100"),
        (200_000, "200000"),
        (200_000.0, "200000"),
        (123.45, "123.45"),
        (0.1, "0.1"),
        (2.0230001e16, "2.02300010000000e+16"),
        (2019000100010001, "2.01900010001000e+15"),
        (999_999_999_999_999, "999999999999999"),
        (True, "TRUE"),
        (date(2024, 3, 1), "2024-03-01"),
        (datetime.fromisoformat("2024-03-01"), "2024-03-01"),
        (datetime.fromisoformat("2024-03-01T08:30"), "2024-03-01 08:30:00"),
        (datetime.fromisoformat("2024-02-29T23:59:59"), "2024-02-29 23:59:59"),
        (time(8, 30), "08:30:00"),
        (None, ""),
    ],
)
def test_a_value_is_text_as_a_person_would_write_it(value: object, text: str) -> None:
    assert list(read_cells(workbook([value, "end"]))) == [(1, [text, "end"])]


def test_a_formula_is_the_value_that_it_had() -> None:
    written = io.BytesIO()
    with xlsxwriter.Workbook(written) as made:
        made.add_worksheet().write_formula("A1", "=1+1", None, 2)
    assert list(read_cells(written.getvalue())) == [(1, ["2"])]


@pytest.mark.parametrize(("value", "text"), [(1, "100%"), (0.625, "62.5%"), (0.07, "7%"), (0, "0%")])
def test_a_share_is_what_the_cell_shows(value: float, text: str) -> None:
    written = io.BytesIO()
    with xlsxwriter.Workbook(written) as made:
        made.add_worksheet().write_number("A1", value, made.add_format({"num_format": "0.0%"}))
    assert list(read_cells(written.getvalue())) == [(1, [text])]


def test_a_formula_that_nobody_computed_is_refused_and_one_without_a_text_is_blank() -> None:
    with pytest.raises(SheetError, match="B1 has a formula without its value"):
        list(read_cells(workbook(["a", "=1+1"])))
    empty = sheet_of('<row><c r="A1" t="str"><f>""</f><v></v></c><c r="B1"><v>1</v></c></row>')
    assert list(read_cells(replaced(workbook(["a"]), "xl/worksheets/sheet1.xml", empty))) == [(1, ["", "1"])]


def test_merged_and_blank_rows_keep_their_numbers() -> None:
    written = io.BytesIO()
    with xlsxwriter.Workbook(written) as made:
        sheet = made.add_worksheet()
        sheet.merge_range("A1:C1", "登记表")
        sheet.write_row("A4", ["a", "b"])
        sheet.merge_range("A5:A6", "c")
        sheet.write("A7", "d")
    expected = [(1, ["登记表"]), (2, []), (3, []), (4, ["a", "b"]), (5, ["c"]), (6, []), (7, ["d"])]
    assert list(read_cells(written.getvalue())) == expected


def test_the_first_sheet_is_read_whole_whatever_size_it_claims() -> None:
    raw = workbook(["a", "b"], ["c", "d"])
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    lying = replaced(raw, "xl/worksheets/sheet1.xml", sheet.replace(b"A1:B2", b"A1:A1"))
    assert list(read_cells(lying)) == [(1, ["a", "b"]), (2, ["c", "d"])]


def sheet_of(cells: str, *, before: str = "") -> bytes:
    head = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    return f"<?xml version='1.0'?>{before}{head}{cells}</sheetData></worksheet>".encode()


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
FAR = '<row r="1048577"><c r="A1048577"><v>1</v></c></row>'


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        (
            sheet_of("<row><c t='inlineStr'><is><t>&b;</t></is></c></row>", before=ENTITIES),
            "what no spreadsheet writes",
        ),
        (sheet_of("<row><c><v>1</c></row>"), "no XLSX that can be read"),
        (sheet_of("<row><c t='s'><v>99</v></c></row>"), "no XLSX that can be read"),
        (sheet_of(FAR), "more than 20000 rows"),
        (sheet_of("<row>" + "<c/>" * 600_000 + "</row>"), "a row takes more than 1048576 bytes"),
        (sheet_of("<row><!-- </row> --><c/></row>"), "what no spreadsheet writes"),
        (sheet_of("<row><row/>" + "<c/>" * 10 + "</row>"), "a row inside of a row"),
        (b"", "no XLSX that can be read"),
    ],
)
def test_a_hostile_sheet_is_refused(sheet: bytes, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_cells, "MAX_SCANNED_ROWS", 20_000)
    raw = replaced(workbook(["a"]), "xl/worksheets/sheet1.xml", sheet)
    with pytest.raises(SheetError, match=message):
        list(read_cells(raw))


def test_what_would_unpack_to_too_much_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_xlsx, "MAX_UNPACKED_BYTES", 1_000_000)
    raw = replaced(workbook(["a"]), "xl/worksheets/sheet1.xml", b" " * 1_000_001)
    assert len(raw) < 20_000
    with pytest.raises(SheetError, match=r"it unpacks to [0-9]+ bytes, at most 1000000"):
        list(read_cells(raw))


def test_an_archive_that_is_no_workbook_is_refused() -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("readme.txt", "x")
    for raw in (written.getvalue(), written.getvalue()[:40], workbook(["a"])[:-30]):
        with pytest.raises(SheetError, match="no XLSX that can be read"):
            list(read_cells(raw))
