"""Rules that look at hours and at what people said: each finds its lie, and leaves its honest neighbour alone."""

from datetime import date
from random import Random

import pytest

from protocol.flags.bulk_entry import Entered, find_bulk_entry
from protocol.flags.energy import Spent, find_low_energy
from protocol.flags.external import ServedOrder, find_external_unproved
from protocol.flags.regular import find_regular_hours
from protocol.flags.silence import find_silence
from protocol.flags.two_places import Attended, find_two_places
from protocol.interval import DAY_MS, DAY_S, day_bounds_ms

HOUR, HOUR_MS = 3600, 3_600_000
MARCH = day_bounds_ms(date(2026, 3, 1))[0], day_bounds_ms(date(2026, 4, 1))[0]


def figures(found: object) -> dict[str, int]:
    return {each.name: each.value for each in found.figures}  # type: ignore[attr-defined]


def spent(watts: int, hours: int = 100) -> Spent:
    return Spent(watts * hours * 1000, hours * HOUR)


def test_hours_of_a_third_of_the_energy_are_flagged_and_those_of_a_frugal_one_are_not() -> None:
    peers = [spent(1000 + 40 * n) for n in range(6)]
    found = find_low_energy(spent(300), peers)
    assert figures(found) == {"an_hour": 300_000, "usual": 1_080_000, "compared": 6, "run": 100 * HOUR}
    assert find_low_energy(spent(560), peers) is None
    assert find_low_energy(spent(5000), peers) is None
    assert find_low_energy(spent(300), peers[:4]) is None
    assert find_low_energy(spent(300, hours=19), peers) is None
    assert find_low_energy(spent(300), [spent(100 * 3**n) for n in range(6)]) is None  # such a model has no usual


def test_round_hours_day_after_day_are_flagged_and_worked_ones_are_not() -> None:
    chance = Random(1)
    worked = [chance.randint(HOUR, 12 * HOUR) for _ in range(22)]
    assert find_regular_hours(worked) is None
    found = find_regular_hours([n % 5 * HOUR + 2 * HOUR + n - 10 for n in range(20)])
    assert figures(found)["round"] == 20
    some = [4 * HOUR] * 2 + [5 * HOUR] * 2 + [6 * HOUR] * 2 + [HOUR + 613 * n for n in range(1, 17)]
    assert find_regular_hours(some) is None  # six round days of 22 come by chance
    slots = [round(4 * HOUR + chance.gauss(0, 420)) for _ in range(22)]
    assert find_regular_hours(slots) is None


def test_the_same_hours_on_most_days_are_flagged_and_a_furnace_that_never_stops_is_not() -> None:
    found = find_regular_hours([7 * HOUR + 777] * 12 + [HOUR + 60 * n * n for n in range(1, 11)])
    assert figures(found) == {"round": figures(found)["round"], "same": 12, "counted": 22}
    assert find_regular_hours([DAY_S] * 30) is None
    assert find_regular_hours([7 * HOUR + 777] * 9) is None


def entered(days_late: int, hours: int = 5, *, day: int = 10) -> Entered:
    recorded_ms = MARCH[0] + day * DAY_MS
    return Entered(recorded_ms, recorded_ms - days_late * DAY_MS, hours * HOUR)


def test_months_that_were_written_down_on_one_day_are_flagged() -> None:
    late = [entered(40 + n) for n in range(12)]
    found = find_bulk_entry([*late, entered(1)], is_first=False, deadline=date(2026, 3, 20))
    assert found is not None
    assert found.about == ("2026-03-11",)
    assert figures(found) == {"uses": 12, "entered": 60 * HOUR, "age": 45, "month": 65 * HOUR, "before_deadline": 9}


@pytest.mark.parametrize(
    "uses",
    [
        [entered(30) for _ in range(40)],  # an office that works by the month
        [entered(45) for _ in range(9)],  # too few
        [entered(45, 1) for _ in range(12)],  # too little
        [entered(45) for _ in range(12)] + [entered(1, day=n % 25) for n in range(20)],  # most came in time
        [entered(45, day=n) for n in range(25)],  # late, and not on one day
        [],
    ],
)
def test_late_entries_of_an_office_are_no_bulk(uses: list[Entered]) -> None:
    assert find_bulk_entry(uses, is_first=False) is None


def test_what_a_newcomer_brings_along_is_no_bulk() -> None:
    assert find_bulk_entry([entered(45) for _ in range(40)], is_first=True) is None


def test_external_hours_that_nothing_proves_are_flagged_with_the_largest_orders() -> None:
    orders = [ServedOrder("SO-1", 8 * HOUR, 0, 0), ServedOrder("SO-2", 9 * HOUR, 0, 0), ServedOrder("SO-3", HOUR, 1, 0)]
    found = find_external_unproved(orders)
    assert figures(found) == {"unproved": 17 * HOUR, "external": 18 * HOUR, "orders": 2}
    assert found is not None
    assert found.about == ("SO-2", "SO-1")
    assert find_external_unproved([ServedOrder("SO-1", 9 * HOUR, 0, 0)]) is None
    assert find_external_unproved([*orders, ServedOrder("SO-4", 18 * HOUR, 0, 100)]) is None
    assert find_external_unproved([]) is None


def stay(asset: str, place: str, start_h: float, end_h: float, operator: str = "li") -> Attended:
    return Attended(operator, asset, place, round(start_h * HOUR_MS), round(end_h * HOUR_MS))


def test_one_operator_in_two_houses_is_flagged_and_in_two_rooms_of_one_house_is_not() -> None:
    here = stay("A001", "house 1", 9, 12)
    found = find_two_places("A001", [here, stay("B001", "house 2", 11, 13), stay("A002", "house 1", 9, 12)])
    assert figures(found) == {"at_once": HOUR, "operators": 1}
    assert found is not None
    assert found.about == ("B001",)
    assert find_two_places("A001", [here, stay("A002", "house 1", 9, 12)]) is None
    assert find_two_places("A001", [here, stay("B001", "house 2", 11.6, 13)]) is None  # signed out late
    assert find_two_places("A001", [here, stay("B001", "house 2", 9, 12, "wang")]) is None


def at(day: int, hour: float) -> int:
    return MARCH[0] + day * DAY_MS + round(hour * HOUR_MS)


def test_silence_that_begins_in_uses_is_flagged_and_that_of_nights_and_outages_is_not() -> None:
    used = [(at(day, 9), at(day, 12)) for day in range(28)]
    found = find_silence([(at(day, 9.2), at(day, 11)) for day in range(0, 20, 2)], used, within=MARCH)
    assert figures(found) == {
        "silences": 10, "in_use": 10, "silent_in_use": 10 * 6480, "used": 28 * 3 * HOUR,
    }  # fmt: skip
    nights = [(at(day, 11.6), at(day, 20)) for day in range(28)]  # who leaves early switches off early
    assert find_silence(nights, used, within=MARCH) is None
    outages = [(at(day, 7 * day % 24), at(day, 7 * day % 24 + 0.5)) for day in range(28)]
    assert find_silence(outages, used, within=MARCH) is None
    always = [(at(day, 1), at(day, 23)) for day in range(28)]  # who uses it day and night is silent in use
    assert find_silence(outages, always, within=MARCH) is None
    assert find_silence([(at(day, 9.2), at(day, 11)) for day in range(4)], used, within=MARCH) is None
    assert find_silence([(at(day, 9.2), at(day, 9.3)) for day in range(28)], used, within=MARCH) is None
