"""Bridging: short gaps in the evidence that the energy counter explains. Pure. Rule 16, after those of fusion.py.

16 Unobserved time shorter than the policy's `bridge_ms` takes the state on both of its sides, where that is the same
   one, the agent was within one boot, and a meter's counter rose in the gap by what that state draws (domain.md
   section 3, "gap in evidence"). Both sides lie in the local day: a gap over midnight is never bridged. Bridged time is
   marked and reported beside; it is neither energised nor inferred.

What a state draws: a run at least `run.off_mw` on the average; standby at least `standby.off_mw` and less than
`run.on_mw`; off less than `standby.on_mw`. A meter without a counter bridges nothing.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from protocol.entry import Entry, Reading
from protocol.interval import Interval
from protocol.lead import State
from protocol.observation import covered_ms
from protocol.policy import MS_PER_HOUR, POWER, Policy
from protocol.timeline import Span

_CLOCK_MS = 1_000
"""By how much wall and monotonic clock may differ over a gap."""


class MeteredGap(NamedTuple):
    """[start_ms, end_ms) between two readings of one meter within one boot, and what it drew there on the average."""

    start_ms: int
    end_ms: int
    mean_mw: int


def metered_gaps(readings: Iterable[tuple[Entry, Reading]], policy: Policy) -> list[MeteredGap]:
    """The gaps of one source that could be bridged, in order; none under a policy that bridges nothing."""
    if not policy.bridge_ms:
        return []
    gaps = []
    for (_, end_ms, boot, before), (start_ms, _, next_boot, after) in pairwise(_placed(readings)):
        if boot != next_boot or not policy.gap_ms < start_ms - end_ms < policy.bridge_ms:
            continue
        lived_ms = after.start_mono_ms - before.start_mono_ms - sum(before.durations_ms)
        if abs(lived_ms - (start_ms - end_ms)) > _CLOCK_MS:
            continue  # the wall clock was moved in the gap, so nobody knows where it lies
        risen_mwh = policy.scaled(_counter_before(after)) - policy.scaled(before.counter or 0)
        if risen_mwh >= 0:
            gaps.append(MeteredGap(end_ms, start_ms, risen_mwh * MS_PER_HOUR // (start_ms - end_ms)))
    return gaps


def _placed(readings: Iterable[tuple[Entry, Reading]]) -> list[tuple[int, int, str, Reading]]:
    """Start, end and boot of the readings with a counter, in order, each place of the journal once."""
    once = {
        (entry.index, entry.boot): (*covered_ms(entry, reading), entry.boot, reading)
        for entry, reading in readings
        if reading.channel == POWER and reading.counter is not None and reading.deltas is not None
    }
    return [once[key] for key in sorted(once, key=lambda key: (*once[key][:2], key))]


def _counter_before(reading: Reading) -> int:
    """The counter where the reading begins."""
    return (reading.counter or 0) - sum(reading.deltas or ())


def bridge(
    spans: Sequence[Span], gaps: Iterable[MeteredGap], policy: Policy
) -> tuple[tuple[Span, ...], list[Interval]]:
    """Rule 16: the spans with what is bridged in them, neighbours of one state as one; and what was bridged."""
    offered = list(gaps)
    states: list[State] = [span.state for span in spans]
    bridged: list[Interval] = []
    for place in range(1, len(spans) - 1):
        gap, before, after = spans[place], spans[place - 1].state, spans[place + 1].state
        if gap.state == "unobserved" and before == after and _is_explained(gap, before, offered, policy=policy):
            states[place] = before
            bridged.append((gap.start_ms, gap.end_ms))
    return _joined(spans, states), bridged


def _is_explained(gap: Span, state: State, offered: Iterable[MeteredGap], *, policy: Policy) -> bool:
    if state == "unobserved" or gap.end_ms - gap.start_ms >= policy.bridge_ms:
        return False
    return any(
        each.start_ms <= gap.start_ms and gap.end_ms <= each.end_ms and _draws(state, each.mean_mw, policy)
        for each in offered
    )


def _draws(state: State, mean_mw: int, policy: Policy) -> bool:
    if state == "run":
        return mean_mw >= policy.run.off_mw
    if state == "standby":
        return policy.standby.off_mw <= mean_mw < policy.run.on_mw
    return mean_mw < policy.standby.on_mw


def _joined(spans: Sequence[Span], states: Sequence[State]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span, state in zip(spans, states, strict=True):
        if joined and joined[-1].state == state:
            joined[-1] = joined[-1]._replace(end_ms=span.end_ms)
        else:
            joined.append(span if span.state == state else span._replace(state=state))
    return tuple(joined)
