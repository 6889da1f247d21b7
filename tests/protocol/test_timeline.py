"""The kernel's rules, one by one, as numbered at the top of protocol/timeline.py; loads as tests/protocol/loads.py has
them. How days chain is in test_chaining.py, what holds of any load in test_kernel_properties.py."""

import msgspec
import pytest

from protocol.observation import Observation
from protocol.policy import Trigger
from protocol.timeline import Span, derive
from tests.protocol.loads import BAND, BUSY, FLOOR, IDLE, POLICY, led, observed, told


def test_a_run_between_standby():
    assert told((600, FLOOR), (600, IDLE), (3600, BUSY), (600, IDLE), (600, FLOOR)) == [
        (600, "off"),
        (600, "standby"),
        (3600, "run"),
        (600, "standby"),
        (600, "off"),
    ]


def test_a_timeline_is_made_of_named_spans():
    timeline = derive(observed((60, BUSY)), POLICY, start_ms=0, end_ms=70_000, lead_in="unobserved")
    assert timeline.spans == (Span(0, 60_000, "run"), Span(60_000, 70_000, "unobserved"))
    assert timeline.lead_out == "run,hole:10000"


class TestThresholdsRule5:
    @pytest.mark.parametrize(
        "watts, state",
        [(20, "off"), (21, "off"), (39, "off"), (40, "standby"), (399, "standby"), (400, "run"), (9_999, "run")],
    )
    def test_coming_up_from_off(self, watts, state):
        assert told((100, FLOOR), (100, watts))[-1] == ((200, "off") if state == "off" else (100, state))

    @pytest.mark.parametrize(
        "watts, state", [(400, "run"), (201, "run"), (200, "standby"), (21, "standby"), (20, "off"), (0, "off")]
    )
    def test_coming_down_from_run(self, watts, state):
        assert told((100, BUSY), (100, watts))[-1] == ((200, "run") if state == "run" else (100, state))

    def test_the_maximum_of_an_interval_raises_and_its_minimum_lowers(self):
        assert told((100, IDLE), (100, 201, 400))[-1] == (100, "run")
        assert told((100, BUSY), (100, 200, 399))[-1] == (100, "standby")

    def test_power_that_stays_inside_the_band_keeps_the_state(self):
        assert told((100, IDLE), (9_000, BAND)) == [(9_100, "standby")]
        assert told((100, BUSY), (9_000, BAND)) == [(9_100, "run")]

    def test_an_interval_on_both_sides_keeps_the_state(self):
        assert told((100, IDLE), (9_000, 150, 500)) == [(9_100, "standby")]
        assert told((100, BUSY), (9_000, 150, 500)) == [(9_100, "run")]


class TestDwellsRule6:
    def test_a_spike_shorter_than_the_dwell_is_nothing(self):
        assert told((100, IDLE), (19.999, BUSY), (100, IDLE)) == [(219.999, "standby")]

    def test_one_as_long_as_the_dwell_is_a_run_from_its_first_instant(self):
        assert told((100, IDLE), (20, BUSY), (100, IDLE)) == [(100, "standby"), (20, "run"), (100, "standby")]

    def test_spikes_do_not_add_up(self):
        assert told(*[(19, BUSY), (1, IDLE)] * 100)[-1][1] == "standby"

    def test_a_dip_shorter_than_the_dwell_is_bridged(self):
        assert told((100, BUSY), (59.999, FLOOR), (100, BUSY)) == [(259.999, "run")]

    def test_a_dip_as_long_as_the_dwell_ends_the_run_where_the_dip_began(self):
        assert told((100, BUSY), (60, IDLE), (100, BUSY)) == [(100, "run"), (60, "standby"), (100, "run")]

    def test_a_washing_machine_rests_between_turns_and_runs_on(self):
        """domain.md section 3 through signals.md: run with low-power dips inside, bridged by the dwell of a fall."""
        turns = [(40, BUSY), (15, IDLE), (300, BUSY), (59, FLOOR)] * 8
        assert told((600, FLOOR), *turns, (900, FLOOR)) == [(600, "off"), (8 * 414 - 59, "run"), (959, "off")]

    def test_power_that_falls_into_the_band_while_pending_is_still_rising(self):
        assert told((100, IDLE), (5, BUSY), (100, BAND)) == [(100, "standby"), (105, "run")]

    def test_the_dwell_is_reached_across_many_short_intervals(self):
        assert told((100, IDLE), *[(1, BUSY)] * 20, (100, IDLE))[1] == (20, "run")

    def test_an_interval_on_both_sides_restarts_the_dwell_and_the_date(self):
        up, down = [(10, BUSY), (30, 150, 500), (19, BAND)], [(50, IDLE), (30, 150, 500), (59, BAND)]
        assert told((100, IDLE), *up, (100, IDLE)) == [(259, "standby")]
        assert told((100, IDLE), *up, (1, BAND), (100, IDLE)) == [(140, "standby"), (20, "run"), (100, "standby")]
        assert told((100, BUSY), *down, (100, BUSY)) == [(339, "run")]
        assert told((100, BUSY), *down, (1, BAND), (100, BUSY)) == [(180, "run"), (60, "standby"), (100, "run")]

    def test_without_dwells_every_crossing_counts(self):
        at_once = msgspec.structs.replace(
            POLICY, standby=Trigger(40_000, 20_000, 0, 0), run=Trigger(400_000, 200_000, 0, 0)
        )
        assert told((1, FLOOR), (1, BUSY), (1, IDLE), (1, BUSY), policy=at_once) == [
            (1, "off"),
            (1, "run"),
            (1, "standby"),
            (1, "run"),
        ]


