"""The census: the registry as of a day with the year's hours up to it, and what is different from a year before."""

from datetime import date

import pytest

from collector.registry.access import Scope
from collector.registry.described import Instrument
from collector.registry.descriptions import describe
from collector.self_evaluation.census import Census, CensusLine, a_year_before, take_census
from collector.self_evaluation.census_tables import HEADINGS, census_table, differences_table, tables_of
from tests.collector.self_evaluation.lab import BEIJING, HOUR, MONDAY, TUESDAY, XIAN, Lab

LAST = date(2025, 12, 31)


def census(lab: Lab, as_of: date = LAST, *, scope: Scope | None = None, uscc: str | None = None) -> Census:
    with lab.connection.transaction():
        return take_census(lab.connection, as_of=as_of, scope=scope or Scope(), uscc=uscc)


def line(found: Census, asset_no: str) -> CensusLine:
    return next(each for each in found.lines if each.asset_no == asset_no)


def test_what_was_owned_stands_in_the_table_with_its_hours(lab: Lab) -> None:
    found = census(lab)
    assert [(each.uscc, each.asset_no, each.network) for each in found.lines] == [
        (XIAN, "A001", "joined"), (XIAN, "B001", "not-eligible"), (XIAN, "C001", "exempt"), (XIAN, "D001", "overdue"),
    ]  # fmt: skip
    held = line(found, "A001")
    assert (held.effective_s, held.verified_s, held.claimed_s, held.owned_days) == (5 * HOUR, 3 * HOUR, HOUR, 365)
    assert held.coverage == pytest.approx(5 / (365 * 24))
    assert (held.unit_name, held.value_fen, held.maker) == ("西安测试大学", 90_000_000, "=JEOL")
    assert line(found, "D001").effective_s == 0


@pytest.mark.parametrize(("as_of", "hours"), [
    (date(2025, 2, 28), 0), (date(2025, 3, 2), 0), (MONDAY, 3), (TUESDAY, 5), (date(2025, 3, 30), 5),
    (date(2025, 3, 31), 5), (date(2026, 1, 1), 0),
])  # fmt: skip
def test_hours_are_those_of_the_year_up_to_the_day(lab: Lab, as_of: date, hours: int) -> None:
    found = line(census(lab, as_of), "A001")
    assert (found.effective_s, found.owned_days) == (hours * HOUR, (as_of - date(as_of.year, 1, 1)).days + 1)
    assert found.counted_s <= found.effective_s


def test_added_left_and_changed_are_told_apart(lab: Lab) -> None:
    lab.connection.execute("INSERT INTO instrument (asset_no, name_zh) VALUES ('E001', '新仪器')")
    for asset_no, uscc, day in (
        ("E001", XIAN, "2025-06-01"),
        ("B001", None, "2025-07-01"),
        ("D001", BEIJING, "2025-08-01"),
    ):
        lab.connection.execute(
            "INSERT INTO ownership (asset_no, uscc, from_day) VALUES (%s, %s, %s)", [asset_no, uscc, day]
        )
    renamed = Instrument(asset_no="A001", name_zh="透射电镜", value_fen=95_000_000, shareable=True)
    with lab.connection.transaction():
        describe(lab.connection, [(renamed, date(2025, 5, 1))], recorded_by="li")
    found = [(each.what, each.asset_no, each.member, each.was, each.now) for each in census(lab).differences]
    assert ("added", "E001", "", None, "西安测试大学") in found
    assert ("left", "B001", "", "西安测试大学", None) in found
    assert ("changed", "A001", "value_fen", 90_000_000, 95_000_000) in found
    assert ("changed", "D001", "uscc", XIAN, BEIJING) in found
    assert {each[1] for each in found} == {"A001", "B001", "D001", "E001"}
    assert all(each[2] in HEADINGS for each in found if each[0] == "changed")
    own = [(each.what, each.asset_no) for each in census(lab, scope=Scope("unit", XIAN)).differences]
    assert ("left", "D001") in own
    assert ("added", "D001") in [(each.what, each.asset_no) for each in census(lab, uscc=BEIJING).differences]


def test_a_year_in_which_nothing_was_registered_differs_in_nothing(lab: Lab) -> None:
    assert census(lab).differences == []


def test_each_sees_what_it_owned(lab: Lab) -> None:
    assert census(lab, scope=Scope("unit", BEIJING)).lines == []
    assert [each.asset_no for each in census(lab, scope=Scope("instrument", "C001")).lines] == ["C001"]


@pytest.mark.parametrize(("day", "before"), [
    (date(2025, 12, 31), date(2024, 12, 31)), (date(2024, 2, 29), date(2023, 2, 28)),
    (date(2025, 2, 28), date(2024, 2, 28)),
])  # fmt: skip
def test_the_same_day_of_the_year_before(day: date, before: date) -> None:
    assert a_year_before(day) == before


def test_tables_have_chinese_headings_and_values_as_people_read_them(lab: Lab) -> None:
    found = census(lab)
    table = census_table(found)
    first = dict(zip(table.headings, next(iter(table.rows)), strict=True))
    assert (first["资产编号"], first["入网状态"], first["原值(元)"], first["是否开放共享"]) == (
        "A001",
        "已入网",
        900_000.0,
        "是",
    )
    assert (first["有效工作机时(h)"], first["有效工作(s)"], first["手工补录(h)"]) == (5.0, 5 * HOUR, 0.0)
    assert first["验收日期"] == date(2019, 12, 2)
    assert first["上年有效工作机时(h)"] == 0.0
    assert list(differences_table(found).rows) == []
    assert [each.name for each in tables_of(found)] == ["普查表", "与上年差异", "说明"]
