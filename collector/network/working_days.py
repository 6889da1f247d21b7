"""Working days in China, with the days that holidays move: Saturdays that are worked and Mondays that are not. Pure.

What is a working day is decided by the State Council for one year at a time, some weeks before it begins. The package
`chinesecalendar` carries those notices; a year that it does not know yet is said to be unknown, never guessed.
"""

from datetime import date, timedelta
from functools import lru_cache

import chinese_calendar

from collector.errors import CalendarUnknown

_ONE_DAY = timedelta(days=1)


@lru_cache(maxsize=4096)
def is_working_day(day: date) -> bool:
    """CalendarUnknown for a year whose holidays are not known."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError as error:
        raise CalendarUnknown(day.year) from error


@lru_cache(maxsize=4096)
def due_on(begun: date, working_days: int) -> date:
    """The last day of a term of so many working days, the first of which is the one after `begun`. CalendarUnknown."""
    day = begun
    for _ in range(working_days):
        day += _ONE_DAY
        while not is_working_day(day):
            day += _ONE_DAY
    return day


def working_days_until(day: date, last: date) -> int:
    """How many working days follow `day` up to `last`, which is one of them where it is worked. CalendarUnknown."""
    return sum(is_working_day(day + n * _ONE_DAY) for n in range(1, (last - day).days + 1))


@lru_cache(maxsize=64)
def due_within(today: date, working_days: int, *, left: int) -> date:
    """The latest day of which the term that begins on it has at most `left` working days after `today`.

    CalendarUnknown. Only days that were are looked at: a warning needs no calendar of the year to come.
    """
    return overdue_since(today + _ONE_DAY, working_days - left)


@lru_cache(maxsize=64)
def overdue_since(today: date, working_days: int) -> date:
    """The latest day of which the term that begins on it is over before `today`. CalendarUnknown."""
    day, passed = today, 0
    while passed < working_days:
        day -= _ONE_DAY
        passed += is_working_day(day)
    return day - _ONE_DAY
