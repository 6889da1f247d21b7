"""What a recording says of its instrument: hours and thresholds where they are settled, and why not where they are not.

Each load is drawn after a kind of device; the numbers are what a person would read off the picture.
"""

import pytest

from agent.calibration.verdict import Phases, calibrate
from agent.simulator.models import MODELS, segments
from protocol.samples import Sample
from tests.agent.calibration.loads import HOUR, MINUTE, START_MS, bursts, drum, observe, observed, quantised

FLICKER = quantised(0, 0, 2)


def found(*load, poll_s=2, phases=None):
    return calibrate(observed(*load, poll_s=poll_s), poll_ms=1000 * poll_s, phases=phases)


def run_s(finding):
    assert finding.objections == ()
    return finding.proposal.choice.run_ms / 1000


def repeated(times, *parts):
    return [part for _ in range(times) for part in parts]


COTTON = [(25 * MINUTE, drum), (30 * MINUTE, 2100), (25 * MINUTE, drum)]
WASHING = [(20 * MINUTE, 2100), (40 * MINUTE, drum), (2 * MINUTE, 15), (8 * MINUTE, drum)]
DISHES = [(15 * MINUTE, 120), (20 * MINUTE, 2000), (10 * MINUTE, 120), (40, 3), (15 * MINUTE, 2000)]


