"""Scales, strips and traces, and numbers as people read them: plain geometry and plain text."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.accounts.power import PowerInterval, PowerPoint, thin_out
from collector.web import present
from collector.web.axis import Window, clock, power_scale, window_over
from collector.web.figures import strip, trace
from collector.web.words import words
from protocol.interval import DAY_S
from protocol.policy import parse_policy
from tests.collector.province import POLICY


def at_s(percentage: str, window: Window) -> float:
    return window.start_s + float(percentage.rstrip("%")) / 100 * (window.end_s - window.start_s)


def test_a_strip_covers_its_window_up_to_the_present() -> None:
    drawn = strip([(0, 3600, "off"), (3600, 7200, "run")], Window(), until_s=10_000)
    assert [(bar.state, bar.start_s, bar.end_s) for bar in drawn.bars] == [
        ("unobserved", 7200, 10_000), ("off", 0, 3600), ("run", 3600, 7200),
    ]  # fmt: skip
    assert drawn.until == "11.574%"


def test_what_is_not_late_yet_is_awaited_and_not_unobserved() -> None:
    for late_s, state in ((900, "awaited"), (901, "unobserved")):
        drawn = strip([(0, 3600, "run")], Window(), until_s=3600 + late_s)
        assert [bar.state for bar in drawn.bars] == [state, "run"]


def test_states_differ_in_height_so_that_colour_is_not_needed() -> None:
    drawn = strip([(0, 1, "off"), (1, 2, "standby"), (2, 3, "run")], Window(0, 300), until_s=3)
    assert len({(bar.y, bar.height) for bar in drawn.bars}) == 3


def test_a_bar_thinner_than_a_pixel_is_marked() -> None:
    drawn = strip([(0, 10, "run"), (10, 5000, "off")], Window(), until_s=0)
    assert [bar.is_thin for bar in drawn.bars] == [False, True]


@given(st.integers(0, DAY_S - 60), st.integers(60, DAY_S), st.lists(st.integers(1, 20_000), min_size=1, max_size=20))
def test_bars_stay_inside_any_window(start_s: int, length_s: int, lengths: list[int]) -> None:
    window = Window(start_s, min(DAY_S, start_s + length_s))
    edges = [0]
    for length in lengths:
        edges.append(min(DAY_S, edges[-1] + length))
    spans = [(a, b, "run" if place % 2 else "off") for place, (a, b) in enumerate(pairwise(edges)) if a < b]
    for bar in strip(spans, window, until_s=edges[-1]).bars:  # type: ignore[arg-type]
        left, width = float(bar.x.rstrip("%")), float(bar.width.rstrip("%"))
        assert 0 <= left <= 100
        assert left + width <= 100.01


@given(st.integers(0, DAY_S - 1), st.integers(0, DAY_S - 1))
def test_the_window_over_what_was_observed_holds_it_and_has_a_few_ticks(one_s: int, other_s: int) -> None:
    first, last = sorted((one_s, other_s))
    window = window_over(first, last)
    assert 0 <= window.start_s <= first
    assert last <= window.end_s <= DAY_S
    ticks = window.ticks()
    assert 3 <= len(ticks) <= 10
    assert [at_s(tick.at, window) for tick in ticks] == sorted(at_s(tick.at, window) for tick in ticks)


def test_times_of_a_day() -> None:
    assert [clock(second) for second in (0, 3661, 86_399, 86_400)] == ["00:00:00", "01:01:01", "23:59:59", "24:00:00"]
    assert [tick.label for tick in Window().ticks()][:3] == ["00:00", "03:00", "06:00"]


@given(st.lists(st.integers(-(10**9), 10**12), max_size=5))
def test_a_power_scale_holds_all_powers_and_zero_with_a_few_round_ticks(powers: list[int]) -> None:
    scale = power_scale(powers)
    assert all(scale.low_mw <= power <= scale.high_mw for power in [0, *powers])
    assert 2 <= len(scale.ticks) <= 10
    assert len({tick.label for tick in scale.ticks}) == len(scale.ticks)


def test_a_trace_is_broken_where_nobody_observed() -> None:
    points = [
        PowerPoint(0, 1000, 5, 1, 9, 1000),
        PowerPoint(1000, 2000, 6, 2, 9, 1000),
        PowerPoint(5000, 6000, 7, 3, 9, 1),
    ]
    drawn = trace(points, Window(0, 60), midnight_ms=0, policy=parse_policy(POLICY))
    assert drawn.line.count("M") == 2
    assert drawn.band.count("Z") == 2
    assert [threshold.name for threshold in drawn.thresholds] == ["standby", "run"]


def test_a_meter_behind_transformers_is_drawn_by_what_the_instrument_draws() -> None:
    """So that the trace crosses a threshold where the state changes."""
    behind = parse_policy(POLICY[:-1] + b',"ratio":[40,1]}')
    shown, drawn = (
        PowerPoint(0, 1000, 25_000, 20_000, 30_000, 1000),
        PowerPoint(0, 1000, 10**6, 8 * 10**5, 12 * 10**5, 1000),
    )
    plain = trace([drawn], Window(0, 60), midnight_ms=0, policy=parse_policy(POLICY))
    assert trace([shown], Window(0, 60), midnight_ms=0, policy=behind) == plain


def interval(start: int, end: int, low: int, high: int) -> PowerInterval:
    return PowerInterval(start, end, (low + high) // 2, low, high, None, "o", 0)


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 900), st.integers(0, 50), st.integers(0, 50)), max_size=30),
    st.integers(2, 40),
)
def test_thinning_keeps_the_extremes_the_bounds_and_the_order(
    drawn: list[tuple[int, int, int, int]], max_points: int
) -> None:
    intervals = [interval(start, start + length, low, low + spread) for start, length, low, spread in drawn]
    points = thin_out(intervals, start_ms=100, end_ms=5000, max_points=max_points)
    seen = [each for each in intervals if each.start_ms < 5000 and each.end_ms > 100]
    assert len(points) <= max_points
    assert [point.start_ms for point in points] == sorted({point.start_ms for point in points})
    assert all(100 <= point.start_ms < point.end_ms <= 5000 for point in points)
    assert all(0 < point.observed_ms <= point.end_ms - point.start_ms for point in points)
    if seen:
        assert max(point.high_mw for point in points) == max(each.high_mw for each in seen)
        assert min(point.low_mw for point in points) == min(each.low_mw for each in seen)
    assert bool(points) is bool(seen)
    assert thin_out(reversed(intervals), start_ms=100, end_ms=5000, max_points=max_points) == points


def test_a_thinned_mean_is_weighted_by_time() -> None:
    [point] = thin_out([interval(0, 900, 0, 0), interval(900, 1000, 100, 100)], start_ms=0, end_ms=1000, max_points=1)
    assert (point.mean_mw, point.low_mw, point.high_mw, point.observed_ms) == (10, 0, 100, 1000)


@pytest.mark.parametrize(
    ("seconds", "hours", "english", "chinese"),
    [
        (0, "0.0", "0 s", "0 秒"),
        (59, "0.0", "59 s", "59 秒"),
        (180, "0.1", "3 min 0 s", "3 分 0 秒"),
        (3599, "1.0", "59 min 59 s", "59 分 59 秒"),
        (3600, "1.0", "1 h 0 min", "1 小时 0 分"),
        (86_400, "24.0", "24 h 0 min", "24 小时 0 分"),
    ],
)
def test_durations_as_people_read_them(seconds: int, hours: str, english: str, chinese: str) -> None:
    assert present.hours(seconds) == hours
    assert present.duration(seconds, words("en")) == english
    assert present.duration(seconds, words("zh")) == chinese


def test_coverage_says_100_only_where_nothing_is_missing() -> None:
    assert present.coverage(86_399, 86_400) == "99.9 %"
    assert present.coverage(86_400, 86_400) == "100.0 %"
    assert present.coverage(0, 0) == "–"


def test_powers_as_people_read_them() -> None:
    shown = [present.power(power) for power in (0, 5_000, 40_000, 900_000, 1_450_000, 2_500_000, -3_000)]
    assert shown == ["0 W", "5 W", "40 W", "900 W", "1450 W", "2.5 kW", "−3 W"]
    assert present.power_range(600_000, 900_000) == "600–900 W"
    assert present.power_range(600_000, 2_500_000) == "600 W – 2.5 kW"


def test_how_long_ago_is_never_in_the_future() -> None:
    now = datetime(2026, 11, 18, tzinfo=UTC)
    shown = [present.ago(now - timedelta(seconds=s), now, words=words("en")) for s in (-50, 9, 59, 121, 7300, 200_000)]
    assert shown == ["just now", "just now", "59 s ago", "2 min ago", "2 h ago", "2 days ago"]
