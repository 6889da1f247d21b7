"""Power from the counter: thermostats seen too seldom, windows on a fixed grid, holes that prove that nothing ran."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.counted import count_energy, quiet_gaps
from protocol.observation import Observation, between
from protocol.policy import MS_PER_HOUR, Counter, Policy, Trigger
from protocol.timeline import derive

WINDOW_MS = 60_000

# Thresholds on the average: a heater of 1000 W that is on for a fifth of the time idles, for four fifths works.
POLICY = Policy(
    name="thermostat",
    valid_mw=(0, 5_000_000),
    standby=Trigger(on_mw=40_000, off_mw=20_000, on_ms=60_000, off_ms=60_000),
    run=Trigger(on_mw=600_000, off_mw=400_000, on_ms=60_000, off_ms=60_000),
    gap_ms=60_000,
    sha256="0" * 64,
    counter=Counter(step_mwh=1000, window_ms=WINDOW_MS),
)


def heater(at_s):
    """Watts of a heater that switches each few seconds: idle for an hour, at work for an hour, idle for an hour."""
    busy = 3600 <= at_s < 7200
    return 1000 if at_s % 25 < (20 if busy else 5) else 0


def polled(every_s, *, seconds=10_800, load=heater):
    """What a meter with a counter of whole watt-hours shows when it is asked every so many seconds."""
    joules, counters = 0.0, [0]
    for second in range(seconds):
        joules += load(second)
        counters.append(int(joules / 3600) * 1000)
    found = []
    for at in range(every_s, seconds + 1, every_s):
        mw = load(at - 1) * 1000
        delta = counters[at] - counters[at - every_s]
        found.append(Observation((at - every_s) * 1000, at * 1000, mw, mw, mw, delta, counters[at]))
    return found


def run_s(observed, policy):
    spans = derive(observed, policy, start_ms=0, end_ms=10_800_000, lead_in="unobserved").spans
    return sum(span.end_ms - span.start_ms for span in spans if span.state == "run") / 1000


def test_the_counter_tells_the_hour_that_watts_asked_too_seldom_do_not():
    seldom = polled(50)  # it always meets the heater in a pause
    assert abs(run_s(count_energy(seldom, POLICY), POLICY) - 3600) <= 2 * WINDOW_MS / 1000
    watts = msgspec.structs.replace(POLICY, counter=None)
    assert count_energy(seldom, watts) is seldom
    assert abs(run_s(seldom, watts) - 3600) > 600


def test_a_step_too_coarse_for_a_trigger_leaves_it_to_the_watts():
    """1 Wh over 60 s is 60 W: fine for the run's band of 200 W, not for standby's of 20 W."""
    assert POLICY.counter.decides(POLICY.run)
    assert not POLICY.counter.decides(POLICY.standby)
    flicker = count_energy(polled(30, load=lambda at_s: 30), POLICY)
    assert {each.counted_mw for each in flicker} <= {0, 60_000}  # half a step a minute
    spans = derive(flicker, POLICY, start_ms=0, end_ms=10_800_000, lead_in="unobserved").spans
    assert [span.state for span in spans] == ["off"]


@pytest.mark.parametrize("window_ms, fine", [(35_999, False), (36_000, True)])
def test_the_counter_decides_from_half_of_the_band_on(window_ms, fine):
    """1000 mWh · 3600 / 36 s is 100 W, half of 200 W."""
    assert Counter(1000, window_ms).decides(POLICY.run) is fine


def test_windows_lie_on_the_hour_and_parts_keep_what_was_reported():
    whole = Observation(30_000, 150_000, 360_000, 300_000, 400_000, 12_000, 112_000)
    after = Observation(150_000, 190_000, 360_000, 300_000, 400_000, 4_000, 116_000)
    parts = count_energy([whole, after], POLICY)
    assert [(part.start_ms, part.end_ms, part.counted_mw) for part in parts] == [
        (30_000, 60_000, None),  # the window's first half is not known
        (60_000, 120_000, 360_000),
        (120_000, 150_000, 360_000),
        (150_000, 180_000, 360_000),
        (180_000, 190_000, None),
    ]
    assert {(part.low_mw, part.high_mw, part.delta_mwh) for part in parts[:3]} == {(300_000, 400_000, 12_000)}
    assert [part.counter_mwh for part in parts] == [None, None, 112_000, None, 116_000]


def test_a_short_hole_is_bridged_by_the_counter_and_a_long_one_is_not():
    first = Observation(0, 50_000, 0, 0, 0, 0, 100_000)
    bridged = count_energy([first, Observation(110_000, 120_000, 0, 0, 0, 0, 112_000)], POLICY)
    assert [part.counted_mw for part in bridged] == [120_000, 600_000]  # 12 Wh within the minute of the hole
    apart = count_energy([first, Observation(110_001, 120_000, 0, 0, 0, 0, 112_000)], POLICY)
    assert [part.counted_mw for part in apart] == [None, None]


def test_a_counter_that_was_reset_tells_nothing_of_the_window_in_which_it_was():
    before, after = Observation(0, 70_000, 0, 0, 0, 0, 100_000), Observation(70_000, 130_000, 0, 0, 0, 0, 5_000)
    parts = count_energy([before, after], POLICY)
    assert [part.counted_mw for part in parts] == [0, None, None, None]


def test_observations_without_a_counter_are_judged_by_their_watts():
    plain = [Observation(0, 60_000, 5, 5, 5, None), Observation(60_000, 120_000, 5, 5, 5, None)]
    assert [part.counted_mw for part in count_energy(plain, POLICY)] == [None, None]


@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_windows_add_up_to_what_the_counter_rose_by(lengths, chance):
    at, counter, observed = 0, 0, []
    for ms in lengths:
        delta = chance.choice((0, 0, 1000))
        counter += delta
        observed.append(Observation(at, at + ms, 0, 0, 0, delta, counter))
        at += ms
    parts = count_energy(observed, POLICY)
    assert [(part.start_ms, part.end_ms) for part in between(observed, 0, end_ms=at)] == [
        (each.start_ms, each.end_ms) for each in observed
    ]
    assert sum(part.end_ms - part.start_ms for part in parts) == at
    powers = {part.start_ms // WINDOW_MS: part.counted_mw for part in parts}
    told = sum(mw for mw in powers.values() if mw is not None) * WINDOW_MS / MS_PER_HOUR
    assert all(powers[number] is not None for number in range(at // WINDOW_MS))
    assert counter - 1000 * (at % WINDOW_MS > 0) * len(lengths) <= told <= counter


class TestDaysChain:
    def test_pieces_give_the_states_of_the_whole_wherever_they_are_cut(self):
        chance = random.Random(5)
        observed = count_energy(polled(7), POLICY)
        whole = derive(observed, POLICY, start_ms=0, end_ms=10_800_000, lead_in="unobserved")
        for _ in range(30):
            cut = chance.randrange(1, 10_800_000)
            first = derive(observed, POLICY, start_ms=0, end_ms=cut, lead_in="unobserved")
            second = derive(observed, POLICY, start_ms=cut, end_ms=10_800_000, lead_in=first.lead_out)
            joined = [*first.spans, *second.spans]
            assert [span for span in whole.spans if span.end_ms <= cut or span.start_ms >= cut] == [
                span for span in joined if span in whole.spans
            ]
            assert second.lead_out == whole.lead_out


class TestOneTriggerByTheCounterAndOneByTheWatts:
    """The run's by the counter, a minute at a time; standby's by the watts of each sample."""

    SWITCHES_ON = staticmethod(lambda at_s: 1000 if 1220 <= at_s < 7218 else 5)

    def test_what_is_off_before_a_run_stays_off(self):
        """The counter shows the run from the beginning of its minute: 20 s before the watts rise."""
        observed = count_energy(polled(2, load=self.SWITCHES_ON), POLICY)
        spans = derive(observed, POLICY, start_ms=0, end_ms=10_800_000, lead_in="unobserved").spans
        assert [(span.state, span.start_ms, span.end_ms) for span in spans] == [
            ("off", 0, 1_200_000),
            ("run", 1_200_000, 7_200_000),
            ("standby", 7_200_000, 7_218_000),
            ("off", 7_218_000, 10_800_000),
        ]

    def test_pauses_of_a_heater_at_work_are_not_off_however_long_they_are(self):
        pauses = polled(2, load=lambda at_s: 3000 if at_s % 240 < 150 else 0)
        long = msgspec.structs.replace(POLICY, counter=Counter(1000, 240_000))
        spans = derive(count_energy(pauses, long), long, start_ms=0, end_ms=10_800_000, lead_in="unobserved").spans
        assert [span.state for span in spans] == ["run"]

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 10**6), st.sampled_from([(40_000, 20_000), (600_000, 100_000)]))
    def test_spans_follow_each_other_and_days_chain_wherever_they_are_cut(self, seed, standby_mw):
        """With bands of 20 W (watts decide) and of 500 W (the counter does) for standby, and the other for the run."""
        chance = random.Random(seed)
        watts = [chance.choice((0, 30, 300, 1000)) for _ in range(540)]
        on_mw, off_mw = standby_mw
        policy = msgspec.structs.replace(
            POLICY,
            standby=Trigger(on_mw, off_mw, chance.choice((4_000, 60_000)), 60_000),
            run=Trigger(620_000, 600_000, 10_000, 20_000) if on_mw == 600_000 else POLICY.run,
        )
        observed = count_energy(polled(2, load=lambda at_s: watts[at_s // 20]), policy)
        whole = derive(observed, policy, start_ms=0, end_ms=10_800_000, lead_in="unobserved")
        cut = chance.randrange(1, 10_800_000)
        first = derive(observed, policy, start_ms=0, end_ms=cut, lead_in="unobserved")
        second = derive(observed, policy, start_ms=cut, end_ms=10_800_000, lead_in=first.lead_out)
        assert second.lead_out == whole.lead_out
        assert states_by_second(first, second) == states_by_second(whole)


def states_by_second(*timelines):
    """Fails where spans do not follow each other."""
    spans = [span for timeline in timelines for span in timeline.spans]
    assert all(span.start_ms < span.end_ms for span in spans)
    assert [span.start_ms for span in spans] == [0, *(span.end_ms for span in spans[:-1])]
    return [span.state for span in spans for _ in range(-(-span.start_ms // 1000), -(-span.end_ms // 1000))]


class TestQuietGaps:
    """A run keeps above 400 W for 60 s: 6 667 mWh, and the counter may owe one step of 1 000."""

    BEFORE = Observation(0, 10_000, 0, 0, 0, 0, 50_000)

    @pytest.mark.parametrize("risen_mwh, quiet", [(0, True), (5_666, True), (5_667, False), (400_000, False)])
    def test_a_counter_that_hardly_rose_proves_that_no_run_took_place(self, risen_mwh, quiet):
        after = Observation(600_000, 610_000, 0, 0, 0, 0, 50_000 + risen_mwh)
        assert quiet_gaps([self.BEFORE, after], POLICY) == ([(10_000, 600_000)] if quiet else [])

    @pytest.mark.parametrize(
        "after",
        [
            Observation(600_000, 610_000, 0, 0, 0, 0, 49_000),  # reset
            Observation(600_000, 610_000, 0, 0, 0, None),  # no counter
            Observation(70_000, 80_000, 0, 0, 0, 0, 50_000),  # no long hole
        ],
    )
    def test_nothing_else_proves_it(self, after):
        assert quiet_gaps([self.BEFORE, after], POLICY) == []

    def test_without_the_step_of_the_counter_nothing_is_proved(self):
        after = Observation(600_000, 610_000, 0, 0, 0, 0, 50_000)
        assert quiet_gaps([self.BEFORE, after], msgspec.structs.replace(POLICY, counter=None)) == []