@pytest.mark.parametrize(
    "load, hours",
    [
        ([(3 * HOUR, FLICKER), (2 * HOUR, 230), (3 * HOUR, quantised(4, 6)), (HOUR, 230), (2 * HOUR, FLICKER)], 3.0),
        ([(3 * HOUR, FLICKER), *WASHING, (3 * HOUR, FLICKER)], 70 / 60),
        ([(3 * HOUR, FLICKER), *COTTON, (3 * HOUR, FLICKER)], 80 / 60),
        ([(3 * HOUR, FLICKER), *DISHES, (3 * HOUR, FLICKER)], 60 / 60),
        ([*repeated(9, (40 * MINUTE, 0), (20 * MINUTE, quantised(90, 92, 94)))], 3.0),
        ([*repeated(9, (40 * MINUTE, quantised(15, 17)), (20 * MINUTE, 120))], 3.0),
        ([(5 * HOUR, 0), (180, 1900), (HOUR, 0), (150, 1900), (HOUR, 0)], 330 / 3600),
        ([(3 * HOUR, 2), (4 * HOUR, lambda s: 90 + 20 * (s // 60 % 2)), (HOUR, 2)], 4.0),
        ([(3 * HOUR, 2), (4 * HOUR, lambda s: 125 if s % 2400 < 360 else 90), (HOUR, 2)], 4.0),
        ([(3 * HOUR, 2), (4 * HOUR, lambda s: 15 + s // 600 % 3 * 7), (HOUR, 2)], 4.0),
        ([(3 * HOUR, FLICKER), (2 * HOUR, 11), (2 * HOUR, FLICKER)], 2.0),
        ([(5 * HOUR, quantised(9, 11)), *repeated(10, (60, 700), (20, 12)), (HOUR, quantised(9, 11))], 780 / 3600),
    ],
    ids=[
        "a projector's lamp, and its stand-by",
        "a washing machine's programme with its dips",
        "a drum that turns at a steady pace before it heats",
        "a dishwasher's programme",
        "a refrigerator",
        "a thermostat that idles at 15 W",
        "a kettle",
        "a computer",
        "a screen that is brighter now and then",
        "a laptop",
        "a lamp of 11 W",
        "a printer",
    ],
)
def test_the_hours_that_a_person_reads_off(load, hours):
    assert run_s(found(*load)) == pytest.approx(3600 * hours, rel=0.02)


@pytest.mark.parametrize(
    "load, why",
    [
        ([(3 * HOUR, quantised(9, 11))], "no run was seen: the power rests at 9 W"),
        ([(3 * HOUR, 0)], "no run was seen: the power rests at 0 W and was above 10 W for 0 s in all"),
        ([(3 * HOUR, 3000)], "no run was seen"),
        ([(HOUR, -3), (HOUR, -800)], "the power rests at -800 W: turn the meter round"),
        ([(3 * HOUR, 0), (20, 500), (HOUR, 0)], "no run was seen: the power rests at 0 W and was above 10 W for 20 s"),
        ([(3 * HOUR, lambda s: 500 * (s // 60 % 7))], "the power never rests at one level"),
        ([(2 * MINUTE, 0), (2 * MINUTE, 500)], "only 238 s were observed"),
        (
            [(HOUR, 17), (60, 1500), *[part for n in range(60) for part in ((50 + n, 17), (4, 1500))], (HOUR, 17)],
            "pauses at rest",
        ),
        ([(HOUR, 17), *repeated(400, (3, 1500), (70, 17)), (60, 1500), (HOUR, 17)], "too briefly to count"),
        ([(HOUR, 3), *[part for n in range(60) for part in ((60, 300), (40 + 7 * n, 3))], (HOUR, 3)], "a pause may be"),
        ([(3 * HOUR, 4), (4 * HOUR, lambda s: 4 + 14 * s / 14_400), (HOUR, 4)], "with the threshold"),
    ],
    ids=[
        "a router",
        "nothing",
        "a constant load",
        "wired the wrong way",
        "a spike",
        "no rest",
        "too short",
        "keeping warm",
        "bursts",
        "pauses of all lengths",
        "no gap",
    ],
)
def test_where_no_pair_serves_it_says_why(load, why):
    finding = found(*load)
    assert not finding.serves
    assert why in " ".join(finding.objections)


INSTRUMENT = [(HOUR, 5), (45 * MINUTE, 340), (2 * HOUR, 880), (40 * MINUTE, 340), (HOUR, 880), (HOUR, 340), (HOUR, 5)]


def test_an_instrument_that_idles_before_and_after_its_runs_is_not_running_then():
    finding = found(*INSTRUMENT)
    assert run_s(finding) == pytest.approx(3 * HOUR, abs=5)
    assert finding.proposal.standby == (10_000, 15_000)
    assert finding.proposal.run == (391_000, 442_000)


def test_a_short_recording_of_off_idle_and_one_run_serves():
    finding = found((5 * MINUTE, 5), (5 * MINUTE, 340), (15 * MINUTE, 880), (3 * MINUTE, 340))
    assert run_s(finding) == pytest.approx(15 * MINUTE, abs=5)


def test_a_level_that_may_be_idling_or_work_is_left_to_a_guided_recording():
    finding = found((3 * HOUR, 0), (20 * MINUTE, 300), (HOUR, 900), (18 * MINUTE, 300), (3 * HOUR, 0))
    assert not finding.serves
    assert "at 300 W to 300 W the instrument may idle, which gives 1.00 h of run, or work, which gives 1.63 h" in str(
        finding.objections
    )


def test_a_machine_that_goes_from_off_to_full_power_does_not_idle_at_half():
    drier = [(3 * HOUR, 0), (HOUR, 2500), (40 * MINUTE, 250), (3 * HOUR, 0)]
    assert run_s(found(*drier)) == pytest.approx(100 * MINUTE, abs=5)


def test_bursts_while_idling_are_below_the_threshold_of_the_run():
    idle, busy = bursts(65, 320, low_s=6, high_s=2), bursts(860, 2000, low_s=4, high_s=6)
    finding = found((HOUR, 3), (HOUR, idle), (2 * HOUR, busy), (HOUR, idle), (HOUR, 3))
    assert run_s(finding) == pytest.approx(2 * HOUR, abs=10)
    assert finding.proposal.run.on_mw > 320_000


def test_what_was_never_off_has_an_off_below_half_of_its_floor():
    finding = found((HOUR, 40), (HOUR, 400), (HOUR, 40))
    assert finding.proposal.standby == (10_000, 20_000)
    assert "never off" in finding.remarks[0]


def test_a_hole_of_hours_is_neither_rest_nor_run():
    finding = found((2 * HOUR, 3), (HOUR, 300), (5 * HOUR, None), (HOUR, 300), (2 * HOUR, 3))
    assert run_s(finding) == pytest.approx(2 * HOUR, abs=5)


@pytest.mark.parametrize("poll_s", [1, 3, 10, 60])
def test_hours_hold_at_any_poll_period_and_the_gap_is_three_polls(poll_s):
    finding = found((3 * HOUR, 3), (2 * HOUR, 300), (3 * HOUR, 3), poll_s=poll_s)
    assert run_s(finding) == pytest.approx(2 * HOUR, abs=2 * poll_s)
    assert finding.gap_ms == max(60, 3 * poll_s) * 1000


def test_it_says_the_same_each_time():
    assert found(*INSTRUMENT) == found(*INSTRUMENT)


def phases(off_s, idle_s, run_s):
    def stretch(start_s, end_s):
        return START_MS + 1000 * start_s, START_MS + 1000 * end_s

    return Phases(stretch(0, off_s), stretch(off_s, off_s + idle_s), stretch(off_s + idle_s, off_s + idle_s + run_s))


def test_what_somebody_told_needs_no_guess():
    told = phases(120, 300, 900)
    finding = found((120, 0), (300, 300), (900, 900), (120, 300), phases=told)
    assert run_s(finding) == pytest.approx(900, abs=3)
    assert finding.proposal.off_rest.floor_mw == 0


def test_nobody_presses_enter_at_the_very_moment():
    finding = found((110, 0), (300, 300), (910, 900), (120, 300), phases=phases(120, 300, 900))
    assert run_s(finding) == pytest.approx(910, abs=3)
    assert (finding.proposal.off_rest.reach_mw, finding.proposal.idle_rest.reach_mw) == (0, 300_000)


@pytest.mark.parametrize(
    "load, why",
    [
        ([(120, 0), (300, 300), (900, 320)], "of the run of 15.0 min only 0.0 min lie above the idling instrument"),
        ([(120, 0), (300, 300), (1200, 900)], "5.0 min outside the run lie as high as the run"),
    ],
)
def test_what_was_told_has_to_be_what_is_seen(load, why):
    finding = found(*load, phases=phases(120, 300, 900))
    assert why in finding.objections


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_simulated_instruments_day_is_its_truth(name):
    recorded, truth_ms, at_ms = [], 0, 0
    for segment in segments(MODELS[name], seed=11, speed=1):
        recorded += [Sample(at, segment.power_mw) for at in range(-(-at_ms // 2000) * 2000, at_ms + segment.ms, 2000)]
        truth_ms += segment.ms if segment.state == "run" else 0
        at_ms += segment.ms
        if at_ms > 11 * HOUR * 1000:
            break
    finding = calibrate(observe(recorded), poll_ms=2000)
    assert run_s(finding) == pytest.approx(truth_ms / 1000, rel=0.01)


def test_what_lies_ten_times_above_the_runs_is_not_believed_later():
    assert found((3 * HOUR, 3), (120, 3000), (3 * HOUR, 3)).proposal.valid_mw == (0, 30_000_000)
    assert found((3 * HOUR, -2), (2 * HOUR, 300), (3 * HOUR, -2)).proposal.valid_mw == (-4_000, 5_000_000)


def test_a_glitch_of_the_meter_does_not_widen_what_is_believed():
    assert found((3 * HOUR, 3), (4, 900_000), (3 * HOUR, 3), (HOUR, 400)).proposal.valid_mw == (0, 5_000_000)


def test_a_slow_recording_says_what_it_cannot_know():
    assert "recorded each 60 s" in found((3 * HOUR, 3), (2 * HOUR, 300), (3 * HOUR, 3), poll_s=60).remarks[0]


def test_what_switches_by_itself_while_idling_is_no_run_where_somebody_told_what_was_when():
    """A chiller of 82 W on 320 W that starts as the run ends: from the floor of idling, the run would go on with it."""
    chilled = [(100, 320), (50, 402)] * 6
    finding = found((300, 3), *chilled, (900, 900), (200, 402), (100, 320), phases=phases(300, 900, 900))
    assert finding.serves, finding.objections
    assert finding.proposal is not None
    assert finding.proposal.run.off_mw > 402_000
    assert finding.proposal.run.on_mw < 900_000


def test_hours_at_a_level_within_which_something_switches_are_not_called_a_run_unasked():
    """On for ten hours, a chiller going on and off, four runs of an hour: the ten hours may be idling."""
    chilled = [(180, 380), (320, 300)] * 12
    finding = found((2 * HOUR, 5), *[part for _ in range(4) for part in (*chilled, (HOUR, 950))], *chilled, (HOUR, 5))
    assert not finding.serves
    assert "the instrument may idle" in finding.objections[0]
