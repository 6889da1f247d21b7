"""The comparisons that docs/formats.md states, each at the value at which it turns."""

import json

import pytest

from protocol import brackets, grades
from protocol.bridging import MeteredGap, bridge
from protocol.clock_bounds import Clocks, Fix, shift_ms
from protocol.entry import Entry, Reading, Start
from protocol.observation import Observation, observations
from protocol.policy import Counter, Policy, Trigger, parse_policy
from protocol.timeline import Span, derive

STANDBY = {"on_mw": 100, "off_mw": 50, "on_ms": 0, "off_ms": 0}
RUN = {"on_mw": 1000, "off_mw": 600, "on_ms": 3000, "off_ms": 5000}
BASE = {"v": 1, "name": "turns", "valid_mw": [0, 9000], "standby": STANDBY, "run": RUN, "gap_ms": 2000}


def rules(**members: object) -> Policy:
    return parse_policy(json.dumps({**BASE, **members}).encode())


def states(*shown: tuple[int, int, int, int], end: int | None = None, policy: Policy | None = None) -> list[Span]:
    """What (start, end, low, high) give over [0, `end`), up to the last one's end where none is told."""
    seen = [Observation(start, until, low, low, high, None) for start, until, low, high in shown]
    made = derive(seen, policy or rules(), start_ms=0, end_ms=end or shown[-1][1], lead_in="unobserved")
    return [tuple(span) for span in made.spans]  # type: ignore[misc]


def test_power_at_the_upper_threshold_is_up_and_below_it_is_not() -> None:
    assert states((0, 9000, 900, 1000)) == [(0, 9000, "run")]
    assert states((0, 9000, 900, 999)) == [(0, 9000, "standby")]


def test_power_at_the_lower_threshold_is_down_and_above_it_is_not() -> None:
    assert states((0, 9000, 1000, 1000), (9000, 20_000, 600, 700)) == [(0, 9000, "run"), (9000, 20_000, "standby")]
    assert states((0, 9000, 1000, 1000), (9000, 20_000, 601, 700)) == [(0, 20_000, "run")]


def test_what_is_pending_goes_on_inside_the_band() -> None:
    assert states((0, 1000, 1000, 1000), (1000, 3000, 700, 800)) == [(0, 3000, "run")]


def test_an_interval_on_both_sides_begins_what_is_pending_anew_at_its_end() -> None:
    shown = ((0, 1000, 1000, 1000), (1000, 2000, 600, 1000), (2000, 5000, 700, 800))
    assert states(*shown) == [(0, 2000, "standby"), (2000, 5000, "run")]


def test_a_dwell_is_complete_when_it_has_lasted_as_long_as_the_policy_says() -> None:
    assert states((0, 3000, 1000, 1000)) == [(0, 3000, "run")]
    assert states((0, 2999, 1000, 1000)) == [(0, 2999, "standby")]


def test_a_hole_as_long_as_the_gap_is_filled_and_a_longer_one_is_not() -> None:
    filled = states((0, 4000, 1000, 1000), (6000, 9000, 1000, 1000))
    assert filled == [(0, 9000, "run")]
    assert states((0, 4000, 1000, 1000), (6000, 9000, 500, 500)) == [(0, 4000, "run"), (4000, 9000, "standby")]
    longer = states((0, 4000, 1000, 1000), (6001, 9500, 1000, 1000))
    assert longer == [(0, 4000, "run"), (4000, 6001, "unobserved"), (6001, 9500, "run")]


@pytest.mark.parametrize(("low", "high", "many"), [(0, 9000, 1), (-1, 9000, 0), (0, 9001, 0)])
def test_the_bounds_of_what_is_believed_are_believed(low: int, high: int, many: int) -> None:
    reading = Reading("m", "power", 0, (1000,), (low,), (low,), (high,))
    assert len(observations([(Entry(0, 1000, 1000, "5f3a9c01", reading), reading)], rules())) == many


