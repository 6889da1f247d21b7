"""Watts where they serve, the energy counter where they do not: which of them a recording is judged by."""

import pytest

from agent.calibration import yardstick
from agent.calibration.verdict import Phases, calibrate
from protocol.policy import Counter
from tests.agent.calibration.loads import HOUR, START_MS, bursts, counted, observe

WARM = bursts(2200, 300, low_s=2, high_s=28)
"""A heater behind a relay of fixed period while its instrument idles."""
WORK = bursts(2200, 300, low_s=18, high_s=12)
DAY = [(2 * HOUR, 5), (HOUR, WARM), (2 * HOUR, WORK), (HOUR, WARM), (HOUR, WORK), (HOUR, WARM), (2 * HOUR, 5)]


def phases(off_s, idle_s, run_s):
    def stretch(start_s, end_s):
        return START_MS + 1000 * start_s, START_MS + 1000 * end_s

    return Phases(stretch(0, off_s), stretch(off_s, off_s + idle_s), stretch(off_s + idle_s, off_s + idle_s + run_s))


TOLD = phases(300, 900, 1800)


def guided(idle, work, *, poll_s=2, step_mwh=1000, off=5):
    return observe(counted((300, off), (900, idle), (1800, work), (300, idle), poll_s=poll_s, step_mwh=step_mwh))


def found(observed, *, poll_s=2, told=None):
    return yardstick.find(observed, poll_ms=1000 * poll_s, phases=told)


def test_idling_and_work_that_differ_only_in_how_long_the_heater_is_on_are_told_by_the_counter():
    observed = guided(WARM, WORK)
    assert not calibrate(observed, poll_ms=2000, phases=TOLD).serves
    finding = found(observed, told=TOLD)
    assert finding.serves, finding.objections
    assert finding.counter.step_mwh == 1000
    assert finding.proposal.choice.run_ms == pytest.approx(1_800_000, abs=2 * finding.counter.window_ms)
    assert "the energy counter decides, in windows of 30 s, for watts do not serve: no run" in finding.remarks[-1]


def test_its_thresholds_are_ones_that_the_counter_may_decide():
    proposal = found(guided(WARM, WORK), told=TOLD).proposal
    assert proposal.run.on_mw - proposal.run.off_mw >= 2 * proposal.idle_rest.grain_mw
    assert 2 * proposal.run.on_mw <= proposal.idle_rest.floor_mw + proposal.busy_mw
    assert proposal.standby == (10_000, 15_000), "off and standby are told apart by watts"


@pytest.mark.parametrize("step_mwh, window_ms", [(10, 30_000), (1000, 30_000), (10_000, 120_000)])
def test_a_coarser_counter_needs_a_longer_window(step_mwh, window_ms):
    observed = observe(counted((600, 5), (2400, WARM), (4800, WORK), (600, WARM), step_mwh=step_mwh))
    finding = found(observed, told=phases(600, 2400, 4800))
    assert (finding.serves, finding.counter) == (True, Counter(step_mwh, window_ms))


def test_nobody_has_to_say_what_was_when_if_all_windows_tell_the_same():
    warm, work = bursts(2200, 300, low_s=2, high_s=88), bursts(2200, 300, low_s=54, high_s=36)
    day = [(2 * HOUR, 5), (HOUR, warm), (2 * HOUR, work), (HOUR, warm), (HOUR, work), (HOUR, warm), (2 * HOUR, 5)]
    finding = found(observe(counted(*day)))
    assert finding.serves, finding.objections
    assert finding.proposal.choice.run_ms == pytest.approx(3 * HOUR * 1000, rel=0.02)
    assert finding.proposal.off_rest is not None


