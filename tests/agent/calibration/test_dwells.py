"""Dwells: the ones that the hours depend on least, in an order of preference."""

import pytest

from agent.calibration.dwells import Dwells, Hours, Pair, choose, spread
from protocol.policy import Policy, Trigger
from protocol.timeline import derive
from tests.agent.calibration.loads import HOUR, MINUTE, bursts, drum, observed

PAIR = Pair(20_000, 40_000)


def chosen(*load, shortest_ms=2000):
    return choose(Hours(observed(*load), PAIR, gap_ms=60_000), shortest_ms)


def repeated(times, *parts):
    return [part for _ in range(times) for part in parts]


def test_a_plain_run_takes_the_first_of_each():
    choice = chosen((HOUR, 3), (HOUR, 300), (HOUR, 3))
    assert choice.dwells == Dwells(15_000, 60_000)
    assert (choice.run_ms, choice.on_spread, choice.off_spread) == (HOUR * 1000, 0, 0)


def test_pauses_inside_a_run_are_bridged_by_the_shortest_dwell_that_the_hours_do_not_depend_on():
    choice = chosen((HOUR, 3), *repeated(12, (5 * MINUTE, 300), (70, 3)), (HOUR, 3))
    assert choice.dwells == Dwells(15_000, 120_000)
    assert choice.run_ms == (12 * 300 + 11 * 70) * 1000
    assert choice.off_spread == 0


def test_runs_in_short_bursts_need_a_shorter_dwell_upwards():
    choice = chosen((HOUR, 3), *repeated(50, (12, 300), (20, 3)), (HOUR, 3))
    assert choice.dwells.on_ms < 12_000
    assert choice.on_spread == 0


def test_bursts_before_a_long_run_are_not_lost():
    choice = chosen((HOUR, 3), *repeated(80, (8, 300), (12, 3)), (HOUR, 300), (HOUR, 3))
    assert choice.dwells.on_ms == 5_000
    assert choice.missed_ms == 0
    assert choice.run_ms == (80 * 20 + HOUR) * 1000


def test_spikes_that_are_no_part_of_a_run_leave_the_longer_dwell():
    choice = chosen((HOUR, 3), *repeated(4, (8, 300), (600, 3)), (HOUR, 300), (HOUR, 3))
    assert (choice.dwells.on_ms, choice.missed_ms) == (15_000, 32_000)


def test_where_no_dwell_is_settled_the_least_unsettled_is_taken_and_tells():
    choice = chosen(*[part for n in range(60) for part in ((60, 300), (40 + 7 * n, 3))])
    assert choice.off_spread > 0.08


def test_no_dwell_is_shorter_than_what_confirms_a_crossing():
    assert chosen((HOUR, 3), (HOUR, 300), (HOUR, 3), shortest_ms=90_000).dwells == Dwells(90_000, 90_000)


@pytest.mark.parametrize(
    "load",
    [
        [(600, drum), (600, 3), (300, 300)],
        [(900, bursts(5, 30, low_s=3, high_s=2)), (100, None), (900, bursts(5, 900, low_s=30, high_s=20))],
    ],
)
@pytest.mark.parametrize("reach_mw", [0, 30_000])
@pytest.mark.parametrize("dwells", [Dwells(5_000, 60_000), Dwells(15_000, 20_000)])
def test_joining_what_lies_on_the_same_side_gives_the_kernels_own_sessions(load, dwells, reach_mw):
    some = [each._replace(high_mw=each.high_mw + reach_mw) for each in observed(*load)]
    trigger = Trigger(PAIR.on_mw, PAIR.off_mw, dwells.on_ms, dwells.off_ms)
    policy = Policy(name="x", valid_mw=(0, 10**9), standby=trigger, run=trigger, gap_ms=60_000, sha256="")
    start_ms, end_ms = some[0].start_ms, some[-1].end_ms
    spans = derive(some, policy, start_ms=start_ms, end_ms=end_ms, lead_in="unobserved").spans
    expected = [(span.start_ms, span.end_ms) for span in spans if span.state == "run"]
    assert Hours(some, PAIR, gap_ms=60_000).sessions(dwells) == expected


def test_a_spread_is_a_share_and_all_of_it_where_there_is_nothing_to_share():
    assert (spread(90, 110, of_ms=100), spread(0, 0, of_ms=0), spread(0, 5, of_ms=0)) == (0.2, 0.0, 1.0)
