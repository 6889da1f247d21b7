"""A report as a workbook and as a page: every figure with what it is made of, and nothing that people wrote is run."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest

from collector.exports import xlsx_file
from collector.self_evaluation import document, report_tables, reports, summary, versions
from collector.self_evaluation.texts import FIELDS, HEADINGS
from collector.self_evaluation.versions import Version
from tests.collector.self_evaluation.lab import INVOICE, MONDAY, SHENZHEN, TUESDAY, XIAN, Lab, officer

HOSTILE = "<script>alert(1)</script>\n=HYPERLINK(1)"


@pytest.fixture
def version(lab: Lab) -> Version:
    held = lab.draft(staff=HOSTILE)
    return versions.read_version(lab.connection, held, 1)


def page(lab: Lab, version: Version) -> str:
    held = versions.find_report(lab.connection, version.report.uscc, version.report.year)
    return document.render(version, versions.list_steps(lab.connection, held))


def test_the_workbook_has_real_dates_numbers_and_no_formula(lab: Lab, version: Version, tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    xlsx_file.write(path, report_tables.tables_of(version, []), made_at=datetime.now(UTC))
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["概况", "仪器", "设施", "服务数据清单", "服务收入记录清单", "文字说明", "依据"]
    lines = list(book["仪器"].iter_rows())
    first = {str(head.value): cell for head, cell in zip(lines[0], lines[1], strict=True)}
    assert (first["验收日期"].value.date(), first["验收日期"].is_date) == (date(2019, 12, 2), True)
    assert (first["原值(元)"].value, first["有效工作机时(h)"].value, first["手工补录(h)"].value) == (900_000, 5, 0)
    assert (first["生产厂商"].value, first["生产厂商"].data_type) == ("=JEOL", "s")
    silent = {str(head.value): cell.value for head, cell in zip(lines[0], lines[2], strict=True)}
    assert (silent["原因"], silent["有效工作机时(h)"]) == ("原值不足", None)
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    written = [cell.value for row in book["文字说明"].iter_rows() for cell in row]
    assert HOSTILE in written
    assert version.sha256 in [cell.value for row in book["依据"].iter_rows() for cell in row]


def test_the_income_sheet_adds_up_to_the_sum_that_is_told(lab: Lab, version: Version, tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    xlsx_file.write(path, report_tables.tables_of(version, []), made_at=datetime.now(UTC))
    rows = list(openpyxl.load_workbook(path)["服务收入记录清单"].iter_rows(values_only=True))
    column = {name: place for place, name in enumerate(rows[0])}
    of_first = [row for row in rows[1:] if row[column["订单号"]] == "SO-1"]
    assert [row[column["资产编号"]] for row in of_first] == ["A001", "B001"]
    assert [row[column["收费(元)"]] for row in of_first] == [1234.56, None]
    assert [row[column["对外服务机时(h)"]] for row in of_first] == [3, 1]
    first = of_first[0]
    assert first[column["服务对象统一社会信用代码"]] == SHENZHEN
    assert [first[column[name]].date() for name in ("开始日期", "结束日期")] == [MONDAY, TUESDAY]
    assert first[column["证明文件"]] == f"发票:{INVOICE}"
    charges = [row[column["收费(元)"]] or 0 for row in rows[1:]]
    assert round(sum(charges) * 100) == version.report.income_fen  # type: ignore[arg-type]
    told = next(each for each in summary.summarise(version.report) if each.name == "服务收入合计")
    assert (told.value, told.numerator) == ("1234.56 元", 123_456)


def test_each_figure_stands_beside_its_numerator_and_denominator(lab: Lab, version: Version) -> None:
    found = {each.name: each for each in summary.summarise(version.report)}
    average = found["年平均有效工作机时"]
    assert (average.numerator, average.denominator) == (version.report.indicators.seconds.counted_s, 2)
    assert found["其中已纳入省级网络管理平台"].value == "50.00 %"
    assert (found["其中已纳入省级网络管理平台"].numerator, found["其中已纳入省级网络管理平台"].denominator) == (1, 2)
    assert (found["其中已纳入且开放"].numerator, found["其中已纳入且开放"].denominator) == (1, 2)
    assert (found["在线服务平台可预约的仪器"].numerator, found["在线服务平台可预约的仪器"].denominator) == (1, 2)
    assert found["开放率（按原值）"].value == "50.00 %"
    assert (found["登记信息完整的仪器"].numerator, found["登记信息完整的仪器"].denominator) == (1, 4)
    assert found["对外服务机时（待证，不计入）"].value == "1.0 h"
    assert found["手工补录机时（不在上列各数之内）"].value == "0.0 h"
    assert found["全部仪器中逾期"].value == "1 台（套）"
    assert found["未指明服务对象的收费"].value == "500.00 元"


@pytest.mark.parametrize(("top", "bottom", "shown"), [
    (0, 0, "无定义（按 0 计）"), (1, 3, "33.33 %"), (2, 3, "66.67 %"), (1, 1, "100.00 %"), (1, 20_000, "0.01 %"),
])  # fmt: skip
def test_shares_are_rounded_once_and_undefined_over_nothing(top: int, bottom: int, shown: str) -> None:
    assert summary.percent(top, bottom) == shown


@pytest.mark.parametrize(("fen", "shown"), [(None, ""), (0, "0.00"), (5, "0.05"), (123_456, "1234.56")])
def test_money_is_shown_exactly(fen: int | None, shown: str) -> None:
    assert summary.yuan(fen) == shown


def test_the_page_has_the_three_sections_of_the_outline_with_every_heading(lab: Lab, version: Version) -> None:
    text = page(lab, version)
    places = [text.index(f"<h2>{section}</h2>") for section in summary.SECTIONS_ZH.values()]
    assert places == sorted(places)
    for name in FIELDS:
        assert f"<h3>{HEADINGS[name].zh}</h3>" in text
    assert text.count("（单位未填写）") == len(FIELDS) - 1
    for figure in summary.summarise(version.report):
        assert f"<td>{figure.name}</td>" in text
    assert version.sha256 in text
    assert version.report.source.sha256 in text
    assert "第 1 版（草拟）" in text
    assert "1234.56" in text


def test_the_page_runs_nothing_and_loads_nothing(lab: Lab, version: Version) -> None:
    text = page(lab, version)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert not re.search(r"<script|<link|<img|<iframe|url\(|@import|https?:", text)
    assert "default-src &#39;none&#39;" in text
    assert "=JEOL" in text


def test_the_page_tells_who_took_which_step(lab: Lab, version: Version) -> None:
    lab.confirm()
    lab.go_on("submitted", officer("notice <of> 5 January"))
    text = page(lab, version)
    assert "第 1 版（提交）" in text
    assert "notice &lt;of&gt; 5 January" in text
    assert "2026-01-20 12:00" in text


def test_an_empty_year_can_be_printed(lab: Lab) -> None:
    with lab.connection.transaction():
        held = reports.draft(lab.connection, XIAN, 2019, given={}, doer=officer())
    found = versions.read_version(lab.connection, held, 1)
    assert found.report.lines == ()
    text = document.render(found, [])
    assert "本年度没有对外服务的机时" in text
    assert "无定义（按 0 计）" in text
    report_tables.tables_of(found, [])
