"""Notices: hours of a frozen period, states of its last day, text and page and annex of the same figures, replies."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest

from collector.accounts.closing import close_days
from collector.accounts.freezing import Period as FrozenPeriod
from collector.accounts.freezing import freeze, one_snapshot
from collector.errors import CalendarUnknown, FreezingError, MonitoringError, NotAllowed, UnknownName
from collector.monitoring import notice_form, notices
from collector.monitoring.acts import By
from collector.monitoring.notice_form import Form, Line, decode, sum_lines
from collector.monitoring.notice_gather import Wanted
from collector.monitoring.notice_tables import write_annex
from collector.monitoring.notice_text import share, write_page, write_text
from collector.monitoring.notices import Notice
from collector.monitoring.periods import parse_period
from collector.monitoring.settings import decide
from collector.network.states import enter
from collector.registry import units
from collector.registry.access import EVERYTHING, Scope
from collector.registry.described import Instrument
from collector.registry.descriptions import describe
from collector.registry.instruments import register_owner
from tests.collector.monitoring.monitored import NOW, OWN, TODAY, lies_in, person, put_day, put_days
from tests.collector.province import USCC, Province

OTHER = "12100000400000624D"
OCTOBER = parse_period("2026-10")
FIRST, LAST = OCTOBER.first_day, OCTOBER.last_day
HOUR = 3600


@pytest.fixture
def october(province: Province) -> Province:
    """A001 joined and ran 2 h a day; A002 overdue, observed and off; B001 of another unit, not measured."""
    connection = province.connection
    units.register_unit(connection, OTHER, name_zh="清华|大学<b>")
    described: dict[str, Any] = {
        "A001": {},
        "A002": {"accepted_on": date(2026, 3, 2)},
        "B001": {"value_fen": 1_000_000},
    }
    for asset_no, members in described.items():
        province.add_instrument(asset_no)
        held = Instrument(asset_no=asset_no, name_zh="电镜", **{"value_fen": 90_000_000, **members})
        with connection.transaction():
            describe(connection, [(held, date(2026, 3, 1))], recorded_by="li")
    register_owner(connection, "B001", uscc=OTHER, from_day=date(2020, 1, 1))
    for number in (1, 2):
        province.add_agent(f"em-0{number}", f"A00{number}", from_day=date(2026, 9, 1))
    put_days(province, "A001", FIRST, LAST - timedelta(days=1), on_s=2 * HOUR)
    put_day(province, "A001", LAST, on_s=2 * HOUR, internal_s=HOUR, verified_s=2000, claimed_s=1600)
    put_days(province, "A002", date(2026, 9, 1), LAST)
    with connection.transaction():
        enter(connection, "A001", "joined", from_day=date(2026, 4, 1), proof="x", why="", by="li", today=TODAY)
    close_days(connection, today=TODAY, after_days=3)
    freeze_it(province)
    return province


def freeze_it(province: Province, name: str = "2026-10", *, last: date = LAST, unit: str | None = None) -> None:
    with one_snapshot(province.connection):
        freeze(province.connection, FrozenPeriod(name, FIRST, last, unit), by="li", now=NOW)


@pytest.fixture
def platform(october: Province) -> By:
    return person(october, "wang.fang", "supervisor", why="October")


def wanted(**more: Any) -> Wanted:
    return Wanted(**{
        "number": "陕科通〔2026〕3号", "kind": "regular", "subject": "everything", "period": OCTOBER,
        "frozen": "2026-10", "named": {}, **more,
    })  # fmt: skip


def issued(province: Province, by: By, **more: Any) -> Notice:
    with province.connection.transaction():
        return notices.issue(province.connection, wanted(**more), by)


def form_of(province: Province, held: Notice) -> Form:
    return decode(notices.load_bytes(province.connection, held)[0])


def test_a_regular_notice_holds_each_instrument_and_what_it_rests_on(october: Province, platform: By) -> None:
    held = issued(october, platform)
    assert (held.number, held.kind, held.first_day, held.last_day) == ("陕科通〔2026〕3号", "regular", FIRST, LAST)
    form = form_of(october, held)
    assert [(line.asset, line.uscc, line.state, line.idle) for line in form.lines] == [
        ("A001", USCC, "joined", "used"), ("A002", USCC, "overdue", "idle"),
        ("B001", OTHER, "not-eligible", "unmeasured"),
    ]  # fmt: skip
    first, second, _ = form.lines
    assert (first.days, first.on_s, first.effective_s, first.verified_s, first.claimed_s) == (
        31, 31 * 2 * HOUR, 31 * 2 * HOUR, 2000, 1600,
    )  # fmt: skip
    assert (second.due, second.last_on, second.observed_days, second.on_s) == ("2026-04-14", "", 61, 0)
    assert form.settings["idle-days"] == 30
    assert form.policies == ((october.policy.sha256, "test policy"),)


def test_sums_are_those_of_the_lines_and_no_mean_of_rates(october: Province, platform: By) -> None:
    lines = form_of(october, issued(october, platform)).lines
    sums = sum_lines(lines, low_use_hours=None)
    assert (sums.instruments, sums.must_join, sums.joined, sums.overdue) == (3, 2, 1, 1)
    assert (sums.in_network_s, sums.observed_s) == (3 * 31 * 86_400, 2 * 31 * 86_400)
    assert (sums.idle, sums.silent, sums.unmeasured, sums.low) == (1, 0, 1, None)
    assert (sums.effective_s, sums.verified_s, sums.claimed_s) == (31 * 2 * HOUR, 2000, 1600)


def test_the_text_tells_the_figures_and_the_thresholds(october: Province, platform: By) -> None:
    _, raw = notices.load_bytes(october.connection, issued(october, platform))
    text = raw.decode()
    for told in (
        "# 关于2026年10月大型科研仪器入网、开机和使用情况的通报",
        "入网率 50.0%；逾期未入网 1 台",
        "开机 62.0 小时，有效工作机时 62.0 小时，其中对外服务已证 0.6 小时、待证 0.4 小时",
        "观测覆盖率 66.7%",
        "未开机满 30 日",
        "| 西安测试大学 | 91610131MA6TYUUC74 | 2 | 50.0% | 1 | 62.0 | 62.0 | 0.6 | 0.4 | 100.0% | 1 | 0 |",
        "| 清华\\|大学\\<b\\> | 12100000400000624D | 1 | — | 0 | 0.0 |",
        "- A002 电镜（西安测试大学）：应于 2026-04-14 前入网",
        "- A002 电镜（西安测试大学）：闲置，无开机证据，此后已观测 61 日、未观测 0 日",
        "## 申辩",
    ):
        assert told in text, told
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {13}


def test_the_same_figures_give_the_same_bytes_and_drafting_keeps_nothing(october: Province, platform: By) -> None:
    form = notices.draft(october.connection, wanted(), platform)
    assert notices.list_notices(october.connection) == []
    held = issued(october, platform)
    body, text = notices.load_bytes(october.connection, held)
    assert (body, text) == (notice_form.encode(form), write_text(form))
    assert (held.sha256, held.text_sha256) == (notice_form.identity(body), notice_form.identity(text))


def test_what_comes_later_changes_no_notice_and_verifying_says_so(october: Province, platform: By) -> None:
    held = issued(october, platform)
    before = notices.load_bytes(october.connection, held)
    october.connection.execute("UPDATE hour_record SET effective_s = 0, internal_s = 0, verified_s = 0, claimed_s = 0")
    register_owner(october.connection, "A002", uscc=OTHER, from_day=FIRST)
    assert notices.load_bytes(october.connection, held) == before
    assert notices.verify(october.connection, held.notice_id) == []
    with pytest.raises(psycopg.errors.RestrictViolation):
        october.connection.execute("DELETE FROM notice")


def test_verifying_finds_hours_that_are_not_the_frozen_ones(october: Province, platform: By) -> None:
    held = issued(october, platform)
    form = form_of(october, held)
    _put_form(october, form, [_changed(form.lines[0], effective_s=1), *form.lines[1:]])
    assert notices.verify(october.connection, 2) == ["the hours of A001 are not those of the frozen period"]


def _changed(line: Line, **members: int) -> Line:
    return Line(**{name: members.get(name, getattr(line, name)) for name in Line.__struct_fields__})


def _put_form(province: Province, form: Form, lines: list[Line]) -> None:
    """A notice as no program of ours would issue it."""
    members = {name: getattr(form, name) for name in Form.__struct_fields__}
    other = Form(**{**members, "number": "x", "lines": tuple(lines)})
    body, text = notice_form.encode(other), write_text(other)
    province.connection.execute(
        "INSERT INTO notice (number, kind, subject, first_day, last_day, frozen_id, body, sha256, text, text_sha256,"
        " why, issued_by, issued_at) SELECT 'x', kind, subject, first_day, last_day, frozen_id, %s, %s, %s, %s, why,"
        " issued_by, issued_at FROM notice",
        [body, notice_form.identity(body), text, notice_form.identity(text)],
    )


def test_a_notice_of_a_unit_or_a_division_holds_their_instruments_alone(october: Province, platform: By) -> None:
    lies_in(october, USCC, "610113")
    for subject in (f"unit:{USCC}", "division:61", "division:610113"):
        form = notices.draft(october.connection, wanted(subject=subject), platform)
        assert [line.asset for line in form.lines] == ["A001", "A002"], subject
    with pytest.raises(MonitoringError, match="no unit of division:62"):
        notices.draft(october.connection, wanted(subject="division:62"), platform)
    with pytest.raises(MonitoringError, match="is nothing that a notice is about"):
        notices.draft(october.connection, wanted(subject="model:X"), platform)


def test_a_frozen_period_of_the_unit_alone_serves_its_own_notice_only(october: Province, platform: By) -> None:
    freeze_it(october, "own", unit=USCC)
    form = notices.draft(october.connection, wanted(subject=f"unit:{USCC}", frozen="own"), platform)
    assert [line.asset for line in form.lines] == ["A001", "A002"]
    with pytest.raises(MonitoringError, match="the notice is about 2026-10-01 to 2026-10-31 of everything"):
        notices.draft(october.connection, wanted(frozen="own"), platform)


def test_the_figures_are_those_of_exactly_the_period(october: Province, platform: By) -> None:
    freeze_it(october, "short", last=LAST - timedelta(days=1))
    with pytest.raises(MonitoringError, match=r"freeze that first \(jishi-collector freeze 2026-10 --from 2026-10-01"):
        notices.draft(october.connection, wanted(frozen="short"), platform)
    with pytest.raises(FreezingError, match="nothing is frozen under the name 'none'"):
        notices.draft(october.connection, wanted(frozen="none"), platform)


def test_a_year_without_a_calendar_gives_no_notice(october: Province, platform: By) -> None:
    with one_snapshot(october.connection):
        period = FrozenPeriod("2150-02", date(2150, 2, 1), date(2150, 2, 28))
        freeze(october.connection, period, by="li", now=NOW.replace(year=2151))
    with pytest.raises(CalendarUnknown):
        notices.draft(october.connection, wanted(period=parse_period("2150-02"), frozen="2150-02"), platform)


def test_low_use_needs_a_decision_and_names_who_is_below(october: Province, platform: By) -> None:
    with pytest.raises(MonitoringError, match="nobody decided how many hours are too few"):
        notices.draft(october.connection, wanted(kind="low-use"), platform)
    # 62 h in 31 days are 730 h a year.
    for value, low in ((730, ["A002", "B001"]), (731, ["A001", "A002", "B001"])):
        with october.connection.transaction():
            early = platform._replace(now=NOW - timedelta(days=60))
            decide(october.connection, "low-use-hours", value=value, from_day=date(2026, 10, 1), by=early)
        form = notices.draft(october.connection, wanted(kind="low-use"), platform)
        assert [line.asset for line in form.lines] == low
    text = write_text(form).decode()
    assert "有效工作机时折合每年不足 731 小时" in text
    assert "- A001 电镜（西安测试大学）：31 日内有效工作机时 62.0 小时，覆盖率 100.0%" in text
    only = notices.draft(october.connection, wanted(kind="low-use", named={OTHER: "never used"}), platform)
    assert [line.asset for line in only.lines] == ["B001"]


@pytest.mark.parametrize("kind", notice_form.NAMING)
def test_other_kinds_name_units_with_a_persons_reason(october: Province, platform: By, kind: str) -> None:
    with pytest.raises(MonitoringError, match=f"a notice of kind {kind} names the units and says why"):
        notices.draft(october.connection, wanted(kind=kind), platform)
    held = issued(october, platform, kind=kind, named={OTHER: "asked three times, no answer"})
    assert (held.units, [unit.uscc for unit in form_of(october, held).units]) == (1, [OTHER])
    text = notices.load_bytes(october.connection, held)[1].decode()
    assert "### 通报事由" in text
    assert "（12100000400000624D）：asked three times, no answer" in text
    assert USCC not in text


def test_what_cannot_be_is_refused(october: Province, platform: By) -> None:
    issued(october, platform)
    with pytest.raises(MonitoringError, match="there is a notice 陕科通〔2026〕3号 already"):
        issued(october, platform)
    with pytest.raises(MonitoringError, match="a regular notice is about every unit"):
        issued(october, platform, number="2", named={OTHER: "x"})
    with pytest.raises(UnknownName, match="91440300708461136T"):
        issued(october, platform, number="2", kind="false-report", named={"91440300708461136T": "x"})
    with pytest.raises(MonitoringError, match="number: 1 to 60 characters"):
        issued(october, platform, number="a\nb")
    with pytest.raises(NotAllowed):
        issued(october, person(october, "li", "officer", OWN), number="2")
    assert len(notices.list_notices(october.connection)) == 1


def test_a_named_unit_replies_and_the_reply_is_printed_with_the_notice(october: Province, platform: By) -> None:
    held = issued(october, platform, kind="false-report", named={USCC: "hours that no watcher saw"})
    officer = person(october, "li.ming", "officer", OWN, why="the <watcher> was being repaired")
    stranger = person(october, "zhao", "officer", Scope("unit", OTHER), why="we too")
    with october.connection.transaction():
        notices.reply(october.connection, held.notice_id, officer, uscc=USCC)
    for by, uscc, error in (
        (stranger, USCC, NotAllowed),
        (stranger, OTHER, MonitoringError),
        (platform, USCC, NotAllowed),
        (officer._replace(why=""), USCC, MonitoringError),
    ):
        with pytest.raises(error), october.connection.transaction():
            notices.reply(october.connection, held.notice_id, by, uscc=uscc)
    with pytest.raises(MonitoringError, match="no stored file"), october.connection.transaction():
        notices.reply(october.connection, held.notice_id, officer, uscc=USCC, document="0" * 64)
    [said] = notices.list_replies(october.connection, held)
    assert (said.uscc, said.text, said.made_by) == (USCC, officer.why, "li.ming")
    page = write_page(form_of(october, held), sha256=held.sha256, replies=[said])
    assert "the &lt;watcher&gt; was being repaired" in page
    assert held.sha256 in page
    assert "尚无单位提交说明" in write_page(form_of(october, held), sha256=held.sha256, replies=[])
    assert notices.find_notice(october.connection, held.notice_id).replies == 1


def test_a_unit_sees_the_notices_that_name_it(october: Province, platform: By) -> None:
    issued(october, platform, kind="no-disclosure", named={OTHER: "nothing is published"})
    assert notices.list_notices(october.connection, scope=OWN) == []
    assert len(notices.list_notices(october.connection, scope=Scope("unit", OTHER))) == 1
    with pytest.raises(UnknownName):
        notices.find_notice(october.connection, 1, scope=OWN)


def test_a_division_sees_the_notices_that_name_its_units(october: Province, platform: By) -> None:
    lies_in(october, USCC, "610113")
    held = issued(october, platform)
    for code, named in (("61", {USCC}), ("62", set())):
        scope = Scope("division", code)
        assert len(notices.list_notices(october.connection, scope=scope)) == len(named)
        assert notices.list_named(october.connection, held, scope) == named
    assert notices.list_named(october.connection, held, EVERYTHING) == {USCC, OTHER}


def test_the_annex_holds_the_same_figures_and_a_unit_gets_its_own(
    october: Province, platform: By, tmp_path: Path
) -> None:
    form = form_of(october, issued(october, platform))
    write_annex(form, tmp_path / "all.xlsx")
    write_annex(form, tmp_path / "own.xlsx", only={OTHER})
    book = openpyxl.load_workbook(tmp_path / "all.xlsx")
    sheet = book["仪器"]
    heading = [cell.value for cell in sheet[1]]
    first = dict(zip(heading, [cell.value for cell in sheet[2]], strict=True))
    assert (first["资产编号"], first["入网状态"], first["有效工作机时(h)"], first["有效工作(s)"]) == (
        "A001", "已入网", 62.0, 31 * 2 * HOUR,
    )  # fmt: skip
    assert book["管理单位"].max_row == 3
    own = openpyxl.load_workbook(tmp_path / "own.xlsx")
    assert [own[name].max_row for name in ("管理单位", "仪器")] == [2, 2]
    write_annex(form, tmp_path / "again.xlsx")
    assert (tmp_path / "again.xlsx").read_bytes() == (tmp_path / "all.xlsx").read_bytes()


def test_an_owner_who_left_keeps_his_hours_and_has_no_instrument(october: Province, platform: By) -> None:
    register_owner(october.connection, "A001", uscc=OTHER, from_day=LAST)
    october.connection.execute("UPDATE hour_record SET owner = %s WHERE asset_no = 'A001' AND day = %s", [OTHER, LAST])
    october.connection.execute("DELETE FROM dirty_day")  # as the deriver would have
    freeze_it(october, "moved")
    form = notices.draft(october.connection, wanted(frozen="moved"), platform)
    of_a = {line.uscc: (line.days, line.effective_s, line.state) for line in form.lines if line.asset == "A001"}
    assert of_a == {USCC: (30, 30 * 2 * HOUR, ""), OTHER: (1, 2 * HOUR, "joined")}
    assert sum_lines(form.lines, low_use_hours=None).instruments == 3


@pytest.mark.parametrize(("text", "first", "last", "name_zh"), [
    ("2026-02", date(2026, 2, 1), date(2026, 2, 28), "2026年2月"),
    ("2024-02", date(2024, 2, 1), date(2024, 2, 29), "2024年2月"),
    ("2026-12", date(2026, 12, 1), date(2026, 12, 31), "2026年12月"),
    ("2026-Q1", date(2026, 1, 1), date(2026, 3, 31), "2026年第1季度"),
    ("2026-Q4", date(2026, 10, 1), date(2026, 12, 31), "2026年第4季度"),
    ("2026", date(2026, 1, 1), date(2026, 12, 31), "2026年"),
])  # fmt: skip
def test_periods_are_months_quarters_and_years(text: str, first: date, last: date, name_zh: str) -> None:
    period = parse_period(text)
    assert (period.first_day, period.last_day, period.name_zh) == (first, last, name_zh)


@pytest.mark.parametrize("text", ["2026-13", "2026-Q5", "26-01", "2026-1", "2026-Q", "1999", "２０２６", "2026-01\n"])
def test_anything_else_is_no_period(text: str) -> None:
    with pytest.raises(MonitoringError, match="is no period"):
        parse_period(text)


@pytest.mark.parametrize(("part", "whole", "told"), [
    (0, 0, "—"), (0, 5, "0.0%"), (1, 3, "33.3%"), (2, 3, "66.7%"), (1, 2000, "0.1%"), (1, 2001, "0.0%"),
    (5, 5, "100.0%"),
])  # fmt: skip
def test_shares_are_rounded_halves_up(part: int, whole: int, told: str) -> None:
    assert share(part, whole) == told
