"""Intervals are half-open, and a local day is a fixed UTC+8."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.interval import (
    DAY_MS,
    clip,
    day_bounds_ms,
    days_touched,
    intersect,
    length,
    local_day,
    subtract,
    union,
)

intervals = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12)
sets = intervals.map(union)


def points(some):
    return {point for start, end in some for point in range(start, end)}


def utc_ms(*moment):
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1000)


def test_touching_sessions_neither_overlap_nor_leave_a_gap():
    assert union([(10, 11), (9, 10)]) == [(9, 11)]
    assert length(union([(10, 11), (9, 10)])) == 2
    assert intersect([(9, 10)], [(10, 11)]) == []


def test_the_domains_overlaps():
    """domain.md section 3: meter 8-12, process 9-13; internal 9-11 and external 10-12."""
    assert length(union([(8, 12)])) == 4
    assert length(union([(9, 11), (10, 12)])) == 3
    assert intersect([(9, 11)], [(10, 12)]) == [(10, 11)]


def test_an_empty_interval_is_nothing():
    assert union([(5, 5), (7, 6)]) == []
    assert clip([(1, 9)], 5, 5) == []
    assert clip([(1, 9)], 7, 3) == []


@given(intervals)
def test_a_union_is_sorted_disjoint_and_not_touching(some):
    merged = union(some)
    assert points(merged) == points(some)
    assert all(left[1] < right[0] for left, right in pairwise(merged))
    assert length(merged) == len(points(some))


@given(sets, sets)
def test_sets_are_sets_of_points(left, right):
    assert points(intersect(left, right)) == points(left) & points(right)
    assert points(subtract(left, right)) == points(left) - points(right)
    for result in (intersect(left, right), subtract(left, right)):
        assert result == union(result)


@given(sets, st.integers(-5, 70), st.integers(-5, 70))
def test_a_clip_keeps_what_is_inside(some, start, end):
    assert points(clip(some, start, end)) == points(some) & set(range(start, end))


@pytest.mark.parametrize(
    "moment, day",
    [
        ((2025, 12, 31, 15, 59, 59), date(2025, 12, 31)),
        ((2025, 12, 31, 16, 0, 0), date(2026, 1, 1)),
        ((2024, 2, 28, 16, 0, 0), date(2024, 2, 29)),
        ((1970, 1, 1, 0, 0, 0), date(1970, 1, 1)),
        ((1969, 12, 31, 15, 59, 59), date(1969, 12, 31)),
        ((1991, 7, 1, 15, 30, 0), date(1991, 7, 1)),  # China had summer time then; local days know none
    ],
)
def test_the_day_begins_at_midnight_in_shanghai(moment, day):
    assert local_day(utc_ms(*moment)) == day


def test_a_millisecond_before_midnight_is_the_day_before():
    start_ms, end_ms = day_bounds_ms(date(2026, 1, 1))
    assert (start_ms, end_ms) == (utc_ms(2025, 12, 31, 16), utc_ms(2026, 1, 1, 16))
    assert local_day(start_ms) == local_day(end_ms - 1) == date(2026, 1, 1)
    assert local_day(start_ms - 1) == date(2025, 12, 31)


def test_days_touched_are_those_with_a_part_of_the_interval():
    start_ms, end_ms = day_bounds_ms(date(2025, 12, 31))
    assert days_touched(start_ms, end_ms) == [date(2025, 12, 31)]
    assert days_touched(start_ms, end_ms + 1) == [date(2025, 12, 31), date(2026, 1, 1)]
    assert days_touched(start_ms - 1, end_ms) == [date(2025, 12, 30), date(2025, 12, 31)]
    assert days_touched(start_ms, start_ms) == days_touched(start_ms + 5, start_ms + 5) == []


def test_the_year_boundary_of_the_domain_clips_to_2_h_and_6_h():
    run = [(utc_ms(2025, 12, 31, 14), utc_ms(2025, 12, 31, 22))]  # 22:00 to 06:00 in Shanghai
    hours = [length(clip(run, *day_bounds_ms(day))) / 3_600_000 for day in days_touched(*run[0])]
    assert hours == [2, 6]


@given(st.integers(-(2**43), 2**47 - 1))
def test_every_instant_that_an_entry_can_name_has_its_day(instant_ms):
    start_ms, end_ms = day_bounds_ms(local_day(instant_ms))
    assert start_ms <= instant_ms < end_ms == start_ms + DAY_MS


@pytest.mark.parametrize("instant_ms", [2**53, -(2**53), 2**80])
def test_an_instant_outside_the_calendar_is_refused(instant_ms):
    with pytest.raises(ValueError, match="no calendar day"):
        local_day(instant_ms)
