"""External hours by where those are whom they served: what is not known is said, and the sums are the records'."""

from datetime import date, timedelta
from random import Random

import pytest

from collector.registry import instruments
from collector.registry.access import EVERYTHING, Scope
from collector.rollups.beneficiaries import SERVED_BYS, ServedBy, load_served
from collector.rollups.beneficiaries import Served as Line
from collector.rollups.period import Period
from collector.rollups.rollup import rebuild_rollups
from tests.collector.rollups.places import HOUR, OTHERS, OURS, Places, Served

MARCH = date(2026, 3, 1)
STANDINGS = ("claimed", "verified")
NEAR, ELSEWHERE, UNKNOWN = "91440300708461136T", "12610000435230096C", "91310000132207927C"


@pytest.fixture
def serving(placed: Places) -> Places:
    """A firm in the same city, an institute of another province, and one that nobody registered."""
    placed.unit(NEAR, division="610102", kind="enterprise")
    placed.unit(ELSEWHERE, division="320500", kind="institute")
    return placed


def served(places: Places, by: ServedBy, month: int | None = None, scope: Scope = EVERYTHING) -> dict[str, Line]:
    return {each.key: each for each in load_served(places.province.connection, by, Period(2026, month), scope=scope)}


def test_hours_are_told_by_where_the_beneficiary_is_seen_from_the_unit(serving: Places) -> None:
    told = [Served(NEAR, 100), Served(ELSEWHERE, 20), Served(OTHERS, 3, "claimed"), Served(UNKNOWN, 7)]
    serving.work("A001", MARCH, HOUR, served=told)
    lines = served(serving, "place")
    assert {key: (line.claimed_s, line.verified_s) for key, line in lines.items()} == {
        "": (0, 7),
        "other-province": (0, 20),
        "same-city": (0, 100),
        "same-province": (3, 0),
    }
    assert {key: line.external_s for key, line in served(serving, "province").items()} == {"": 7, "32": 20, "61": 103}
    assert {key: line.external_s for key, line in served(serving, "city").items()} == {
        "": 7, "3205": 20, "6101": 100, "6103": 3,
    }  # fmt: skip
    assert {key: line.external_s for key, line in served(serving, "kind").items()} == {
        "": 7, "enterprise": 100, "institute": 23,
    }  # fmt: skip


def test_a_line_says_how_many_units_served_how_many(serving: Places) -> None:
    serving.work("A001", MARCH, HOUR, served=[Served(NEAR, 100)])
    serving.work("A002", MARCH, HOUR, served=[Served(NEAR, 100)])
    serving.work("B001", MARCH, HOUR, served=[Served(NEAR, 50), Served(ELSEWHERE, 1)])
    line = served(serving, "kind")["enterprise"]
    assert (line.units, line.beneficiaries, line.verified_s) == (2, 1, 250)


def test_external_time_that_a_record_gives_to_nobody_is_of_nobody_known(serving: Places) -> None:
    connection = serving.province.connection
    serving.work("A001", MARCH, HOUR, served=[Served(NEAR, 100)])
    connection.execute("UPDATE hour_record SET body = 'no record at all'")
    assert {key: line.verified_s for key, line in served(serving, "place").items()} == {"": 100}
    assert rebuild_rollups(connection) == 0


def test_a_beneficiary_is_where_it_was_at_the_end_of_the_year(serving: Places) -> None:
    serving.unit(NEAR, division="610302", kind="enterprise", from_day=date(2026, 12, 31))
    serving.unit(NEAR, division="610402", kind="enterprise", from_day=date(2027, 1, 1))
    serving.work("A001", MARCH, HOUR, served=[Served(NEAR, 1)])
    serving.work("A001", date(2026, 4, 1), HOUR, served=[Served(NEAR, 2)])
    assert {key: line.verified_s for key, line in served(serving, "city").items()} == {"6103": 3}
    assert {key: line.verified_s for key, line in served(serving, "city", 3).items()} == {"6103": 1}


def test_a_scope_shows_the_hours_of_its_unit_alone(serving: Places) -> None:
    serving.work("A001", MARCH, HOUR, served=[Served(NEAR, 1)])
    serving.work("B001", MARCH, HOUR, served=[Served(NEAR, 2)])
    assert served(serving, "kind", scope=Scope("unit", OTHERS))["enterprise"].verified_s == 2
    assert served(serving, "kind", scope=Scope("instrument", "B001")) == {}
    assert served(serving, "kind", scope=Scope("division", "6101"))["enterprise"].verified_s == 1
    assert served(serving, "kind", scope=Scope("division", "62")) == {}


@pytest.mark.parametrize("seed", range(4))
def test_the_lines_sum_to_the_external_hours_whatever_was_written(serving: Places, seed: int) -> None:
    chance = Random(seed)
    for _ in range(60):
        asset_no, day = chance.choice(("A001", "B001", "N001")), MARCH + timedelta(days=chance.randint(0, 60))
        if chance.random() < 0.15:
            serving.forget(asset_no, day)
            continue
        if chance.random() < 0.1:
            instruments.register_owner(serving.province.connection, "A001", uscc=chance.choice((OURS, OTHERS)),
                                       from_day=day)  # fmt: skip
        told = [
            Served(
                chance.choice((NEAR, ELSEWHERE, UNKNOWN)),
                chance.randint(1, 900),
                chance.choice(("claimed", "verified")),
            )
            for _ in range(chance.randint(0, 3))
        ]
        serving.work(asset_no, day, HOUR, served=told)
    whole = serving.lines("all", 2026)[""]
    for by in SERVED_BYS:
        lines = served(serving, by).values()
        assert sum(line.verified_s for line in lines) == whole.verified_s
        assert sum(line.claimed_s for line in lines) == whole.claimed_s
        months = [served(serving, by, month) for month in range(1, 13)]
        for key, line in served(serving, by).items():
            assert line.external_s == sum(month[key].external_s for month in months if key in month), (by, key)
    assert rebuild_rollups(serving.province.connection) == 0
