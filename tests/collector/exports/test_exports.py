"""Hour records as CSV and XLSX: Chinese headings, real dates and numbers, never a formula."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import openpyxl
import pytest

from collector.cli import main
from collector.exports import csv_file
from collector.exports.hour_records import Selection, as_csv, write_xlsx
from collector.exports.tables import HOUR_COLUMNS, Table
from collector.registry.access import Access, Scope
from collector.store import database
from tests.collector.conftest import make_key
from tests.collector.province import OFF, RUN, USCC, MovableClock, Piece, Province

MONDAY = date(2026, 11, 16)
TUESDAY = MONDAY + timedelta(days=1)
HOUR = 3600
NOW = datetime(2026, 11, 18, 4, tzinfo=UTC)
HEADINGS = [column.heading for column in HOUR_COLUMNS]


@pytest.fixture
def two_days(province: Province) -> Province:
    """An instrument with a dangerous name that ran on Monday and Tuesday, and another one."""
    province.add_instrument("A001", name_zh='=HYPERLINK("http://x","电镜")')
    province.add_instrument("B001")
    for asset_no, agent_id in (("A001", "em-01"), ("B001", "em-02")):
        origin = province.add_agent(agent_id, asset_no)
        for day in (MONDAY, TUESDAY):
            province.observe(origin, Piece(day, 0, 9 * HOUR, OFF), Piece(day, 9 * HOUR, 12 * HOUR + 200, RUN))
    province.derive(TUESDAY + timedelta(days=1))
    return province


def rows_of(raw: bytes) -> list[dict[str, str]]:
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))


def exported(province: Province, selection: Selection) -> list[dict[str, str]]:
    with province.connection.transaction():
        return rows_of(b"".join(as_csv(province.connection, selection)))


def test_a_line_for_each_day_with_the_names_of_that_day(two_days: Province) -> None:
    rows = exported(two_days, Selection(MONDAY, TUESDAY))
    assert [(row["日期"], row["资产编号"]) for row in rows] == [
        ("2026-11-16", "A001"), ("2026-11-17", "A001"), ("2026-11-16", "B001"), ("2026-11-17", "B001"),
    ]  # fmt: skip
    first = rows[0]
    assert list(first) == HEADINGS
    assert (first["管理单位代码"], first["管理单位"]) == (USCC, "西安测试大学")
    assert (first["有效工作机时(h)"], first["有效工作(s)"], first["覆盖率"]) == ("3.1", "11000", "0.5023")
    assert (first["待归属(h)"], first["版次"]) == ("3.1", "")
    assert len(first["记录SHA-256"]) == 64


def test_no_cell_is_a_formula(two_days: Province, tmp_path: Path) -> None:
    [row, *_] = exported(two_days, Selection(MONDAY, MONDAY))
    assert row["仪器名称"] == '\'=HYPERLINK("http://x","电镜")'
    table = Table("t", ["a"], ["text"], [[text] for text in ("=1", "+1", "-1", "@a", "\ta", "\ra", "a=1", "1")])
    written = b"".join(csv_file.lines(table)).decode("utf-8-sig")
    assert [line[0] for line in list(csv.reader(io.StringIO(written)))[1:]] == [
        "'=1", "'+1", "'-1", "'@a", "'\ta", "'\ra", "a=1", "1",
    ]  # fmt: skip
    path = tmp_path / "hours.xlsx"
    with two_days.connection.transaction():
        write_xlsx(two_days.connection, Selection(MONDAY, MONDAY), path, now=NOW)
    sheet = openpyxl.load_workbook(path)["机时台账"]
    cell = sheet.cell(2, HEADINGS.index("仪器名称") + 1)
    assert (cell.data_type, cell.value) == ("s", '=HYPERLINK("http://x","电镜")')


def test_a_workbook_has_real_dates_and_numbers_and_says_what_it_rests_on(two_days: Province, tmp_path: Path) -> None:
    path = tmp_path / "hours.xlsx"
    with two_days.connection.transaction():
        write_xlsx(two_days.connection, Selection(MONDAY, TUESDAY), path, now=NOW)
    workbook = openpyxl.load_workbook(path)
    assert workbook.sheetnames == ["机时台账", "规则与覆盖"]
    sheet = workbook["机时台账"]
    assert [cell.value for cell in sheet[1]] == HEADINGS
    values = {heading: cell.value for heading, cell in zip(HEADINGS, sheet[2], strict=True)}
    assert values["日期"].date() == MONDAY
    assert (values["有效工作机时(h)"], values["有效工作(s)"]) == (3.1, 11_000)
    assert (sheet.max_row, sheet.freeze_panes) == (5, "A2")
    basis = [cell.value for cell in workbook["规则与覆盖"][2]]
    assert (basis[0], basis[2]) == ("test policy", 4)
    # What this test writes arrives today, longer than a week after it: all of it is doubtful and nothing counts.
    graded = dict(zip((cell.value for cell in workbook["规则与覆盖"][1]), basis, strict=True))
    assert (graded["计入机时(h)"], graded["互证A(h)"], graded["存疑D(h)"]) == (0, 0, 12.2)
    assert (values["计入机时(h)"], values["存疑D(h)"]) == (0, 3.1)
    assert 0.5 < basis[3] < 0.51


def test_a_selection_leaves_out_what_it_does_not_name(two_days: Province) -> None:
    def assets(**chosen: object) -> list[str]:
        rows = exported(two_days, Selection(MONDAY, MONDAY, **chosen))  # type: ignore[arg-type]
        return [row["资产编号"] for row in rows]

    assert assets(asset_no="B001") == ["B001"]
    assert assets(uscc=USCC) == ["A001", "B001"]
    assert assets(uscc="91440300708461136T") == []
    assert assets(scope=Scope("instrument", "A001")) == ["A001"]


def test_the_command_writes_the_file_whole_or_not_at_all(
    dsn: str, two_days: Province, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    days = ["--from", "2026-11-16", "--to", "2026-11-17"]
    for name in ("hours.csv", "hours.xlsx"):
        assert main(["export-hours", str(tmp_path / name), *days]) == 0
        assert f"{name}: 4 hour records of 2026-11-16 to 2026-11-17" in capsys.readouterr().out
    assert len(rows_of((tmp_path / "hours.csv").read_bytes())) == 4
    assert main(["export-hours", str(tmp_path / "hours.doc"), *days]) == 1
    assert "neither .csv nor .xlsx" in capsys.readouterr().err
    assert main(["export-hours", str(tmp_path / "absent" / "hours.csv"), *days]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hours.csv", "hours.xlsx"]


def test_the_api_gives_both_forms_in_the_callers_scope(
    client: httpx.Client, two_days: Province, clock: MovableClock
) -> None:
    client.headers["X-API-Key"] = make_key(two_days, clock, access=Access("reader", Scope("instrument", "B001")))
    days = "first_day=2026-11-16&last_day=2026-11-17"
    answer = client.get(f"/api/v1/exports/hours.csv?{days}")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="jishi-hours-2026-11-16-2026-11-17.csv"'
    assert {row["资产编号"] for row in rows_of(answer.content)} == {"B001"}
    workbook = openpyxl.load_workbook(io.BytesIO(client.get(f"/api/v1/exports/hours.xlsx?{days}").content))
    assert workbook["机时台账"].max_row == 3
    assert client.get(f"/api/v1/exports/hours.pdf?{days}").status_code == 422


def test_the_pool_gets_its_connection_back_as_it_was(
    client: httpx.Client, two_days: Province, clock: MovableClock, dsn: str
) -> None:
    client.headers["X-API-Key"] = make_key(two_days, clock)
    days = "first_day=2026-11-16&last_day=2026-11-17"
    for _ in range(12):  # more than the pool has
        assert client.get(f"/api/v1/exports/hours.csv?{days}").status_code == 200
    with database.connect(dsn, application="test") as other:
        busy = other.execute("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'").fetchone()
    assert busy == (0,)
