"""Days chain: each piece of a timeline hands over all that the next one has to know. Rule 10 of protocol/timeline.py.

By hand, the handover is always at 200 s.
"""

from datetime import timedelta

import msgspec
import pytest

from protocol.derivation import ALONE, Measured, Neighbours, neighbours_of
from protocol.interval import DAY_S, day_bounds_ms, local_day
from protocol.policy import Trigger
from protocol.timeline import Span, derive
from tests.protocol.days import DAY, meter, record_of
from tests.protocol.loads import BAND, BUSY, FLOOR, IDLE, POLICY, observed, told


def halves(*load, policy=POLICY, lead_in="unobserved"):
    some = observed(*load)
    first = derive(some, policy, start_ms=0, end_ms=200_000, lead_in=lead_in)
    second = derive(some, policy, start_ms=200_000, end_ms=400_000, lead_in=first.lead_out)
    whole = derive(some, policy, start_ms=0, end_ms=400_000, lead_in=lead_in)
    edge = Span(200_000, 200_000, "off")
    joined = [*first.spans, edge, *second.spans]
    if first.spans[-1].state == second.spans[0].state:
        joined = [*first.spans[:-1], edge, Span(first.spans[-1].start_ms, *second.spans[0][1:]), *second.spans[1:]]
    assert tuple(span for span in joined if span != edge) == whole.spans
    assert second.lead_out == whole.lead_out
    return first.lead_out, [(span.end_ms - span.start_ms) / 1000 for span in first.spans], first, second


def test_power_inside_the_band_keeps_the_state_of_the_day_before():
    for watts, state in ((IDLE, "standby"), (BUSY, "run")):
        lead, _, first, second = halves((100, watts), (300, BAND))
        assert lead == state
        assert [span.state for span in (*first.spans, *second.spans)] == [state, state]


def test_a_run_that_begins_just_before_midnight_gives_its_seconds_to_the_old_day():
    lead, seconds, _first, second = halves((195, IDLE), (205, BUSY))
    assert lead == "standby,run:5000"  # what was observed before midnight decides the lead
    assert seconds == [195, 5]  # and what comes after it, whether these 5 s were a run
    assert second.spans[0] == Span(200_000, 400_000, "run")


def test_a_spike_over_midnight_is_nothing_on_both_days():
    lead, seconds, *_ = halves((195, IDLE), (14, BUSY), (191, IDLE))
    assert lead == "standby,run:5000"
    assert seconds == [200]


def test_a_dip_over_midnight_is_bridged_on_both_days():
    lead, seconds, *_ = halves((170, BUSY), (59, FLOOR), (171, BUSY))
    assert lead == "run,standby:30000,run:30000"
    assert seconds == [200]


def test_a_run_that_ends_just_before_midnight_ends_there():
    _, seconds, *_ = halves((170, BUSY), (230, IDLE))
    assert seconds == [170, 30]


@pytest.mark.parametrize(
    "hole, after, lead, seconds",
    [
        ((30, 30), BUSY, "run,hole:30000", [200]),
        ((30, 30), IDLE, "run,hole:30000", [170, 30]),
        ((30, 31), BUSY, "run,hole:30000", [170, 30]),
        ((60, 0), BUSY, "run,hole:60000", [200]),
        ((61, 0), BUSY, "unobserved", [139, 61]),
        ((0, 61), BUSY, "run", [200]),
    ],
)
def test_a_hole_over_midnight_is_one_hole(hole, after, lead, seconds):
    before_s, after_s = hole
    found, spans, *_ = halves((200 - before_s, BUSY), (before_s + after_s, None), (200 - after_s, after))
    assert (found, spans) == (lead, seconds)


@pytest.mark.parametrize(
    "one, other, future",
    [
        # `standby` and `run`: pending for 5 s and for 15 s; 6 s more make a dwell of 20 s or do not
        ("off,standby:5000", "off,standby:15000", [(6, IDLE), (94, FLOOR)]),
        ("standby,run:5000", "standby,run:15000", [(6, BUSY), (94, IDLE)]),
        # pending or not: the band confirms what has begun, and begins nothing
        ("standby", "standby,run:0", [(100, BAND)]),
        # `hole`: 20 s and 50 s ago; 30 s more make a long hole or do not
        ("run,hole:20000", "run,hole:50000", [(30, None), (70, BAND)]),
        ("run", "unobserved", [(100, BAND)]),
    ],
)
def test_each_member_of_a_lead_is_needed(one, other, future):
    assert told(*future, lead_in=one) != told(*future, lead_in=other)


def test_what_another_policy_left_pending_may_be_due_at_once():
    at_once = msgspec.structs.replace(POLICY, standby=Trigger(40_000, 20_000, 0, 0))
    assert told((5, FLOOR, IDLE), (5, FLOOR), lead_in="off,standby:5000", policy=at_once) == [(10, "off")]
    assert told((5, IDLE), lead_in="off,standby:70000", policy=POLICY) == [(5, "standby")]
    assert told((5, None), (5, IDLE), lead_in="run,hole:70000", policy=POLICY)[0] == (5, "unobserved")


def test_without_a_look_ahead_what_is_pending_is_not_confirmed():
    some = observed((195, IDLE), (5, BUSY))
    timeline = derive(some, POLICY, start_ms=0, end_ms=200_000, lead_in="unobserved")
    assert timeline.spans == (Span(0, 200_000, "standby"),)


def test_the_year_boundary_of_the_domain():
    """31 Dec 22:00 to 1 Jan 06:00 in Shanghai: 2 h and 6 h."""
    new_year_ms, _ = day_bounds_ms(local_day(1_767_200_000_000))
    begin_s = new_year_ms // 1000 - 2 * 3600
    some = observed(*[(60, IDLE)] * 60, *[(300, BUSY)] * 96, *[(60, IDLE)] * 60, start_s=begin_s - 3600)
    run_ms, lead = [], "unobserved"
    for start_ms, end_ms in (day_bounds_ms(local_day(new_year_ms - 1)), day_bounds_ms(local_day(new_year_ms))):
        timeline = derive(some, POLICY, start_ms=start_ms, end_ms=end_ms, lead_in=lead)
        run_ms.append(sum(span.end_ms - span.start_ms for span in timeline.spans if span.state == "run"))
        lead = timeline.lead_out
    assert run_ms == [2 * 3_600_000, 6 * 3_600_000]


def test_only_the_days_next_to_it_tell_a_day_something_and_an_open_one_does_not():
    before = record_of(meter())  # off all day: a session has yet to begin
    days = [_measured(DAY + timedelta(days=number)) for number in (1, 2, 3)]
    assert neighbours_of(days[0], before=before, after=days[1]) == Neighbours("new", "run:600")
    assert neighbours_of(days[0], before=None, after=None) == ALONE
    assert neighbours_of(days[1], before=before, after=None) == ALONE
    assert neighbours_of(days[0], before=None, after=days[2]) == ALONE
    still_open = msgspec.structs.replace(before, until=100, spans=((0, 100, "off"),), off_s=100)
    assert neighbours_of(days[0], before=still_open, after=None) == ALONE


def _measured(day):
    """Standby for ten minutes, then a run."""
    spans = ((0, 600, "standby"), (600, DAY_S, "run"))
    return Measured(day, DAY_S, "off", "run", (), spans, (), 0, 0, ())
