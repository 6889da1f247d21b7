"""Simulated instruments: seeded, separable by power, and with runs that fit into a look at the demo."""

from itertools import groupby, islice

import pytest

from agent.simulator.models import MODELS, SEGMENT_MS, SHORTEST_PHASE_MS, Model, Segment, segments

# The table of models.py, in W; what the demo's policies stand on.
RANGES = {
    "electron-microscope": {"off": (5, 8), "standby": (315, 365), "run": (780, 980)},
    "chromatograph": {"off": (2, 4), "standby": (170, 230), "run": (620, 1500)},
    "oven": {"off": (2, 3), "standby": (55, 330), "run": (820, 2050)},
}


def minutes_of(model: Model, *, seed: int = 1, speed: float = 300, minutes: float = 5) -> list[Segment]:
    return list(islice(segments(model, seed=seed, speed=speed), int(minutes * 60_000 / SEGMENT_MS)))


def phases_of(stretch: list[Segment]) -> list[tuple[str, int]]:
    grouped = groupby(stretch, key=lambda segment: segment.state)
    return [(state, sum(segment.ms for segment in phase)) for state, phase in grouped]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seed", range(5))
def test_each_state_keeps_to_its_range_and_no_two_ranges_meet(name: str, seed: int) -> None:
    for state, power_mw in {(s.state, s.power_mw) for s in minutes_of(MODELS[name], seed=seed)}:
        low_w, high_w = RANGES[name][state]
        assert low_w * 1000 <= power_mw <= high_w * 1000
    ordered = [edge for state in ("off", "standby", "run") for edge in RANGES[name][state]]
    assert ordered == sorted(set(ordered))


@pytest.mark.parametrize("name", MODELS)
def test_one_policy_serves_all(name: str) -> None:
    ranges = RANGES[name]
    assert ranges["off"][1] < 20 < 40 < ranges["standby"][0]
    assert ranges["standby"][1] < 450 < 550 < ranges["run"][0]


@pytest.mark.parametrize("name", MODELS)
def test_within_a_look_of_ninety_seconds_runs_of_tens_of_seconds_begin_and_end(name: str) -> None:
    for seed in range(20):
        whole = phases_of(minutes_of(MODELS[name], seed=seed, minutes=1.4))[:-1]
        runs = [ms for state, ms in whole if state == "run"]
        assert len(runs) >= 2
        assert all(14_000 <= ms <= 36_000 for ms in runs)
        assert {state for state, _ in whole} == {"off", "standby", "run"}


@pytest.mark.parametrize("name", MODELS)
def test_no_phase_is_too_short_for_a_dwell(name: str) -> None:
    assert min(ms for _, ms in phases_of(minutes_of(MODELS[name], speed=100_000))[:-1]) >= SHORTEST_PHASE_MS


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_is_the_same_instrument(name: str) -> None:
    assert minutes_of(MODELS[name], seed=7) == minutes_of(MODELS[name], seed=7)
    assert minutes_of(MODELS[name], seed=7) != minutes_of(MODELS[name], seed=8)


def test_at_its_own_speed_a_microscope_runs_for_hours() -> None:
    stretch = minutes_of(MODELS["electron-microscope"], speed=1, minutes=240)
    assert max(ms for state, ms in phases_of(stretch) if state == "run") > 1.5 * 3_600_000
