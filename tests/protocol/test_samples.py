"""Samples become observations: what each covers, several at one time, what is out of range, counters."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from protocol.observation import Observation
from protocol.samples import Sample, hole_limit_ms, observe_samples, poll_period_ms


def covered(*samples, limit_ms=3_000, **valid):
    return observe_samples([Sample(*sample) for sample in samples], hole_limit_ms=limit_ms, **valid)


def test_the_later_of_two_samples_holds_for_the_time_between_them():
    assert covered((0, 5), (1000, 7), (3000, 9)) == [
        Observation(0, 1000, 7, 7, 7, None),
        Observation(1000, 3000, 9, 9, 9, None),
    ]


def test_a_longer_hole_stays_one_and_what_ends_it_covers_nothing_by_itself():
    assert [each[:2] for each in covered((0, 5), (3000, 5), (6001, 5), (7000, 5))] == [(0, 3000), (6001, 7000)]


def test_several_samples_at_one_time_hold_from_the_lowest_to_the_highest():
    assert covered((0, 5), (1000, 2), (1000, 9), (1000, 4)) == [Observation(0, 1000, 5, 2, 9, None)]


def test_a_power_out_of_range_was_not_seen():
    assert [each[:2] for each in covered((0, 5), (1000, -1), (2000, 5), (3000, 101), valid_mw=(0, 100))] == [
        (1000, 2000)
    ]


def test_the_counter_tells_by_how_much_it_moved():
    samples = [(0, 5, 100), (1000, 5, 130), (2000, 5, None), (3000, 5, 140), (4000, 5, 20), (5000, 5, 20)]
    assert [each.delta_mwh for each in covered(*samples)] == [30, None, None, None, 0]


def test_the_poll_period_is_the_median_step_whatever_was_given_twice():
    times = (0, 1000, 1000, 2000, 3000, 3000, 60_000)
    assert poll_period_ms([Sample(at_ms, 0) for at_ms in times]) == 1000


def test_a_hole_is_three_polls_and_no_less_than_the_policys_gap():
    assert (hole_limit_ms(1000, 60_000), hole_limit_ms(30_000, 60_000)) == (60_000, 90_000)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), min_size=2))
def test_observations_never_overlap_and_cover_all_that_is_no_hole(drawn):
    samples = [Sample(*each) for each in sorted(drawn)]
    found = observe_samples(samples, hole_limit_ms=5)
    assert all(at.end_ms <= after.start_ms for at, after in pairwise(found))
    times = sorted({sample.at_ms for sample in samples})
    steps = [after - at for at, after in pairwise(times)]
    assert sum(each.end_ms - each.start_ms for each in found) == sum(step for step in steps if step <= 5)