class TestBothTriggersRule7:
    def test_from_off_to_run_at_once_leaves_no_standby_between(self):
        assert told((100, FLOOR), (100, BUSY), (100, FLOOR)) == [(100, "off"), (100, "run"), (100, "off")]

    def test_a_ramp_is_standby_from_its_own_crossing_and_run_from_the_second(self):
        assert told((100, FLOOR), (15, IDLE), (100, BUSY)) == [(100, "off"), (15, "standby"), (100, "run")]
        assert told((100, BUSY), (15, IDLE), (100, FLOOR)) == [(100, "run"), (15, "standby"), (100, "off")]

    def test_a_run_confirms_standby_before_standbys_own_dwell(self):
        slow = msgspec.structs.replace(POLICY, standby=Trigger(40_000, 20_000, 500_000, 60_000))
        load = (100, FLOOR), (15, IDLE), (30, BUSY), (59, FLOOR), (30, IDLE), (600, FLOOR)
        assert told(*load, policy=slow) == [
            (100, "off"),
            (15, "standby"),  # though it lasted 15 s of 500: the run after it proves it
            (30, "run"),
            (89, "standby"),
            (600, "off"),
        ]

    def test_off_ends_a_run_before_the_runs_own_dwell(self):
        slow = msgspec.structs.replace(POLICY, run=Trigger(400_000, 200_000, 20_000, 3_000_000))
        assert told((100, BUSY), (50, IDLE), (60, FLOOR), (50, BUSY), policy=slow) == [
            (100, "run"),
            (50, "standby"),
            (60, "off"),
            (50, "run"),
        ]


class TestHolesRule4And9:
    def test_a_hole_up_to_the_limit_takes_what_comes_after_it(self):
        assert told((100, BUSY), (60, None), (100, BUSY)) == [(260, "run")]
        assert told((100, BUSY), (60, None), (100, IDLE)) == [(100, "run"), (160, "standby")]
        assert told((100, IDLE), (60, None), (100, BUSY)) == [(100, "standby"), (160, "run")]

    def test_a_longer_hole_is_unobserved_and_the_run_ends_at_the_last_good_reading(self):
        assert told((100, BUSY), (60.001, None), (100, BUSY)) == [(100, "run"), (60.001, "unobserved"), (100, "run")]

    def test_the_domains_gap_of_ten_minutes(self):
        assert told((100, BUSY), (600, None), (100, BUSY))[1] == (600, "unobserved")

    def test_nothing_is_observed_before_the_first_and_after_the_last_reading(self):
        assert told((30, None), (100, BUSY), (30, None)) == [(30, "unobserved"), (100, "run"), (30, "unobserved")]

    def test_nothing_at_all_is_unobserved(self):
        assert told((100, None)) == [(100, "unobserved")]
        assert led((100, None)) == "unobserved"

    def test_after_a_long_hole_the_band_proves_nothing(self):
        assert told((100, BUSY), (61, None), (100, BAND)) == [(100, "run"), (61, "unobserved"), (100, "standby")]
        assert told((100, IDLE), (61, None), (100, 30)) == [(100, "standby"), (61, "unobserved"), (100, "off")]

    def test_after_a_long_hole_a_run_needs_its_dwell_again(self):
        assert told((100, BUSY), (61, None), (19, BUSY), (100, IDLE))[2] == (119, "standby")

    def test_what_is_pending_when_a_long_hole_begins_is_forgotten(self):
        assert told((100, BUSY), (59, IDLE), (61, None)) == [(159, "run"), (61, "unobserved")]
        assert told((100, IDLE), (19, BUSY), (61, None)) == [(119, "standby"), (61, "unobserved")]

    def test_unless_its_dwell_was_reached(self):
        assert told((100, BUSY), (60, IDLE), (61, None))[:2] == [(100, "run"), (60, "standby")]
        assert told((100, IDLE), (20, BUSY), (61, None))[:2] == [(100, "standby"), (20, "run")]

    def test_a_pending_change_lives_through_a_short_hole(self):
        assert told((100, IDLE), (10, BUSY), (5, None), (5, BUSY), (100, IDLE))[1] == (20, "run")

    def test_a_run_is_not_begun_by_a_long_hole_before_it(self):
        assert told((100, IDLE), (3600, None), (100, BUSY)) == [(100, "standby"), (3600, "unobserved"), (100, "run")]

    def test_a_hole_on_both_sides_of_the_thresholds_keeps_the_state(self):
        assert told((100, BUSY), (30, None), (10, 100, 500), (100, BUSY)) == [(240, "run")]


class TestWhatDeriveRefuses:
    def test_an_empty_stretch(self):
        with pytest.raises(ValueError, match="nothing to derive"):
            derive([], POLICY, start_ms=5, end_ms=5, lead_in="off")

    def test_a_lead_that_is_none(self):
        with pytest.raises(ValueError, match="is not a lead"):
            derive([], POLICY, start_ms=0, end_ms=5, lead_in="on")

    @pytest.mark.parametrize("second", [(50, 150), (0, 100), (100, 100)])
    def test_observations_that_are_not_in_order(self, second):
        some = [Observation(start, end, 5, 5, 5, None) for start, end in ((0, 100), second)]
        with pytest.raises(ValueError, match="is not after the one that ends at"):
            derive(some, POLICY, start_ms=0, end_ms=1_000, lead_in="off")

    def test_what_lies_before_the_start_is_ignored(self):
        some = observed((100, FLOOR), (100, BUSY))
        timeline = derive(some, POLICY, start_ms=150_000, end_ms=200_000, lead_in="run")
        assert timeline.spans == (Span(150_000, 200_000, "run"),)