def test_windows_that_contradict_each_other_are_left_to_a_guided_recording(monkeypatch):
    """Of a heater of 40 s, windows of 30 s do not show that it idles; those of two minutes do."""
    monkeypatch.setattr(yardstick, "WINDOWS_MS", (30_000, 120_000))
    warm, work = bursts(2200, 300, low_s=2, high_s=38), bursts(2200, 300, low_s=24, high_s=16)
    day = [(2 * HOUR, 5), (HOUR, warm), (2 * HOUR, work), (HOUR, warm), (HOUR, work), (HOUR, warm), (2 * HOUR, 5)]
    finding = found(observe(counted(*day, step_mwh=100)))
    assert (finding.serves, finding.counter) == (False, None)
    assert "it tells 6.00 h by windows of 30 s, 3.00 h by windows of 120 s; a guided recording" in finding.remarks[-1]


@pytest.mark.parametrize(
    "idle, work", [(300, 900), (bursts(300, 1500, low_s=198, high_s=2), bursts(1500, 300, low_s=24, high_s=20))]
)
def test_watts_that_serve_at_two_seconds_date_better_and_stay(idle, work):
    observed = guided(idle, work)
    by_watts = calibrate(observed, poll_ms=2000, phases=TOLD)
    assert by_watts.serves
    assert found(observed, told=TOLD) == by_watts


def test_watts_that_serve_because_no_poll_met_a_pulse_give_way():
    some = counted((300, 5), (900, WARM), (1800, WORK), (300, WARM))
    work_ms = range(*TOLD.run)
    met = [each if each.at_ms in work_ms else each._replace(power_mw=min(each.power_mw, 300_000)) for each in some]
    assert calibrate(observe(met), poll_ms=2000, phases=TOLD).serves
    finding = found(observe(met), told=TOLD)
    assert finding.serves
    assert finding.counter is not None
    assert "where a run ends hangs on the polls" in finding.remarks[-1]


def test_where_the_counter_is_no_help_either_chance_is_no_answer():
    """Pulses were met before the run, and none after it; one step of the counter is 20 Wh."""
    warm, work = bursts(2200, 300, low_s=2, high_s=48), bursts(2200, 300, low_s=30, high_s=20)
    some = counted((300, 5), (900, warm), (1800, work), (300, warm), step_mwh=20_000)
    met = [each if each.at_ms < TOLD.run[1] else each._replace(power_mw=300_000) for each in some]
    finding = found(observe(met), told=TOLD)
    assert (finding.serves, finding.counter) == (False, None)
    assert "hangs on the polls" in finding.objections[0]
    assert "the energy counter does not serve" in finding.remarks[-1]


@pytest.mark.parametrize("load", [DAY, [(3 * HOUR, 5), (HOUR, 900), (HOUR, 5)], [(3 * HOUR, 9)]])
def test_without_a_counter_everything_is_as_it_was(load):
    bare = [each._replace(delta_mwh=None, counter_mwh=None) for each in observe(counted(*load))]
    assert found(bare) == calibrate(bare, poll_ms=2000)


def test_a_heater_that_slow_polls_meet_in_a_pause_is_told_by_the_counter():
    warm, work = bursts(0, 1000, low_s=20, high_s=5), bursts(0, 1000, low_s=5, high_s=20)
    observed = observe(counted((HOUR, warm), (HOUR, work), (HOUR, warm), poll_s=25))
    assert not calibrate(observed, poll_ms=25_000).serves
    finding = found(observed, poll_s=25)
    assert finding.proposal.choice.run_ms == pytest.approx(HOUR * 1000, abs=2 * finding.counter.window_ms)
    assert not any("recorded each 25 s" in remark for remark in finding.remarks)


def test_slow_watts_that_tell_other_hours_than_the_counter_give_way_to_it():
    """Polls each 30 s that meet a heater of 31 s, which idles one second in ten, in each of its moments by turns."""
    work = bursts(900, 300, low_s=22, high_s=9)
    observed = guided(bursts(900, 300, low_s=2, high_s=29), work, poll_s=15)
    finding = found(observed, poll_s=15, told=TOLD)
    assert finding.serves
    assert finding.counter is not None


def test_slow_watts_that_tell_the_same_hours_stay():
    observed = guided(300, 900, poll_s=10)
    assert found(observed, poll_s=10, told=TOLD) == calibrate(observed, poll_ms=10_000, phases=TOLD)


DRUM = bursts(3, 200, low_s=10, high_s=30)


