"""What polls may have missed outside the runs: pulses that were met now and then, and energy that nobody saw."""

import pytest

from agent.calibration.unseen import hangs_on_polls
from agent.calibration.verdict import Phases, calibrate
from tests.agent.calibration.loads import START_MS, bursts, counted, observe

PULSES = bursts(300, 2200, low_s=28, high_s=2)
WORK = bursts(2200, 300, low_s=18, high_s=12)


def phases(off_s, idle_s, run_s):
    def stretch(start_s, end_s):
        return START_MS + 1000 * start_s, START_MS + 1000 * end_s

    return Phases(stretch(0, off_s), stretch(off_s, off_s + idle_s), stretch(off_s + idle_s, off_s + idle_s + run_s))


def hangs(some, *, missing=lambda sample: False):
    """Judged by watts from samples in which power is that of idling where `missing` says so."""
    seen = [each._replace(power_mw=300_000) if missing(each) else each for each in some]
    observed = observe(seen)
    finding = calibrate(observed, poll_ms=1000 if len(some) > 2000 else 2000, phases=phases(300, 900, 1800))
    assert finding.serves, finding.objections
    return hangs_on_polls(observed, finding.proposal, step_mwh=1000)


def is_pulse_of_idling(sample):
    at_s = (sample.at_ms - START_MS) // 1000
    return sample.power_mw > 2_000_000 and not 1200 <= at_s < 3000


def test_pulses_that_a_poll_meets_now_and_then_leave_the_end_of_a_run_open():
    """Of the pulses after the run none is seen, so it ends; of those before it, only each third is missed."""

    def missed(sample):
        at_s = (sample.at_ms - START_MS) // 1000
        return is_pulse_of_idling(sample) and (at_s >= 3000 or at_s // 30 % 3 == 0)

    assert hangs(counted((300, 5), (900, PULSES), (1800, WORK), (300, PULSES), poll_s=1), missing=missed)


def test_where_no_poll_meets_a_pulse_the_counter_has_counted_them():
    some = counted((300, 5), (900, PULSES), (1800, WORK), (300, PULSES))
    assert hangs(some, missing=is_pulse_of_idling)
    without = [each._replace(counter_mwh=None) for each in some]
    assert not hangs(without, missing=is_pulse_of_idling)


@pytest.mark.parametrize(
    "idle, work",
    [
        (300, 900),
        (bursts(300, 330, low_s=60, high_s=5), 900),
        (bursts(300, 1500, low_s=198, high_s=2), bursts(1500, 300, low_s=24, high_s=20)),
        (4, 60),
    ],
    ids=["a beam", "a pump beside it", "a thermostat whose pulses lie far apart", "a small load"],
)
def test_a_load_that_polls_see_whole_leaves_nothing_open(idle, work):
    assert not hangs(counted((300, 1), (900, idle), (1800, work), (300, idle)))
