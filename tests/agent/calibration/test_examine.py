"""A whole calibration, and that its policy does to the recording what it says (the auditor's own program asked)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.calibration.examine import examine
from agent.calibration.verdict import Phases
from agent.errors import CalibrationError
from protocol.audit.timeline import tell
from protocol.policy import parse_policy
from protocol.sample_file import Notation, Recording, parse_samples
from protocol.samples import Sample
from tests.agent.calibration.loads import (
    HOUR,
    MINUTE,
    START_MS,
    bursts,
    counted,
    csv_of,
    quantised,
    recording,
    samples,
)

LOAD = [(HOUR, 3), (10 * MINUTE, 300), (HOUR, 900), (HOUR, quantised(2, 4))]


def test_the_policy_gives_the_hours_that_were_told():
    result = examine(recording(*LOAD), "oven")
    assert result.finding.serves
    told = tell(parse_samples(csv_of(samples(*LOAD)).encode()), parse_policy(result.raw_policy))
    assert told.seconds == pytest.approx(result.seconds, abs=1)
    assert told.seconds["run"] * 1000 == pytest.approx(result.finding.proposal.choice.run_ms, abs=1000)


def test_the_policy_is_a_file_as_the_collector_takes_it():
    result = examine(recording(*LOAD), "高效液相\n色谱仪" + "x" * 200)
    policy = parse_policy(result.raw_policy)
    assert policy == result.policy
    assert policy.name.startswith("高效液相色谱仪xxx")
    assert policy.gap_ms >= 60_000


def test_a_policy_always_has_a_name():
    assert examine(recording(*LOAD), " \n").policy.name == "calibrated"


def test_without_a_rest_there_is_no_policy():
    result = examine(recording((HOUR, lambda second: 500 * (second // 5 % 7))), "x")
    assert (result.policy, result.raw_policy, result.sessions) == (None, b"", [])


def test_samples_too_far_apart_cover_nothing():
    far = Recording((Sample(0, 1), Sample(1000, 2), Sample(4_000_000, 1)), Notation("epoch"))
    assert examine(far, "x", poll_ms=1000).finding.objections
    with pytest.raises(CalibrationError, match="no two samples lie within 60 s; poll more often"):
        examine(Recording((Sample(0, 1), Sample(4_000_000, 1)), Notation("epoch")), "x", poll_ms=1000)


def test_samples_an_hour_apart_tell_no_run():
    with pytest.raises(CalibrationError, match="a sample each 3600 s tells no run; record each 1 or 2 s"):
        examine(recording((9 * HOUR, 5), (9 * HOUR, 900), poll_s=3600), "x")


WARM, WORK = bursts(2200, 300, low_s=2, high_s=28), bursts(2200, 300, low_s=18, high_s=12)


@pytest.mark.parametrize(
    "load", [(WARM, WORK), (bursts(0, 2200, low_s=28, high_s=2), bursts(0, 2200, low_s=9, high_s=21))]
)
def test_a_policy_with_a_counter_gives_the_hours_that_were_told(load):
    idle, work = load
    recorded = counted((310, 0), (900, idle), (1790, work), (305, idle))
    off, rest, run = (
        (START_MS + 1000 * start, START_MS + 1000 * end) for start, end in ((0, 310), (310, 1210), (1210, 3000))
    )
    result = examine(Recording(tuple(recorded), Notation("epoch")), "oven", phases=Phases(off, rest, run))
    assert result.finding.serves, result.finding.objections
    policy = parse_policy(result.raw_policy)
    assert policy.counter == result.finding.counter
    assert policy.counter is not None
    assert policy.counter.decides(policy.run)
    told = tell(parse_samples(csv_of(recorded).encode()), policy)
    assert told.seconds == pytest.approx(result.seconds, abs=1)
    assert told.seconds["run"] * 1000 == pytest.approx(result.finding.proposal.choice.run_ms, abs=1000)
    assert sum(told.seconds.values()) == (recorded[-1].at_ms - recorded[0].at_ms) // 1000


PARTS = st.tuples(st.integers(30, 900), st.one_of(st.none(), st.integers(0, 2000)))


@settings(max_examples=40, deadline=None)
@given(st.lists(PARTS, min_size=1, max_size=6))
def test_whatever_was_recorded_a_proposal_is_a_policy_whose_hours_are_the_ones_told(parts):
    recorded = samples((300, 5), *parts, (60, 5), poll_s=5)
    result = examine(Recording(tuple(recorded), Notation("epoch")), "x", poll_ms=5000)
    if result.policy is None:
        assert result.finding.objections
        return
    told = tell(Recording(tuple(recorded), Notation("epoch")), parse_policy(result.raw_policy), poll_ms=5000)
    assert told.seconds["run"] == pytest.approx(result.finding.proposal.choice.run_ms / 1000, abs=2)