def test_a_counter_that_is_too_coarse_is_no_witness_against_watts():
    """A fan of some 19 W belongs to the programme; by windows of up to five minutes, only the heating would."""
    fan = bursts(3, 25, low_s=10, high_s=30)
    observed = observe(counted((3 * HOUR, 0), (HOUR, fan), (HOUR, 2000), (HOUR, fan), (3 * HOUR, 0), poll_s=10))
    by_counter = calibrate(observed, poll_ms=10_000, counter=Counter(1000, 60_000))
    assert by_counter.serves
    assert by_counter.proposal.choice.run_ms == HOUR * 1000
    assert found(observed, poll_s=10) == calibrate(observed, poll_ms=10_000)


def test_what_falls_out_of_its_level_in_watts_is_no_idling_however_even_its_windows_are():
    load = [(3 * HOUR, 0), (HOUR, DRUM), (HOUR, 2000), (HOUR, DRUM), (HOUR, 2000), (3 * HOUR, 0)]
    finding = calibrate(observe(counted(*load, step_mwh=10)), poll_ms=2000, counter=Counter(10, 120_000))
    assert finding.proposal.off_rest is None
    assert finding.proposal.choice.run_ms == pytest.approx(4 * HOUR * 1000, rel=0.02)


def test_a_weaker_run_gets_a_longer_window_so_that_its_threshold_stays_low():
    warm, work = bursts(1700, 300, low_s=2, high_s=28), bursts(1700, 300, low_s=18, high_s=12)
    observed = guided(warm, work)
    by_half_a_minute = calibrate(observed, poll_ms=2000, phases=TOLD, counter=Counter(1000, 30_000))
    assert by_half_a_minute.serves
    assert found(observed, told=TOLD).counter == Counter(1000, 60_000)


def test_pauses_of_a_heater_without_any_other_load_are_not_taken_for_off():
    warm, work = bursts(0, 2200, low_s=28, high_s=2), bursts(0, 2200, low_s=12, high_s=18)
    finding = found(guided(warm, work, off=0), told=TOLD)
    assert finding.serves, finding.objections
    assert finding.proposal.standby == finding.proposal.run
    assert "no standby level was seen" in finding.remarks[0]


def test_idling_that_was_told_too_briefly_for_windows_says_so():
    observed = observe(counted((60, 5), (70, WARM), (600, WORK), step_mwh=100))
    finding = found(observed, told=phases(60, 70, 600))
    assert (finding.serves, finding.counter) == (False, None)
    assert "less than 90 s of idling were recorded whole" in finding.remarks[-1]


def test_runs_that_are_short_beside_the_window_are_not_dated_by_it():
    short = [part for _ in range(6) for part in ((300, bursts(2200, 0, low_s=18, high_s=12)), (1200, 0))]
    observed = observe(counted((HOUR, 0), *short, (HOUR, 0), step_mwh=1000))
    finding = calibrate(observed, poll_ms=2000, counter=Counter(1000, 300_000))
    assert "each of its runs (6) is dated to windows of 300 s" in " ".join(finding.objections)


def test_polls_slower_than_half_of_the_longest_window_leave_the_counter_out():
    observed = observe(counted((9 * HOUR, 5), (9 * HOUR, 900), poll_s=600))
    assert found(observed, poll_s=600) == calibrate(observed, poll_ms=600_000)


def test_it_says_the_same_each_time():
    assert found(guided(WARM, WORK), told=TOLD) == found(guided(WARM, WORK), told=TOLD)


def test_at_which_level_an_instrument_idles_the_counter_is_not_asked():
    """A chiller that goes on and off for hours while the instrument idles: nobody told, so a guided recording asks."""
    chilled = [(180, 380), (320, 300)] * 12
    load = [(2 * HOUR, 5), *[part for _ in range(4) for part in (*chilled, (HOUR, 950))], *chilled, (HOUR, 5)]
    observed = observe(counted(*load))
    finding = found(observed)
    assert not finding.serves
    assert finding == calibrate(observed, poll_ms=2000)
