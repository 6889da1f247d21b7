"""The measured rates of docs/flags.md on a few instruments; `make flag-measures` takes all families.

JISHI_SEED names another seed. Real traces, where they lie beside the project, are honest near-misses: two washing
programs, and a lamp that is as still as a resistor.
"""

import os
from random import Random

import pytest

from protocol.flags.constant_load import find_constant_load
from protocol.flags.likeness import distance_of
from protocol.flags.replay import MAX_DISTANCE_PPB, find_replayed
from protocol.flags.shape import Shape, shape_of
from protocol.interval import union
from protocol.timeline import derive
from tests.measures.flag_habits import HABITS
from tests.measures.flag_traces import Worker, honest_days, lie_about, named_runs, workers
from tests.measures.instruments import SCORED
from tests.protocol.test_traces import PROJECTOR, WASHING_MACHINE, read, traces

__all__ = ["traces"]
SEED = int(os.environ.get("JISHI_SEED", "2026"))
MONTHS = 60


@pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.rule)
def test_honest_months_rarely_alarm_and_lies_mostly_do(habit):
    honest, lies = (
        sum(any(habit.month(Random(f"{SEED}/{habit.rule}/{is_lie}/{number}"), is_lie)) for number in range(MONTHS))
        for is_lie in (False, True)
    )
    assert honest <= 0.1 * MONTHS, f"JISHI_SEED={SEED}: {honest} of {MONTHS} honest months alarm"
    assert lies >= 0.6 * MONTHS, f"JISHI_SEED={SEED}: {lies} of {MONTHS} lies are found"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("family", ["steady", "compressor"])
def test_a_months_copied_and_still_days_are_found_among_honest_ones(family):
    worker = _worker(family)
    chance = Random(f"{SEED}/{family}")
    days = honest_days(worker, 16, chance)
    usual = [day.nearest_ppb for day in days if day.nearest_ppb is not None]
    shapes = [day.shape for day in days]
    for at in range(12, 16):
        assert find_constant_load(shapes[at], shapes[:at]) is None
        assert find_replayed(shapes[at].runs, named_runs(days[:at]), usual_ppb=usual) is None
    for lie in ("constant", "resistor"):
        assert find_constant_load(lie_about(worker, days, lie, chance).shape, shapes)
    assert find_replayed(lie_about(worker, days, "copied", chance).shape.runs, named_runs(days), usual_ppb=usual)


def _worker(family: str) -> Worker:
    return next(each for each in workers(SEED, each=1, ranges=SCORED) if each.instrument.family == family)


def test_two_real_washing_programs_are_alike_and_no_replay(traces):
    shape = _real(traces, "complete__Washingmachine__Washingmachine_2012.01.03", WASHING_MACHINE)
    distance, minutes = distance_of(*shape.runs)
    assert distance < MAX_DISTANCE_PPB  # r is 0.98
    assert minutes >= 50
    assert find_replayed(shape.runs[1:], [("before", shape.runs[0])], usual_ppb=[distance] * 20) is None


def test_a_real_lamp_is_as_still_as_a_resistor_and_only_its_own_history_tells(traces):
    shape = _real(traces, "complete__VideoProjector__dev_B814A6_2012.01.14", PROJECTOR)
    assert 0 < shape.ripple_ppm < 20_000
    assert find_constant_load(shape, [shape] * 20) is None
    assert find_constant_load(Shape(run_s=shape.run_s, ripple_ppm=0), [shape] * 20) is not None


def _real(traces, name, policy):
    observed = read(traces / f"{name}.csv.gz")
    bounds = {"start_ms": observed[0].start_ms, "end_ms": observed[-1].end_ms}
    spans = derive(observed, policy, lead_in="unobserved", **bounds).spans
    runs, standby = (union(span[:2] for span in spans if span.state == state) for state in ("run", "standby"))
    return shape_of(observed, runs=runs, standby=standby)
