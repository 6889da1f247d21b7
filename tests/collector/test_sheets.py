"""Files of rows: encodings, separators, headings and the faults of single rows."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from collector import sheets
from collector.errors import SheetError
from collector.sheet_report import Refusal, Report
from collector.sheets import Row, read_sheet

COLUMNS = {"uscc": ["统一社会信用代码"], "name_zh": ["单位名称", "名称"], "value_yuan": ["原值(元)"]}
TEXT = "统一社会信用代码,单位名称\n12100000400000624D,清华大学\n"
EXPECTED = [{"uscc": "12100000400000624D", "name_zh": "清华大学"}]


def read(source: bytes | Path | str, report: Report | None = None) -> list[Row]:
    raw = source.encode() if isinstance(source, str) else source
    report = Report() if report is None else report
    return list(read_sheet(raw, columns=COLUMNS, optional=["value_yuan", "name_zh"], report=report))


def fields(source: bytes | str) -> list[dict[str, str]]:
    return [row.fields for row in read(source)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
def test_a_csv_is_read_in_each_encoding_that_spreadsheets_write(encoding: str) -> None:
    assert fields(TEXT.encode(encoding)) == EXPECTED


def test_a_bom_does_not_hide_the_quotes_of_the_first_heading() -> None:
    assert fields(b'\xef\xbb\xbf"uscc","name_zh"\n"1","a"\n') == [{"uscc": "1", "name_zh": "a"}]


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_separator_and_line_end_are_found(separator: str, line_end: str) -> None:
    assert fields(TEXT.replace(",", separator).replace("\n", line_end)) == EXPECTED


def test_a_path_is_read_like_bytes(tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text(TEXT, encoding="gb18030")
    assert [row.fields for row in read(tmp_path / "units.csv")] == EXPECTED


def test_a_quoted_text_may_hold_line_feeds_separators_and_quotes() -> None:
    assert fields('uscc,name_zh\n1,"清华,\n""大学"""\n2,b\n') == [
        {"uscc": "1", "name_zh": '清华,\n"大学"'},
        {"uscc": "2", "name_zh": "b"},
    ]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("'0012", "0012"),
        ('"=""0012"""', "0012"),
        (" 　0012\u200b\t", "0012"),
        ("''x", "'x"),
        ("=1+1", "=1+1"),
        ("'", ""),
    ],
)
def test_the_signs_that_keep_a_text_a_text_are_taken_off(cell: str, text: str) -> None:
    assert fields(f"uscc,name_zh\n{cell},x\n") == [{"uscc": text, "name_zh": "x"}]


def test_rows_are_numbered_as_the_spreadsheet_shows_them_and_blank_ones_are_passed_over() -> None:
    report = Report()
    rows = read('单位登记表,,\n,,\nuscc,name_zh,原值（元）\n,,\n1,"a\nb",\n , ,\n2,c\n', report)
    assert rows == [
        Row(5, {"uscc": "1", "name_zh": "a\nb", "value_yuan": ""}),
        Row(7, {"uscc": "2", "name_zh": "c", "value_yuan": ""}),
    ]
    assert report == Report()


def test_a_column_that_may_be_missing_is_no_key() -> None:
    assert fields("USCC,名称\n1,a\n")[0].keys() == {"uscc", "name_zh"}


@pytest.mark.parametrize(
    "heading", ["原值(元)", "原值（元）", " 原 值（元） ", "*原值(元)", "Value yuan", "VALUE_YUAN"]
)
def test_a_heading_is_known_however_it_is_set(heading: str) -> None:
    assert fields(f"uscc,{heading}\n1,2\n") == [{"uscc": "1", "value_yuan": "2"}]


def test_all_faults_of_the_headings_come_in_one_message() -> None:
    with pytest.raises(SheetError) as caught:
        read("单位名称,名称,原值（元）,原值(千元),联系人\na,b,1,2,c\n")
    assert str(caught.value) == (
        "its headings cannot be used: name_zh stands there 2 times: '单位名称', '名称'; "
        "unknown: '原值(千元)', '联系人'; correct these headings, or delete the columns; "
        "missing: uscc (统一社会信用代码); "
        "expected: uscc (统一社会信用代码); may be there: name_zh (单位名称), value_yuan (原值(元))"
    )


def test_a_column_that_is_left_out_on_purpose_is_no_fault() -> None:
    columns = {"uscc": [], sheets.LEFT_OUT: ["联系人", "电话"]}
    rows = read_sheet("uscc,电话,联系人\n1,2,3\n".encode(), columns=columns, report=Report())
    assert [row.fields for row in rows] == [{"uscc": "1"}]


@pytest.mark.parametrize("text", ["", "\n\n", "a,b\nc,d\n", "1\n2\n"])
def test_a_file_without_headings_says_what_was_found_and_expected(text: str) -> None:
    with pytest.raises(SheetError, match=r"no headings stand in its first 10 rows, which begin .*; expected: uscc"):
        read(text)


def test_a_row_with_more_cells_than_headings_is_refused_and_the_others_are_read() -> None:
    report = Report()
    rows = read("uscc,name_zh\n1,西安,大学\n2,b,,\n3,#REF!\n", report)
    assert [row.number for row in rows] == [3]
    assert report.refusals == [
        Refusal(
            2,
            "",
            "大学",
            "this row has 3 cells, the headings are 2",
            "put quotes around a text that holds the separator",
        ),
        Refusal(4, "name_zh", "#REF!", "this is an error of a formula", "correct the formula, or type the value"),
    ]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old or protected Excel file"),
        (b"<html><table>", "web page or XML"),
        (b"\xef\xbb\xbf<?xml ", "web page or XML"),
        (TEXT.encode("utf-16"), "not UTF-16"),
        (b"\x89PNG\r\n\x1a\n\0", "it is no text"),
        (b"uscc,name_zh\n\xff\xff,\n", "neither UTF-8 nor GB18030"),
        (b'uscc,name_zh\n1,"a"b\n', "line 2: .* needs quotes around"),
        (b'uscc,name_zh\n1,"a\n', "line 2: unexpected end of data"),
        (b'uscc,name_zh\n1,"' + b"a,\n" * 400_000, "field larger than field limit"),
        (b"uscc,name_zh\n" + b"," * 2_000_000, "a row has more than 1048576 characters"),
        (b"uscc,name_zh" + b"," * 300 + b"x\n", "more than 200 columns"),
    ],
)  # fmt: skip
def test_what_is_no_csv_is_refused_with_its_remedy(raw: bytes, message: str) -> None:
    with pytest.raises(SheetError, match=message):
        read(raw)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SheetError, match=r"cannot read .*nothing.csv: No such file"):
        read(tmp_path / "nothing.csv")


def test_rows_beyond_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_ROWS", 3)
    assert len(read("uscc\n" + "1\n" * 3)) == 3
    with pytest.raises(SheetError, match="more than 3 rows"):
        read("uscc\n" + "1\n" * 4)


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(SheetError, match="at most 67108864 are read"):
        read(tmp_path / "large.csv")


def peak_bytes(run: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_long_file_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("uscc,name_zh\n" + "12100000400000624D,某某大学\n" * 100_000, encoding="utf-8")
    count = 0

    def count_rows() -> None:
        nonlocal count
        count = sum(1 for _ in read_sheet(path, columns=COLUMNS, optional=["value_yuan"], report=Report()))

    assert peak_bytes(count_rows) < 8 * 1024 * 1024
    assert count == 100_000