@pytest.mark.parametrize(
    ("state", "mean", "is_bridged"),
    [
        ("run", 600, True),
        ("run", 599, False),
        ("standby", 50, True),
        ("standby", 49, False),
        ("standby", 999, True),
        ("standby", 1000, False),
        ("off", 99, True),
        ("off", 100, False),
    ],
)
def test_a_gap_is_bridged_by_what_the_state_draws(state: str, mean: int, is_bridged: bool) -> None:
    spans = [Span(0, 10, state), Span(10, 20, "unobserved"), Span(20, 30, state)]  # type: ignore[arg-type]
    policy = rules(bridge_ms=3000)
    assert bool(bridge(spans, [MeteredGap(10, 20, mean)], policy)[1]) is is_bridged


@pytest.mark.parametrize(("lasts", "is_bridged"), [(2999, True), (3000, False)])
def test_a_gap_as_long_as_the_bridge_is_none(lasts: int, is_bridged: bool) -> None:
    spans = [Span(0, 10, "run"), Span(10, 10 + lasts, "unobserved"), Span(10 + lasts, 9000, "run")]
    assert bool(bridge(spans, [MeteredGap(10, 10 + lasts, 700)], rules(bridge_ms=3000))[1]) is is_bridged


@pytest.mark.parametrize(("step", "decides"), [(1, True), (2, False)])
def test_the_counter_decides_where_a_step_is_half_the_band_at_most(step: int, decides: bool) -> None:
    assert Counter(step, 3_600_000).decides(Trigger(3, 1, 0, 0)) is decides


@pytest.mark.parametrize(("ahead", "added"), [(60_000, 0), (60_001, -60_001), (-60_000, 0)])
def test_a_clock_is_put_right_beyond_a_minute(ahead: int, added: int) -> None:
    assert shift_ms(Clocks(5, 1_000_000 + ahead, 1_000_000), [Fix(1, 500_000, 500_000)]) == added


def test_of_two_beacons_as_near_the_earlier_one_serves() -> None:
    fixes = [Fix(1, 0, 100_000), Fix(9, 2000, 900_000)]
    assert shift_ms(Clocks(5, 1000, 1000), fixes) == 100_000


@pytest.mark.parametrize(("index", "named"), [(1, False), (2, True), (131, True), (132, False)])
def test_a_start_names_what_lies_up_to_130_entries_before_it(index: int, named: bool) -> None:
    start = Entry(132, 0, 0, "5f3a9c01", Start("1", (("5f3a9c00", index),)))
    assert (index in brackets.recovered_by(start)) is named


@pytest.mark.parametrize(("start", "end", "is_ruly"), [(0, 60_000, True), (-1, 60_000, False), (0, 59_999, False)])
def test_the_reading_rule_turns_where_the_page_says(start: int, end: int, is_ruly: bool) -> None:
    assert grades.is_ruly(start, end, written_ms=120_000, before_ms=0) is is_ruly
    assert not grades.is_ruly(0, 120_001, written_ms=120_000, before_ms=0)


SOUND = grades.GradedBlock(5_000_000, 5_060_000, (60_000,), 5_060_000, 5_050_000, 0, written_ms=5_060_000)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"start_ms": 3_860_000}, "one control"),
        ({"start_ms": 3_859_999}, "late"),
        ({"beacon_ms": 3_860_000}, "one control"),
        ({"beacon_ms": 3_859_999}, "bracket"),
        ({"error_ms": -60_000}, "one control"),
        ({"error_ms": -60_001}, "clock"),
        ({"beacon_ms": 5_060_000}, "one control"),
        ({"beacon_ms": 5_060_001}, "clock"),
        ({"end_ms": 5_120_000}, "one control"),
        ({"end_ms": 5_120_001}, "clock impossible"),
        ({"written_ms": 4_990_000}, "one control"),
        ({"written_ms": 4_989_999}, "clock impossible"),
        ({"received_ms": 5_000_000 + 604_800_000}, "bracket"),
        ({"received_ms": 5_000_001 + 604_800_000}, "too late"),
    ],
)
def test_a_grade_turns_where_the_page_says(change: dict[str, object], word: str) -> None:
    assert grades.earned(SOUND._replace(**change), rules().grades)[0][3] == word  # type: ignore[arg-type]
