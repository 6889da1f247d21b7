"""Frozen meters: a power that stays while the counter beside it stays too. Rule 1 of protocol/timeline.py."""

import msgspec

from protocol.timeline import Span, derive
from tests.protocol.loads import BUSY, FLOOR, POLICY, observed

FROZEN = msgspec.structs.replace(POLICY, frozen_ms=60_000)


def steady(seconds, *, watts=BUSY, delta=0, start_s=0, step_s=10):
    return [
        each._replace(delta_mwh=delta) for each in observed(*[(step_s, watts)] * (seconds // step_s), start_s=start_s)
    ]


def told(*parts, policy=FROZEN, lead_in="unobserved"):
    some = [each for part in parts for each in part]
    timeline = derive(some, policy, start_ms=0, end_ms=some[-1].end_ms, lead_in=lead_in)
    return [((span.end_ms - span.start_ms) // 1000, span.state) for span in timeline.spans]


def test_what_stays_longer_is_not_believed():
    assert told(steady(300)) == [(60, "run"), (240, "unobserved")]
    assert told(steady(300), policy=POLICY) == [(300, "run")]


def test_a_counter_that_moves_is_a_living_meter():
    parts = [steady(50, delta=0, start_s=at) + steady(10, delta=3, start_s=at + 50) for at in (0, 60, 120)]
    assert told(*parts) == [(180, "run")]


def test_a_power_that_moves_is_a_living_meter():
    parts = [steady(60, watts=BUSY + at, start_s=at) for at in (0, 60, 120)]
    assert told(*parts) == [(180, "run")]


def test_a_power_that_moves_inside_its_intervals_is_a_living_meter():
    assert told([each._replace(high_mw=each.high_mw + 1) for each in steady(300)]) == [(300, "run")]


def test_a_meter_without_a_counter_is_believed():
    assert told(steady(300, delta=None)) == [(300, "run")]


def test_a_load_that_is_off_may_be_so_for_ever():
    assert told(steady(300, watts=FLOOR)) == [(300, "off")]


def test_a_short_freeze_is_a_short_hole():
    assert told(steady(100), steady(60, watts=BUSY + 1, start_s=100)) == [(160, "run")]


def test_holes_neither_add_to_a_stretch_nor_end_it():
    parts = steady(40), steady(30, start_s=140), steady(60, watts=BUSY + 1, start_s=170)
    assert told(*parts) == [(40, "run"), (100, "unobserved"), (90, "run")]


def test_a_frozen_night_is_not_believed_again_in_the_morning():
    some = steady(300)
    evening = derive(some, FROZEN, start_ms=0, end_ms=150_000, lead_in="unobserved")
    assert evening.lead_out == f"unobserved,steady:{BUSY * 1000}:60000"
    morning = derive(some, FROZEN, start_ms=150_000, end_ms=300_000, lead_in=evening.lead_out)
    assert morning.spans == (Span(150_000, 300_000, "unobserved"),)
