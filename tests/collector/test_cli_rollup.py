"""`jishi-collector rollup` and `vouchers`: what they print, and what they write."""

import csv
import io
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from collector.cli import main
from collector.facts.store import record_fact
from protocol.facts import Order, Voucher
from protocol.interval import day_bounds_ms
from tests.collector.commands import said
from tests.collector.province import Province
from tests.collector.rollups.places import HOUR, OTHERS, OURS, Places, Served

MARCH = date(2025, 3, 1)
ORDERS = (("SO-1", "V-7"), ("SO-2", "v-7"), ("SO-3", "V-8"))


@pytest.fixture
def told(province: Province, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A unit whose instrument worked in March and April for another one, and three orders with vouchers."""
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    places = Places(province)
    places.unit(OURS, division="610113", name="示例大学")
    places.unit(OTHERS, division="610302", kind="institute", name="示例研究所")
    places.instrument("A001", class_code="0105", value_fen=30_000_000, shareable=True)
    places.work("A001", MARCH, 6 * HOUR, served=[Served(OTHERS, HOUR)])
    places.work("A001", date(2025, 4, 1), 2 * HOUR)
    at = day_bounds_ms(MARCH)[0]
    for order, number in ORDERS:
        paid = Voucher(issuer="西安市科技局", number=number, amount_fen=100_50)
        with province.connection.transaction():
            record_fact(province.connection, Order(v=1, at=at, by="lims", unit=OURS, order=order, voucher=paid))
    return places


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"))))


def test_a_year_is_printed_by_what_was_asked(told: Places, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "rollup", "--year", "2025", "--by", "city") == (
        "2025  6101  -  1 instruments, 1 of 1 open  effective 8.0 h, external 1.0 h verified, 0.0 h claimed, "
        "coverage 0.5 %\n"
    )
    assert said(capsys, "rollup", "--year", "2025").startswith(f"2025  {OURS}  示例大学  1 instruments")
    assert said(capsys, "rollup", "--year", "2025", "--month", "4", "--by", "class").startswith("2025-04  0105  -  ")
    assert said(capsys, "rollup", "--year", "2025", "--served", "place") == (
        "2025  same-province  1 beneficiaries of 1 units  1.0 h verified, 0.0 h claimed\n"
    )
    assert said(capsys, "rollup", "--year", "2025", "--unit", OTHERS) == ""


def test_each_month_is_written_where_it_is_asked_for(
    told: Places, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "months.csv"
    assert (
        said(capsys, "rollup", "--year", "2025", "--by", "all", "--months", "--csv", str(file)) == f"{file}: written\n"
    )
    assert [row["有效工作机时(h)"] for row in rows(file)] == ["0.0", "0.0", "6.0", "2.0", *["0.0"] * 8]
    book = tmp_path / "served.xlsx"
    said(capsys, "rollup", "--year", "2025", "--served", "kind", "--xlsx", str(book))
    sheet = openpyxl.load_workbook(book).active
    assert [cell.value for cell in sheet[2]][:4] == ["2025", "科研院所", 1, 1]


def test_vouchers_are_listed_with_those_used_twice_and_sums(
    told: Places, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repeated = said(capsys, "vouchers", "--repeated").splitlines()
    assert [line.split("order ")[1].split()[0] for line in repeated] == ["SO-1", "SO-2"]
    assert repeated[0].endswith("repeated in-unit: 2 orders")
    assert said(capsys, "vouchers", "--issuers", "--year", "2025") == (
        "西安市科技局  2 vouchers on 3 orders of 1 units for 0 beneficiaries  301.50 CNY, of it 100.50 CNY on 1 orders "
        "again\n"
    )
    file = tmp_path / "vouchers.csv"
    said(capsys, "vouchers", "--csv", str(file))
    assert [row["重复使用"] for row in rows(file)] == ["单位内重复", "单位内重复", ""]
    said(capsys, "vouchers", "--issuers", "--csv", str(file))
    assert [(row["券数"], row["重复使用金额(元)"]) for row in rows(file)] == [("2", "100.50")]


def test_a_file_that_cannot_be_written_is_said(told: Places, capsys: pytest.CaptureFixture[str]) -> None:
    assert "/nowhere/x.csv cannot be written" in said(
        capsys, "rollup", "--year", "2025", "--csv", "/nowhere/x.csv", status=1
    )


@pytest.mark.parametrize("words", [["--year", "1999"], ["--year", "２０２５"], [], ["--year", "2025", "--by", "x"]])
def test_a_year_that_cannot_be_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["rollup", *words])


def test_rebuilding_counts_the_sums_of_roll_ups_as_well(told: Places, capsys: pytest.CaptureFixture[str]) -> None:
    told.province.connection.execute("UPDATE placed_year SET hand_s = 1")
    assert said(capsys, "rebuild-months") == "wrong=1\n"
    assert said(capsys, "rebuild-months") == "wrong=0\n"
