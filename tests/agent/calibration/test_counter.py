"""The energy counter of a recording: by how much it rises at once, and what its windows show."""

from itertools import pairwise

import pytest

from agent.calibration.counter import cut, find_step, grain_mw
from protocol.observation import Observation
from protocol.policy import Counter
from tests.agent.calibration.loads import HOUR, START_MS, counted, observe


def rising(*rises_mwh, ms=2000):
    """Observations whose counter rises by each of these."""
    counters = [0]
    for rise in rises_mwh:
        counters.append(counters[-1] + rise)
    return [
        Observation(n * ms, (n + 1) * ms, 5, 5, 5, after - before, after)
        for n, (before, after) in enumerate(pairwise(counters))
    ]


@pytest.mark.parametrize(
    "rises, step_mwh",
    [
        ([0, 1000] * 30, 1000),
        ([0, 10_000, 0, 20_000] * 30, 10_000),
        ([5000, 6000, 6000] * 20, 1000),  # polls too slow to see a single step
        ([17, 16, 17, 0, 33] * 20, 16),  # watt-minutes, shown in thousandths of a watt-hour
        ([0, 992, 0, 1007, 1000] * 20, 992),  # kilowatt-hours in 32 bits
        ([55, 56, 57, 212] * 20, 55),  # so fine that each poll sees many steps
    ],
)
def test_the_step_is_the_common_one_or_else_no_less(rises, step_mwh):
    assert find_step(rising(*rises)) == step_mwh


@pytest.mark.parametrize(
    "observed",
    [
        rising(*[0] * 100),
        rising(*[0, 1000] * 19),
        [each._replace(delta_mwh=None, counter_mwh=None) for each in rising(*[1000] * 50)],
        [*rising(*[0, 1000] * 40), *(each._replace(delta_mwh=None) for each in rising(*[1000] * 5))],
        rising(*[2_000_000] * 50),
    ],
    ids=["it stands still", "it hardly rose", "none", "not throughout", "coarser than a policy can say"],
)
def test_where_no_step_can_be_told_there_is_none(observed):
    assert find_step(observed) is None


def test_one_reset_does_not_take_the_counter_away():
    observed = rising(*[0, 1000] * 60)
    observed[30] = observed[30]._replace(delta_mwh=None)
    assert find_step(observed) == 1000


def test_the_grain_is_what_a_step_makes_in_a_window():
    assert grain_mw(Counter(1000, 60_000)) == 60_000
    assert grain_mw(Counter(100, 900_000)) == 400
    assert grain_mw(Counter(1, 900_000)) == 4


def test_windows_of_one_power_are_one_and_what_is_not_known_whole_stays_in_watts():
    observed = observe(counted((90, 1000), (HOUR - 90, 500), (75, 500)))[10:]
    seen = cut(observed, Counter(1000, 60_000), gap_ms=60_000)
    known = [each for each in seen if each.counted_mw is not None]
    assert known[0].start_ms == START_MS + 60_000
    assert {each.mean_mw == each.low_mw == each.high_mw == each.counted_mw for each in known} == {True}
    assert known[0].mean_mw == pytest.approx(750_000, abs=60_000)
    assert {each.mean_mw for each in seen if each not in known} == {1_000_000, 500_000}
    assert len(known) < 61, "neighbours of the same power were joined"
    assert [each.start_ms for each in seen[1:]] == [each.end_ms for each in seen[:-1]]
