"""Roll-ups are the sums of the records under what the registry says of each day, whatever came in whatever order."""

from datetime import date, timedelta
from random import Random

import pytest

from collector.registry.access import Scope
from collector.rollups.period import Period
from collector.rollups.rollup import BYS, rebuild_rollups
from tests.collector.rollups.places import (
    EARLY,
    HOUR,
    OTHERS,
    OURS,
    SUMMED,
    TODAY,
    Places,
    Served,
    days_of,
    merged,
    sums,
    total,
)

MARCH = date(2026, 3, 1)
ADDING = (*SUMMED, "owned_days", "held", "value_fen", "could_share", "could_share_fen", "opened", "opened_fen")


def test_a_line_has_the_hours_of_its_instruments_and_of_what_they_are_worth(placed: Places) -> None:
    placed.work("A001", MARCH, 6 * HOUR, served=[Served(OTHERS, HOUR)])
    placed.work("A002", MARCH, 2 * HOUR)
    placed.work("B001", MARCH, 5 * HOUR)
    line = placed.lines("unit", 2026)[OURS]
    assert (line.name_zh, line.instruments, line.days) == ("示例大学", 2, 2)
    assert (line.effective_s, line.verified_s, line.counted_s) == (8 * HOUR, HOUR, 4 * HOUR + 2 * HOUR * 2 // 3)
    assert line.owned_days == 2 * (TODAY - date(2026, 1, 1)).days
    assert (line.held, line.could_share, line.opened) == (2, 2, 1)
    assert (line.value_fen, line.opened_fen) == (80_000_000, 50_000_000)
    assert line.open_rate_value == line.opened_fen / line.could_share_fen == 0.625
    assert line.open_rate_count == 0.5
    assert line.sharing_rate_verified == 0.125


@pytest.mark.parametrize("by", BYS)
def test_hours_that_belong_to_nothing_registered_have_a_line_of_their_own(placed: Places, by: str) -> None:
    placed.work("N001", MARCH, HOUR)
    placed.work("A001", MARCH, HOUR)
    lines = placed.lines(by, 2026)  # type: ignore[arg-type]
    assert sum(line.effective_s for line in lines.values()) == 2 * HOUR
    if by != "all":
        assert lines[""].effective_s == (2 if by == "centre" else 1) * HOUR


def test_an_instrument_that_enters_a_centre_within_a_month_brings_its_hours_from_that_day_on(placed: Places) -> None:
    for number in range(10):
        placed.work("A001", MARCH + timedelta(days=number), HOUR + number)
    placed.member("A001", "C-01", MARCH + timedelta(days=4))
    placed.member("A001", "C-02", MARCH + timedelta(days=8))
    for month in (None, 3):
        lines = placed.lines("centre", 2026, month)
        assert [(key, line.effective_s) for key, line in lines.items()] == [
            ("", 4 * HOUR + 6),
            ("C-01", 4 * HOUR + 22),
            ("C-02", 2 * HOUR + 17),
        ]
        assert lines["C-01"].name_zh == "平台C-01"


def test_an_owner_that_changes_within_a_month_leaves_each_unit_its_own_days(placed: Places) -> None:
    placed.owner("A001", OTHERS, date(2026, 3, 16))
    for day in days_of(2026)[59:90]:
        placed.work("A001", day, HOUR)
    lines = placed.lines("city", 2026, 3)
    assert (lines["6101"].effective_s, lines["6103"].effective_s) == (15 * HOUR, 16 * HOUR)
    assert (lines["6101"].owned_days, lines["6103"].owned_days) == (31 + 15, 31 + 16)
    assert (lines["6101"].held, lines["6103"].held) == (1, 2), "on the reference day"
    assert (lines["6101"].instruments, lines["6103"].instruments) == (2, 2), "on any day"


def test_a_unit_that_moves_is_counted_where_it_was(placed: Places) -> None:
    placed.unit(OURS, division="610402", kind="university", from_day=date(2026, 7, 10), name="示例大学")
    placed.work("A001", date(2026, 7, 9), HOUR)
    placed.work("A001", date(2026, 7, 10), 2 * HOUR)
    lines = placed.lines("county", 2026)
    assert (lines["610113"].effective_s, lines["610402"].effective_s) == (HOUR, 2 * HOUR)
    assert (lines["610113"].held, lines["610402"].held) == (0, 2)


def test_what_is_registered_afterwards_moves_the_hours_that_are_there(placed: Places) -> None:
    placed.work("A002", MARCH, HOUR)
    placed.work("A002", MARCH + timedelta(days=40), 2 * HOUR)
    placed.instrument("A002", owner=None, from_day=MARCH + timedelta(days=1), class_code="0999", origin="imported")
    assert {key: line.effective_s for key, line in placed.lines("class", 2026).items() if line.days} == {
        "0203": HOUR,
        "0999": 2 * HOUR,
    }
    assert rebuild_rollups(placed.province.connection) == 0


def test_an_open_day_and_a_record_that_goes_away_count_as_far_as_they_go(placed: Places) -> None:
    placed.work("A001", TODAY, HOUR, until_s=10 * HOUR)
    placed.work("A002", MARCH, HOUR)
    placed.forget("A002", MARCH)
    line = placed.lines("unit", 2026)[OURS]
    assert (line.days, line.days_over, line.effective_s) == (1, 0, HOUR)
    assert line.in_network_s == line.owned_days * 86_400 + 10 * HOUR
    assert line.observed_s == 10 * HOUR


def test_instruments_are_open_exempt_or_neither_on_the_reference_day(placed: Places) -> None:
    placed.instrument("X1", value_fen=20_000_000, shareable=False, exempt_document="文", exempt_reason="保密")
    placed.instrument("X2", value_fen=19_999_999, shareable=True)
    placed.instrument("X3", shareable=True)
    placed.instrument("X4", value_fen=20_000_000, shareable=True, from_day=date(2026, 5, 1))
    line = placed.lines("unit", 2026)[OURS]
    assert (line.held, line.exempt, line.below_value, line.value_unknown, line.could_share) == (6, 1, 1, 1, 3)
    assert (line.opened, line.opened_fen, line.could_share_fen) == (2, 70_000_000, 100_000_000)
    april = placed.lines("unit", 2026, 4)[OURS]
    assert (april.held, april.opened) == (5, 1)


def test_new_general_instruments_ought_to_be_in_a_centre_and_open(placed: Places) -> None:
    new = {"value_fen": 20_000_000, "accepted_on": date(2026, 2, 3)}
    placed.instrument("G1", class_code="0105", shareable=True, **new)
    placed.instrument("G2", class_code="0105", **new)
    placed.instrument("G3", class_code="0105", shareable=True, **new)
    placed.instrument("S1", class_code="0711", shareable=True, **new)
    placed.instrument("OLD", class_code="0105", shareable=True, value_fen=20_000_000, accepted_on=date(2025, 12, 31))
    for asset_no in ("G1", "G2", "OLD"):
        placed.member(asset_no, "C-01", EARLY)
    line = placed.lines("unit", 2026, special=("07",))[OURS]
    assert (line.new_general, line.new_in_centre, line.new_opened) == (3, 2, 1)
    assert (line.opened_rate_count, line.new_centralised_rate) == (line.new_opened / 2, pytest.approx(2 / 3))
    assert placed.lines("unit", 2026)[OURS].new_general == 4, "nothing is special unless somebody says so"
    assert placed.lines("unit", 2026, 3)[OURS].new_general == 0, "accepted in another month"


def test_a_year_that_has_not_begun_has_no_lines_and_no_day_of_reference(placed: Places) -> None:
    assert placed.lines("unit", 2027) == {}
    assert placed.lines("unit", 2026, 12) == {}


def test_a_scope_shows_no_more_than_it_holds(placed: Places) -> None:
    for asset_no in ("A001", "A002", "B001"):
        placed.work(asset_no, MARCH, HOUR)
    of_unit = placed.lines("class", 2026, scope=Scope("unit", OURS))
    assert {key: (line.days, line.held) for key, line in of_unit.items()} == {"0105": (1, 1), "0203": (1, 1)}
    of_instrument = placed.lines("all", 2026, scope=Scope("instrument", "B001"))
    assert (of_instrument[""].days, of_instrument[""].held) == (1, 1)


def test_a_division_sees_the_days_on_which_owners_lay_in_it(placed: Places) -> None:
    placed.unit(OURS, division="610402", kind="university", from_day=date(2026, 3, 2), name="示例大学")
    for day in (MARCH, MARCH + timedelta(days=1)):
        for asset_no in ("A001", "B001", "N001"):
            placed.work(asset_no, day, HOUR)
    for code, days, held in (("61", 4, 3), ("6101", 1, 0), ("610402", 1, 2), ("6103", 2, 1), ("6199", 0, 0)):
        lines = placed.lines("all", 2026, scope=Scope("division", code))
        assert (sum(line.days for line in lines.values()), sum(line.held for line in lines.values())) == (days, held)


def test_lists_go_on_after_a_key_and_begin_before_the_empty_one(placed: Places) -> None:
    placed.work("N001", MARCH, HOUR)
    everything = list(placed.lines("class", 2026))
    assert everything == ["", "0105", "0203"]
    assert list(placed.lines("class", 2026, limit=1)) == [""]
    assert list(placed.lines("class", 2026, after="", limit=1)) == ["0105"]
    assert list(placed.lines("class", 2026, after="0105")) == ["0203"]


@pytest.mark.parametrize("seed", range(6))
def test_sums_agree_over_levels_months_and_everything_else(placed: Places, seed: int) -> None:
    """To the second and the fen, after records, owners, centres, classes and divisions changed in any order."""
    chance = Random(seed)
    for _ in range(120):
        _change(placed, chance)
    for period in (Period(2025), Period(2026), Period(2026, 3), Period(2026, 4)):
        whole = placed.lines("all", *period)
        for by in BYS:
            lines = placed.lines(by, *period)
            assert sums(lines) == placed.expected(by, period), f"{by} in {period}"
            assert total(lines, ADDING) == total(whole, ADDING), f"{by} in {period}"
        counties, cities = placed.lines("county", *period), placed.lines("city", *period)
        provinces = placed.lines("province", *period)
        assert merged(counties, lambda key: key[:4], ADDING) == merged(cities, str, ADDING)
        assert merged(cities, lambda key: key[:2], ADDING) == merged(provinces, str, ADDING)
    for by in BYS:
        months = [placed.lines(by, *month) for month in Period(2026).months]
        year = placed.lines(by, 2026)
        for key, line in year.items():
            for name in (*SUMMED, "owned_days"):
                assert getattr(line, name) == sum(getattr(m[key], name) for m in months if key in m), (by, key, name)
    assert rebuild_rollups(placed.province.connection) == 0


def _change(placed: Places, chance: Random) -> None:
    asset_no = chance.choice(("A001", "A002", "B001", "N001"))
    day = date(2025, 11, 1) + timedelta(days=chance.randint(0, 200))
    what = chance.random()
    if what < 0.7:
        effective_s = chance.randint(0, 80_000)
        served = [Served(OTHERS, effective_s // 3, chance.choice(("claimed", "verified")))] if effective_s > 3 else []
        placed.work(asset_no, day, effective_s, served=served, until_s=chance.choice((86_400, 80_000)))
    elif what < 0.75:
        placed.forget(asset_no, day)
    elif what < 0.81:
        placed.owner(asset_no, chance.choice((OURS, OTHERS, None)), day)
    elif what < 0.87:
        placed.member(asset_no, chance.choice(("C-01", "C-02", None)), day)
    elif what < 0.93:
        placed.instrument(asset_no, owner=None, from_day=day, class_code=chance.choice(("", "0105", "0777")),
                          origin=chance.choice(("", "domestic")), value_fen=chance.choice((None, 20_000_001)),
                          shareable=chance.choice((None, True)))  # fmt: skip
    else:
        placed.unit(chance.choice((OURS, OTHERS)), division=chance.choice(("", "610113", "610402", "620102")),
                    kind=chance.choice(("", "university")), from_day=day)  # fmt: skip


def test_a_rebuild_says_how_many_lines_were_wrong_and_puts_them_right(placed: Places) -> None:
    placed.work("A001", MARCH, HOUR, served=[Served(OTHERS, 60)])
    connection = placed.province.connection
    held = placed.lines("class", 2026)
    for statement in (
        "UPDATE placed_month SET effective_s = effective_s + 1, unresolved_s = unresolved_s + 1",
        "DELETE FROM placed_year",
        "UPDATE placement SET class_code = 'wrong' WHERE asset_no = 'B001' AND owner <> ''",
        "UPDATE served_month SET verified_s = 1",
    ):
        connection.execute(statement.encode())
        assert rebuild_rollups(connection) in (1, 2), statement
        assert placed.lines("class", 2026) == held
        assert rebuild_rollups(connection) == 0
