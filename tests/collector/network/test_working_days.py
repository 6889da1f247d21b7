"""Terms in working days, with the days that holidays move."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import CalendarUnknown
from collector.network.working_days import due_on, due_within, is_working_day, overdue_since, working_days_until

DAYS = st.dates(date(2005, 1, 1), date(2025, 12, 31))
"""Years whose holidays were announced."""


def test_days_that_a_holiday_moves() -> None:
    assert not is_working_day(date(2026, 2, 16)), "New Year's Eve, a Monday"
    assert is_working_day(date(2026, 2, 14)), "a Saturday that is worked for it"
    assert is_working_day(date(2026, 2, 28)), "and another one"
    assert not is_working_day(date(2026, 3, 1)), "a Sunday like any other"


@pytest.mark.parametrize(("accepted", "due"), [
    (date(2026, 3, 2), date(2026, 4, 14)),  # Qingming, 4 to 6 April, is free
    (date(2025, 9, 1), date(2025, 10, 17)),  # 28 September is worked, 1 to 8 October are free, 11 October is worked
    (date(2026, 1, 31), date(2026, 3, 19)),  # 15 to 23 February are free, 14 and 28 are worked
])  # fmt: skip
def test_thirty_working_days_by_the_printed_calendar(accepted: date, due: date) -> None:
    assert due_on(accepted, 30) == due


@given(DAYS, st.integers(1, 60))
def test_a_term_ends_on_a_working_day_and_holds_so_many(begun: date, count: int) -> None:
    end = due_on(begun, count)
    inside = [begun + timedelta(days=n) for n in range(1, (end - begun).days + 1)]
    assert is_working_day(end)
    assert sum(map(is_working_day, inside)) == count


@given(DAYS, st.integers(1, 60))
def test_what_is_overdue_is_what_a_term_that_is_over_began_on(today: date, count: int) -> None:
    latest = overdue_since(today, count)
    assert due_on(latest, count) < today <= due_on(latest + timedelta(days=1), count)


def test_a_year_that_nobody_announced_is_told_and_not_guessed() -> None:
    with pytest.raises(CalendarUnknown, match="working days of 2150 are not known"):
        is_working_day(date(2150, 1, 4))
    with pytest.raises(CalendarUnknown):
        due_on(date(2149, 12, 1), 30)
    with pytest.raises(CalendarUnknown):
        overdue_since(date(2150, 2, 1), 5)


def test_days_that_are_left_are_counted_and_looked_for_from_either_side() -> None:
    for number in range(60):
        begun = date(2026, 2, 2) + timedelta(days=number)
        last = due_on(begun, 30)
        for day in (begun + timedelta(days=n) for n in range(0, 45, 4)):
            for left in (3, 10):
                is_within = working_days_until(day, last) <= left
                assert (begun <= due_within(day, 30, left=left)) == is_within, f"{begun} {day} {left}"
