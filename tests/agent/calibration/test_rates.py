"""How often an instrument has to be looked at."""

import json

import pytest

from agent.calibration.rates import Rate, compare_rates, slowest_that_serves
from protocol.policy import parse_policy
from tests.agent.calibration.loads import HOUR, bursts, samples

POLICY = parse_policy(
    json.dumps(
        {
            "v": 1,
            "name": "oven",
            "valid_mw": [0, 5_000_000],
            "standby": {"on_mw": 20_000, "off_mw": 10_000, "on_ms": 15_000, "off_ms": 60_000},
            "run": {"on_mw": 400_000, "off_mw": 200_000, "on_ms": 15_000, "off_ms": 60_000},
            "gap_ms": 60_000,
        }
    ).encode()
)


def test_a_steady_run_is_the_same_at_any_rate():
    rates = compare_rates(samples((HOUR, 3), (HOUR, 900), (HOUR, 3)), POLICY, poll_ms=1000)
    assert [rate.poll_ms for rate in rates] == [1_000, 2_000, 5_000, 10_000]
    assert [rate.run_ms for rate in rates] == pytest.approx([HOUR * 1000] * 4, abs=10_000)
    assert slowest_that_serves(rates) == 10_000


def test_a_load_that_changes_within_seconds_needs_a_fast_one():
    load = samples((HOUR, 3), (60, 900), (HOUR, bursts(30, 900, low_s=50, high_s=5)), (HOUR, 3))
    rates = compare_rates(load, POLICY, poll_ms=1000)
    assert rates[0].run_ms == pytest.approx(HOUR * 1000, rel=0.02)
    assert slowest_that_serves(rates) < 10_000


def test_only_slower_rates_than_the_recordings_can_be_told():
    rates = compare_rates(samples((HOUR, 3), (HOUR, 900), poll_s=3), POLICY, poll_ms=3000)
    assert [rate.poll_ms for rate in rates] == [3_000, 5_000, 10_000]


def test_a_rate_serves_only_if_all_faster_ones_do():
    assert slowest_that_serves([Rate(1, 100), Rate(2, 100), Rate(5, 80), Rate(10, 100)]) == 2


def test_a_recording_of_seconds_tells_nothing_of_rates_that_are_longer():
    rates = compare_rates(samples((4, 900)), POLICY, poll_ms=1000)
    assert [rate.poll_ms for rate in rates] == [1_000, 2_000]
