"""What is worked out of a batch before anybody asks what is held: here the local days that its readings touch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.ingest.prepare import Offer, prepare
from protocol.days_decided import days_decided, span_deciding
from protocol.entry import MAX_BLOCK_MS
from protocol.interval import DAY_MS
from tests.light_agent import START_MS, LightAgent, reading

YEAR_MS = 366 * DAY_MS
MOMENTS = st.integers(-YEAR_MS, YEAR_MS)
LENGTHS = st.integers(0, MAX_BLOCK_MS)
STEPS = st.sampled_from((-DAY_MS, -1, 0, 1, 60_000, DAY_MS // 2, DAY_MS - 1, DAY_MS, 3 * DAY_MS))
BLOCKS = st.lists(st.tuples(st.sampled_from(("meter1", "meter2")), STEPS), min_size=1, max_size=30)


@given(MOMENTS, LENGTHS, MOMENTS, LENGTHS)
def test_a_reading_inside_the_span_of_some_days_decides_no_others(
    start_ms: int, length_ms: int, later_ms: int, later_length_ms: int
) -> None:
    days = days_decided(start_ms, start_ms + length_ms)
    first_ms, last_ms = span_deciding(days)
    decided = days_decided(later_ms, later_ms + later_length_ms)
    is_inside = first_ms <= later_ms and later_ms + later_length_ms < last_ms
    assert is_inside == (days.start <= decided.start and decided.stop <= days.stop)


@given(MOMENTS, LENGTHS)
def test_the_span_ends_where_another_day_begins_to_be_decided(start_ms: int, length_ms: int) -> None:
    days = days_decided(start_ms, start_ms + length_ms)
    first_ms, last_ms = span_deciding(days)
    assert first_ms <= start_ms <= start_ms + length_ms < last_ms
    assert days_decided(first_ms, last_ms - 1) == days
    assert days_decided(first_ms - 1, last_ms) == range(days.start - 1, days.stop + 1)


@pytest.mark.parametrize("past_ms", [-1, 0, 1])
def test_a_reading_at_the_very_end_of_the_days_known_touches_one_more(past_ms: int) -> None:
    first = (START_MS, START_MS + 60_000)
    end_ms = span_deciding(days_decided(*first))[1] + past_ms
    agent = LightAgent()
    for wall_ms in (first[0], end_ms - 60_000):
        agent.append(reading(0, durations_ms=(60_000,)), wall_ms=wall_ms, mono_ms=0)
    offer = prepare(agent.topic, agent.payload())
    assert isinstance(offer, Offer)
    days = {*days_decided(*first), *days_decided(end_ms - 60_000, end_ms)}
    assert offer.touches == {("meter1", "power", day) for day in days}
    assert len(days) == len(days_decided(*first)) + (past_ms >= 0)


@given(BLOCKS)
def test_a_batch_touches_the_days_of_each_of_its_readings(blocks: list[tuple[str, int]]) -> None:
    agent = LightAgent()
    expected = set()
    wall_ms = START_MS
    for watcher, step_ms in blocks:
        wall_ms += step_ms
        agent.append(reading(0, watcher=watcher, durations_ms=(60_000,)), wall_ms=wall_ms, mono_ms=0)
        expected |= {(watcher, "power", day) for day in days_decided(wall_ms, wall_ms + 60_000)}
    offer = prepare(agent.topic, agent.payload())
    assert isinstance(offer, Offer)
    assert offer.touches == expected
