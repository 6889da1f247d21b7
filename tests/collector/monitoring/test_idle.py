"""How long ago instruments were powered on: what is observed and what is not are told apart, and owners begin anew."""

from datetime import date
from typing import Any

import pytest

from collector.monitoring.idle import Asked, Counter, find_counter, list_counters
from collector.monitoring.settings import load_settings
from collector.registry import units
from collector.registry.access import EVERYTHING, Scope
from collector.registry.instruments import register_owner
from tests.collector.monitoring.monitored import OWN, TODAY, YESTERDAY, days_before, put_day, put_days
from tests.collector.province import USCC, Province

OTHER = "12100000400000624D"


@pytest.fixture
def measured(province: Province) -> Province:
    """A001, which an agent measures since 1 September."""
    province.add_instrument("A001")
    province.add_agent("em-01", "A001", from_day=date(2026, 9, 1))
    return province


def counter(province: Province, asset_no: str = "A001", day: date = YESTERDAY) -> Counter:
    found = find_counter(province.connection, asset_no, day=day, settings=load_settings(province.connection, day))
    assert found is not None
    return found


def counts(found: Counter) -> tuple[str, date | None, int, int]:
    return found.state, found.last_on, found.observed_days, found.unobserved_days


def test_days_are_counted_from_the_last_power_on_evidence(measured: Province) -> None:
    put_day(measured, "A001", days_before(12), on_s=1)
    put_days(measured, "A001", days_before(11), YESTERDAY)
    assert counts(counter(measured)) == ("used", days_before(12), 11, 0)
    assert counter(measured).days == 11


def test_an_unobserved_day_is_neither_idle_nor_use(measured: Province) -> None:
    put_day(measured, "A001", days_before(41), on_s=60)
    put_days(measured, "A001", days_before(40), days_before(21))
    put_days(measured, "A001", days_before(5), YESTERDAY, seen_s=69_119)  # 80 % are 69 120 s
    assert counts(counter(measured)) == ("used", days_before(41), 20, 20), "twenty seen, and twenty not or hardly"


@pytest.mark.parametrize(("seen", "state"), [(30, "idle"), (29, "used")])
def test_it_is_idle_from_the_thirtieth_observed_day_on(measured: Province, seen: int, state: str) -> None:
    put_day(measured, "A001", days_before(seen + 1), on_s=60)
    put_days(measured, "A001", days_before(seen), YESTERDAY)
    assert counter(measured).state == state


def test_a_long_silence_has_a_name_of_its_own(measured: Province) -> None:
    put_day(measured, "A001", days_before(31), on_s=60)
    assert counts(counter(measured)) == ("silent", days_before(31), 0, 30)


def test_inferred_runs_are_evidence_and_hours_by_hand_are_none(measured: Province) -> None:
    put_day(measured, "A001", days_before(3), seen_s=86_400, off_s=86_300, run_s=100, inferred_s=100)
    put_day(measured, "A001", days_before(2), hand_s=3600)
    assert counter(measured).last_on == days_before(3)


def test_what_was_never_powered_on_counts_since_somebody_looks(measured: Province) -> None:
    put_days(measured, "A001", date(2026, 9, 1), YESTERDAY)
    found = counter(measured)
    assert (found.begins, found.last_on, found.observed_days) == (date(2026, 9, 1), None, 87)


def test_what_nothing_measures_has_no_counter(measured: Province) -> None:
    measured.add_instrument("B001")
    found = counter(measured, "B001")
    assert (found.state, found.begins, found.days) == ("unmeasured", None, 0)


def test_a_new_owner_does_not_take_over_idleness_and_the_same_one_recorded_again_keeps_it(measured: Province) -> None:
    units.register_unit(measured.connection, OTHER, name_zh="清华大学")
    put_days(measured, "A001", date(2026, 9, 1), YESTERDAY)
    register_owner(measured.connection, "A001", uscc=USCC, from_day=date(2026, 10, 1))
    assert counter(measured).begins == date(2026, 9, 1)
    register_owner(measured.connection, "A001", uscc=OTHER, from_day=days_before(5))
    assert counts(counter(measured)) == ("used", None, 5, 0)
    assert counter(measured).uscc == OTHER
    register_owner(measured.connection, "A001", uscc=None, from_day=days_before(2))
    settings = load_settings(measured.connection, YESTERDAY)
    assert find_counter(measured.connection, "A001", day=YESTERDAY, settings=settings) is None, "nobody owns it"


def test_the_past_is_told_as_it_was_and_evidence_of_later_days_does_not_count(measured: Province) -> None:
    put_day(measured, "A001", days_before(60), on_s=60)
    put_days(measured, "A001", days_before(59), days_before(11))
    put_day(measured, "A001", days_before(10), on_s=60)
    assert counts(counter(measured, day=days_before(11)))[:3] == ("idle", days_before(60), 49)
    assert counter(measured).last_on == days_before(10)


def test_lists_go_by_state_unit_scope_and_page(measured: Province) -> None:
    for asset_no in ("B001", "C001"):
        measured.add_instrument(asset_no)
    settings = load_settings(measured.connection, TODAY)

    def listed(**more: Any) -> list[str]:
        asked = Asked(YESTERDAY, **{"scope": EVERYTHING, **more})
        return [each.asset_no for each in list_counters(measured.connection, asked, settings)]

    assert listed() == ["A001", "B001", "C001"]
    assert listed(state="unmeasured") == ["B001", "C001"]
    assert listed(state="silent") == ["A001"]
    assert listed(after="A001", limit=1) == ["B001"]
    assert listed(scope=OWN) == ["A001", "B001", "C001"]
    assert listed(scope=Scope("unit", OTHER)) == listed(uscc=OTHER) == []
    assert listed(scope=Scope("instrument", "C001")) == ["C001"]
