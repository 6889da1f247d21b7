"""From entries to observations: placed by their own clocks, each instant once, in whatever order they came."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.entry import Reading, make
from protocol.observation import Observation, between, layer, observations
from protocol.policy import Policy, Trigger
from protocol.witness import gather

POLICY = Policy(
    name="test",
    valid_mw=(0, 5_000),
    standby=Trigger(40, 20, 10, 10),
    run=Trigger(400, 200, 10, 10),
    gap_ms=50,
    sha256="0" * 64,
)


def block(index, start_ms, values, *, step_ms=10, boot="0000000a", wall_ms=None, mono_offset_ms=1_000_000, **more):
    """A reading entry whose intervals of step_ms show `values`, written when the last one ended."""
    watts = tuple(values)
    end_ms = start_ms + step_ms * len(watts)
    reading = Reading(
        watcher=more.pop("watcher", "meter1"),
        channel=more.pop("channel", "power"),
        start_mono_ms=start_ms + mono_offset_ms,
        durations_ms=(step_ms,) * len(watts),
        means=watts,
        lows=watts,
        highs=more.pop("highs", watts),
        **more,
    )
    wall_ms = end_ms if wall_ms is None else wall_ms
    return make(reading, index=index, wall_ms=wall_ms, mono_ms=end_ms + mono_offset_ms, boot=boot), reading


def shown(found):
    """(start, end, mean) of each observation."""
    return [(each.start_ms, each.end_ms, each.mean_mw) for each in found]


def test_a_reading_is_placed_by_the_clocks_of_its_own_entry():
    """UTC of x is t - (m - x), evidence.md section 3: here the block ended 500 ms before its entry was written."""
    reading = Reading("m", "power", 72_000, (1_000, 2_000), (5, 7), (4, 6), (6, 8), (1, 2), 100)
    entry = make(reading, index=0, wall_ms=1_000_000_000, mono_ms=75_500, boot="0000000a")
    assert observations([(entry, reading)], POLICY) == [
        Observation(999_996_500, 999_997_500, 5, 4, 6, 1, 98),
        Observation(999_997_500, 999_999_500, 7, 6, 8, 2, 100),
    ]


def test_what_is_out_of_range_is_a_hole():
    found = observations([block(0, 0, (5, 5_001, 5, -1, 5_000))], POLICY)
    assert shown(found) == [(0, 10, 5), (20, 30, 5), (40, 50, 5_000)]


def test_an_interval_whose_extreme_is_out_of_range_is_dropped_whole():
    assert shown(observations([block(0, 0, (5, 6), highs=(5, 5_001))], POLICY)) == [(0, 10, 5)]


def test_other_channels_and_shapes_are_passed_over():
    state = Reading("m", "power", 0, (10,), states=("busy",))
    entry = make(state, index=0, wall_ms=10, mono_ms=10, boot="0000000a")
    assert observations([(entry, state), block(1, 0, (5,), channel="voltage")], POLICY) == []


def test_an_entry_that_came_three_times_counts_once():
    blocks = [block(0, 0, (5, 6)), block(1, 20, (7,))]
    assert observations(blocks * 3, POLICY) == observations(blocks, POLICY)


def test_a_wall_clock_set_back_counts_nothing_twice_and_the_earlier_entry_wins():
    before = block(3, 1_000, (1, 2, 3, 4))
    after = block(4, 1_040, (5, 6, 7, 8, 9), wall_ms=1_065)  # 25 ms back: it claims 1 015 to 1 065
    assert shown(observations([after, before], POLICY)) == [
        (1_000, 1_010, 1),
        (1_010, 1_020, 2),
        (1_020, 1_030, 3),
        (1_030, 1_040, 4),
        (1_040, 1_045, 7),
        (1_045, 1_055, 8),
        (1_055, 1_065, 9),
    ]


def test_an_earlier_entry_inside_a_later_one_cuts_it_in_two():
    long = block(9, 0, (7,), step_ms=30)
    short = block(2, 10, (5,))
    assert shown(observations([long, short], POLICY)) == [(0, 10, 7), (10, 20, 5), (20, 30, 7)]


def test_a_long_earlier_entry_hides_a_later_one_without_being_cut():
    long = block(1, 0, (7,), step_ms=30)
    short = block(2, 10, (5,))
    assert shown(observations([short, long], POLICY)) == [(0, 30, 7)]


def test_two_boots_whose_monotonic_clocks_start_anew_follow_each_other():
    first = block(0, 1_000, (5, 6), boot="0000000a", mono_offset_ms=500)
    second = block(1, 1_050, (7,), boot="0000000b", mono_offset_ms=-1_000)
    assert shown(observations([second, first], POLICY)) == [(1_000, 1_010, 5), (1_010, 1_020, 6), (1_050, 1_060, 7)]


def test_two_journals_of_one_instrument_do_not_count_twice():
    ours = ("x/a/one/1", *block(0, 0, (5, 5)))
    theirs = ("x/a/two/1", *block(0, 5, (9, 9)))
    assert shown(gather([theirs, ours], POLICY).observed) == [(0, 10, 5), (10, 20, 5), (20, 25, 9)]


def test_a_second_source_fills_only_holes_longer_than_the_gap():
    preferred = [Observation(0, 100, 5, 5, 5, None), *(Observation(t, t + 100, 5, 5, 5, None) for t in (150, 301))]
    other = [Observation(t, t + 40, 9, 9, 9, None) for t in range(-40, 480, 40)]
    found = layer([preferred, other], POLICY)
    assert shown(found) == [
        (-40, 0, 9),
        (0, 100, 5),
        (150, 250, 5),  # 50 ms is no hole
        (250, 280, 9),  # 51 ms is one
        (280, 301, 9),
        (301, 401, 5),
        (401, 440, 9),
        (440, 480, 9),
    ]


def test_one_observation_may_fill_two_holes():
    preferred = [Observation(100, 110, 5, 5, 5, None)]
    other = [Observation(0, 300, 9, 9, 9, 4)]
    assert layer([preferred, other], POLICY) == [
        Observation(0, 100, 9, 9, 9, 4),
        Observation(100, 110, 5, 5, 5, None),
        Observation(110, 300, 9, 9, 9, 4),
    ]


def test_a_watcher_is_a_source_of_its_own():
    one = ("x/a/one/1", *block(5, 0, (5, 5)))
    two = ("x/a/one/1", *block(4, 0, (9,) * 4, watcher="meter2", step_ms=100))
    assert shown(gather([two, one], POLICY).observed) == [
        (0, 10, 5),
        (10, 20, 5),
        (20, 100, 9),
        *((t, t + 100, 9) for t in (100, 200, 300)),
    ]


def test_between_cuts_the_outer_ones():
    some = [Observation(t, t + 10, 5, 5, 5, 3) for t in (0, 10, 30)]
    assert between(some, 5, end_ms=32) == [
        Observation(5, 10, 5, 5, 5, 3),
        Observation(10, 20, 5, 5, 5, 3),
        Observation(30, 32, 5, 5, 5, 3),
    ]
    assert between(some, 20, end_ms=30) == between(some, 5, end_ms=5) == []
    assert between(some, 2, end_ms=4) == [Observation(2, 4, 5, 5, 5, 3)]


@st.composite
def journals(draw):
    """Blocks that overlap as they like, some with the same index, some with values out of range."""
    return [
        block(
            draw(st.integers(0, 5)),
            draw(st.integers(0, 60)),
            draw(st.lists(st.integers(-1, 8).map(lambda mw: 6_000 if mw == 8 else mw), min_size=1, max_size=4)),
            step_ms=draw(st.integers(1, 9)),
            boot=draw(st.sampled_from(["0000000a", "0000000b"])),
        )
        for _ in range(draw(st.integers(0, 8)))
    ]


@given(journals(), st.randoms(use_true_random=False))
def test_order_and_number_of_deliveries_change_nothing(blocks, chance: random.Random):
    delivered = blocks + [each for each in blocks if chance.random() < 0.5]
    chance.shuffle(delivered)
    assert observations(delivered, POLICY) == observations(blocks, POLICY)


@given(journals())
def test_every_instant_belongs_to_the_claim_of_the_lowest_index(blocks):
    """Held against a table of milliseconds."""
    claimed = {}
    for entry, reading in blocks:
        start = entry.wall_ms - (entry.mono_ms - reading.start_mono_ms)
        for duration, mean in zip(reading.durations_ms, reading.means, strict=True):
            for instant in range(start, start + duration):
                if 0 <= mean <= 5_000:
                    claimed.setdefault(instant, []).append((entry.index, entry.boot, mean))
            start += duration
    found = observations(blocks, POLICY)
    told = {instant: each.mean_mw for each in found for instant in range(each.start_ms, each.end_ms)}
    assert sum(each.end_ms - each.start_ms for each in found) == len(told) == len(claimed)
    for instant, mean in told.items():
        lowest = min(claimed[instant])[:2]
        assert mean in [each for *place, each in claimed[instant] if tuple(place) == lowest]


@given(journals(), journals(), st.integers(0, 40))
def test_layers_are_disjoint_and_lose_nothing_of_the_first(ours, theirs, gap_ms):
    policy = Policy(POLICY.name, POLICY.valid_mw, POLICY.standby, POLICY.run, gap_ms, POLICY.sha256)
    first, second = observations(ours, policy), observations(theirs, policy)
    layered = layer([first, second], policy)
    assert all(left.end_ms <= right.start_ms for left, right in pairwise(layered))
    assert set(first) <= set(layered)
    assert layer([first], policy) == first


def test_many_overlaps_cost_no_more_than_sorting():
    """A hostile journal: 20 000 blocks that all claim the same hour. Quadratic work would take minutes."""
    blocks = [block(index, 0, (5,), step_ms=3_600_000 - index) for index in range(20_000, 0, -1)]
    assert shown(observations(blocks, POLICY)) == [(0, 3_599_999, 5)]


@pytest.mark.parametrize("delta", [None, 7])
def test_a_cut_observation_keeps_the_counters_word(delta):
    more = {} if delta is None else {"deltas": (delta,), "counter": 100}
    long = block(5, 0, (5,), step_ms=30, **more)
    short = block(2, 10, (6,))
    assert [each.delta_mwh for each in observations([long, short], POLICY)] == [delta, None, delta]
