"""Times, stretches and counts as people and booking systems write them; what could be two things is refused."""

from datetime import datetime

import pytest

from collector.clock import LOCAL
from collector.errors import BadCell
from collector.facts.cells import read_count, read_hours, read_instant, read_minutes, read_period, read_samples

NINE = round(datetime(2026, 11, 16, 9, tzinfo=LOCAL).timestamp() * 1000)
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    "text",
    ["2026-11-16 09:00", "2026/11/16 9:00", "2026-11-16 09:00:00", "2026.11.16 9:00", "2026年11月16日 9:00",
     "2026年11月16日 9时00分", "2026-11-16T09:00:00+08:00", "2026-11-16T01:00:00Z", "2026-11-16T01:00:00.000Z",
     "２０２６-11-16 ０9：00", " 2026-11-16  09:00 "],
)  # fmt: skip
def test_nine_o_clock_may_be_written_in_these_ways(text: str) -> None:
    assert read_instant(text) == NINE


def test_the_end_of_a_day_may_be_written_as_24_00() -> None:
    assert read_instant("2026-11-16 24:00") == NINE + 15 * HOUR_MS


def test_other_forms_need_a_format() -> None:
    assert read_instant("16.11.2026 09:00", formats=["%d/%m/%Y", "%d.%m.%Y %H:%M"]) == NINE


@pytest.mark.parametrize(
    "text",
    ["", "2026-11-16", "09:00", "16.11.2026 09:00", "11/16/2026 9:00", "2026-02-30 09:00", "2026-11-16 25:00",
     "2026-11-16 09:60", "2026-11-16 24:01", "1926-11-16 09:00", "9999-12-31 24:00", "46342.375", "2026-11/16 09:00"],
)  # fmt: skip
def test_what_is_no_time_with_its_day_is_refused(text: str) -> None:
    with pytest.raises(BadCell):
        read_instant(text)


@pytest.mark.parametrize(
    "text",
    ["2026-11-16 09:00 - 2026-11-16 11:00", "2026-11-16 09:00 ~ 11:00", "2026/11/16 9:00至11:00",
     "2026-11-16 09:00:00-2026-11-16 11:00:00", "2026-11-16 09:00-11:00", "2026-11-16 09:00—11:00"],
)  # fmt: skip
def test_a_period_in_one_cell_has_a_beginning_and_an_end(text: str) -> None:
    assert read_period(text) == (NINE, NINE + 2 * HOUR_MS)


@pytest.mark.parametrize("text", ["2026-11-16 09:00", "09:00 - 11:00", "a - b - c", "~"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(BadCell):
        read_period(text)


def test_lengths_are_hours_or_minutes_as_numbers() -> None:
    assert read_hours("1.5") == 1.5 * HOUR_MS
    assert read_minutes("90") == 1.5 * HOUR_MS
    for text in ("", "0", "-1", "1:30", "1,5", "两小时", "1e3"):
        with pytest.raises(BadCell):
            read_hours(text)


@pytest.mark.parametrize("text", ["9999-12-31T23:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_an_instant_that_leaves_the_calendar_in_local_time_is_refused(text: str) -> None:
    with pytest.raises(BadCell, match="outside of the calendar"):
        read_instant(text)


def test_counts_are_whole_numbers_from_one_on() -> None:
    assert (read_count("3"), read_count("3.0"), read_count("１２")) == (3, 3, 12)
    for text in ("0", "2.5", "-1", "1000001", "三", "9" * 100):
        with pytest.raises(BadCell):
            read_count(text)


def test_no_samples_are_samples_that_nobody_counted() -> None:
    assert [read_samples(text) for text in ("0", "0.0", "０", "7")] == [None, None, None, 7]
    for text in ("", "-0", "none"):
        with pytest.raises(BadCell):
            read_samples(text)
