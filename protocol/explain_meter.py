"""What the meter told at one instant, and why: reading, thresholds, dwell, gap. Pure; rules are those of timeline.py.

It runs the same kernel twice, up to the instant and over the whole day: the first run says what was confirmed and
pending at that moment, the second what became of it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from protocol.interval import Interval
from protocol.lead import STATES, UNSEEN, Lead, State, parse_lead
from protocol.observation import Observation
from protocol.policy import Policy, Trigger
from protocol.step import Step, clock, span, watts
from protocol.timeline import derive


class Metered(NamedTuple):
    """What the meter's readings are judged by on one day: [start_ms, end_ms) UTC, as far as the record reaches."""

    observed: Sequence[Observation]
    policy: Policy
    lead_in: str
    day: Interval


def explain_meter(at_ms: int, given: Metered, *, refs: tuple[str, ...]) -> Iterator[Step]:
    """Why the meter's state at an instant of the day is what it is; `refs` are the readings there."""
    shown = next((each for each in given.observed if each.start_ms <= at_ms < each.end_ms), None)
    if shown is None:
        yield _explain_hole(at_ms, given, refs)
    else:
        yield Step("timeline 1", _describe(shown), refs)
        yield from (_judge(name, trigger, shown, given.policy) for name, trigger in _triggers(given.policy))
    yield from _explain_state(at_ms, given, is_shown=shown is not None)


def _meter_state(at_ms: int, given: Metered) -> State:
    """The state of the meter's timeline at an instant of the day."""
    start_ms, end_ms = given.day
    spans = derive(given.observed, given.policy, start_ms=start_ms, end_ms=end_ms, lead_in=given.lead_in).spans
    return next(each.state for each in spans if each.start_ms <= at_ms < each.end_ms)


def _triggers(policy: Policy) -> tuple[tuple[str, Trigger], tuple[str, Trigger]]:
    return ("standby", policy.standby), ("run", policy.run)


def _describe(shown: Observation) -> str:
    text = (
        f"From {clock(shown.start_ms)} to {clock(shown.end_ms)} the meter showed {watts(shown.mean_mw)} "
        f"(lowest {watts(shown.low_mw)}, highest {watts(shown.high_mw)})"
    )
    return text + (f"; by its counter {watts(shown.counted_mw)}." if shown.counted_mw is not None else ".")


def _judge(name: str, trigger: Trigger, shown: Observation, policy: Policy) -> Step:
    """Rule 5, and 12 where the counter decides."""
    low, high = shown.low_mw, shown.high_mw
    by_counter = policy.counter is not None and policy.counter.decides(trigger)
    if by_counter and shown.counted_mw is not None:
        low = high = shown.counted_mw
    is_up, is_down = high >= trigger.on_mw, low <= trigger.off_mw
    found = {
        (True, False): "up",
        (False, True): "down",
        (False, False): "inside the band: it stays as it was",
        (True, True): "both: it stays, and what was pending begins anew",
    }[is_up, is_down]
    limits = f"on at {watts(trigger.on_mw)}, off at {watts(trigger.off_mw)}"
    return Step("timeline 12" if by_counter else "timeline 5", f"For {name} ({limits}) that is {found}.")


def _explain_hole(at_ms: int, given: Metered, refs: tuple[str, ...]) -> Step:
    """Rules 1 and 4 where no reading is believed at the instant."""
    before = max((each.end_ms for each in given.observed if each.end_ms <= at_ms), default=None)
    after = min((each.start_ms for each in given.observed if each.start_ms > at_ms), default=None)
    since = "ever before in reach" if before is None else f"since {clock(before)}"
    until = "none follows in reach" if after is None else f"the next begins at {clock(after)}"
    unbelieved = " A reading lies there whose power is outside valid_mw: it is not believed." if refs else ""
    text = f"No reading of a meter is believed here: none {since}, and {until}.{unbelieved}"
    gap_ms = given.policy.gap_ms
    if before is not None and after is not None and after - before <= gap_ms:
        text += f" {span(after - before)} is not longer than gap_ms {span(gap_ms)}: the reading that ends it speaks."
    else:
        text += f" That is longer than gap_ms {span(gap_ms)}: the meter says nothing."
    return Step("timeline 4", text, refs)


def _explain_state(at_ms: int, given: Metered, *, is_shown: bool) -> Iterator[Step]:
    """Rules 6 to 10: what was confirmed and pending at the instant, and what became of it."""
    state = _meter_state(at_ms, given)
    lead = _lead_at(at_ms, given)
    confirmed = "unobserved" if lead.level == UNSEEN else STATES[lead.level]
    if is_shown and state == "unobserved" and given.policy.frozen_ms is not None:
        text = "Power and counter have not moved for longer than frozen_ms: the meter counts as frozen."
        yield Step("timeline 1", text)
    for (name, trigger), pending_ms, raised in zip(
        _triggers(given.policy), lead.pending_ms, lead.raised(), strict=True
    ):
        if pending_ms is not None:
            dwell_ms = trigger.on_ms if raised else trigger.off_ms
            yield Step(
                "timeline 6",
                f"The trigger of {name} has been {'up' if raised else 'down'} since {clock(at_ms - pending_ms)}, "
                f"for {span(pending_ms)}; it counts once that has lasted {span(dwell_ms)}.",
            )
    if state == confirmed:
        yield Step("timeline 8", f"So the meter's state is {state}, which was confirmed before this instant.")
    else:
        text = f"Up to here {confirmed} was confirmed; what followed confirmed {state}, dated back to before here."
        yield Step("timeline 6" if state != "unobserved" else "timeline 4", text)


def _lead_at(at_ms: int, given: Metered) -> Lead:
    start_ms, _ = given.day
    if at_ms == start_ms:
        return parse_lead(given.lead_in)
    return parse_lead(
        derive(given.observed, given.policy, start_ms=start_ms, end_ms=at_ms, lead_in=given.lead_in).lead_out
    )
