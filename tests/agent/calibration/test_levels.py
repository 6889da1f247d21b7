"""Windows become plateaus, plateaus become modes; and how the power rests at one."""

import pytest

from agent.calibration.levels import Rest, find_modes, percentile_mw, rest_of, window_ms
from tests.agent.calibration.loads import HOUR, MINUTE, drum, observed, quantised


def modes_w(load, length_ms=60_000):
    return [(mode.low_mw / 1000, mode.high_mw / 1000) for mode in find_modes(observed(*load), length_ms)]


def test_levels_that_a_gap_divides_are_modes_of_their_own():
    assert modes_w([(HOUR, 3), (HOUR, 300), (HOUR, 900)]) == [(3, 3), (300, 300), (900, 900)]


def test_levels_without_a_gap_are_one_mode():
    assert modes_w([(HOUR, 3), (HOUR, 9), (HOUR, 12)]) == [(3, 12)]


def test_a_gap_grows_with_the_level():
    assert modes_w([(HOUR, 300), (HOUR, 380)]) == [(300, 380)]
    assert modes_w([(HOUR, 300), (HOUR, 400)]) == [(300, 300), (400, 400)]


def test_a_meters_flicker_and_single_spikes_make_no_mode():
    assert modes_w([(HOUR, quantised(0, 0, 2)), (5, 2000), (HOUR, quantised(0, 0, 2))]) == [(0, 0)]


def test_a_load_that_never_keeps_a_level_has_none():
    assert modes_w([(HOUR, lambda second: 500 * (second // 60 % 7))]) == []


def test_the_way_between_two_levels_belongs_to_neither():
    assert modes_w([(20 * MINUTE + 31, 3), (20 * MINUTE, 300)]) == [(3, 3), (300, 300)]


def test_a_hole_ends_a_plateau():
    [mode] = find_modes(observed((10 * MINUTE, 50), (HOUR, None), (10 * MINUTE, 50)), 60_000)
    assert [plateau.end_ms - plateau.start_ms for plateau in mode.plateaus] == [480_000, 480_000]
    assert (mode.total_ms, mode.longest_ms) == (960_000, 480_000)


def test_windows_are_minutes_and_shorter_in_a_short_recording_but_hold_five_polls():
    assert [window_ms(ms, 1_000) for ms in (86_400_000, 3_600_000, 60_000)] == [60_000, 12_000, 10_000]
    assert window_ms(3_600_000, 30_000) == 150_000


@pytest.mark.parametrize(
    "watts, step_w",
    [
        (3, 10),  # no less than 10 W
        (quantised(0, 2, 4), 16),  # eight deviations
        (500, 150),  # 0.3 of the floor
        (lambda second: 60 if second % 8 < 6 else 320, 338),  # above its own bursts: 1.3 × 260 W
    ],
)
def test_how_far_above_its_floor_something_else_begins(watts, step_w):
    load = observed((HOUR, watts))
    assert rest_of(load, [(load[0].start_ms, load[-1].end_ms)]).step_mw == 1000 * step_w


def test_the_floor_is_the_tenth_percentile():
    load = observed((HOUR, lambda second: 100 + second % 20))
    assert rest_of(load, [(load[0].start_ms, load[-1].end_ms)]) == Rest(102_000, 5_000, 119_000)


def test_only_the_bottom_of_a_mode_tells_its_rest():
    [mode] = find_modes(observed((HOUR, 2), (HOUR, 8), (HOUR, 13), (HOUR, 3)), 60_000)
    assert mode.is_wide
    assert [plateau.low_mw for plateau in mode.plateaus] == [2_000, 8_000, 13_000, 3_000]
    assert mode.rests == [(plateau.start_ms, plateau.end_ms) for plateau in mode.plateaus if plateau.low_mw != 13_000]


def test_a_turning_drum_is_a_level_by_its_median_all_the_same():
    assert modes_w([(HOUR, drum)]) == [(180, 180)]


def test_percentiles_weigh_by_time():
    assert percentile_mw([(5, 90), (1, 5), (9, 5)], 0.5) == 5
    assert percentile_mw([(5, 90), (1, 10)], 0.1) == 1


def test_what_is_counted_in_grains_is_told_apart_from_four_of_them_on():
    flicker = observed(
        (HOUR, lambda second: 12 * (second // 60 % 2)), (HOUR, lambda second: 60 + 12 * (second // 60 % 3))
    )
    assert find_modes(flicker, 60_000) == []
    low, high = find_modes(flicker, 60_000, grain_mw=12_000)
    assert (low.high_mw, high.low_mw) == (12_000, 60_000)
    assert not low.is_wide
    assert Rest(0, 0, 12_000, grain_mw=12_000).step_mw == 48_000
