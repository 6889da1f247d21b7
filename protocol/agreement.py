"""How far the watchers of an instrument agree with the states of its record: seconds for the grade (evidence.md 5)."""

from collections.abc import Iterable
from typing import NamedTuple

from protocol.hours import HourRecord
from protocol.interval import Interval, intersect, length, union
from protocol.phases import DaySpan


class Agreement(NamedTuple):
    """One watcher beside the observed seconds of a record: the same state, another one, or nothing told."""

    watcher: str  # class:channel
    agree_s: int
    differ_s: int
    silent_s: int


def agreements(record: HourRecord) -> list[Agreement]:
    """Each watcher that told anything, the weightiest first; none where the meter alone decided."""
    observed = _where(record.spans)
    found = []
    for watcher, spans in record.told:
        told_s = length(intersect(_where(spans), observed))
        agree_s = sum(length(intersect(_where(spans, state), _where(record.spans, state))) for state in _OBSERVED)
        found.append(Agreement(watcher, agree_s, told_s - agree_s, length(observed) - told_s))
    return found


_OBSERVED = ("off", "standby", "run")


def _where(spans: Iterable[DaySpan], state: str | None = None) -> list[Interval]:
    """Where a state was told; None: any."""
    return union((start, end) for start, end, each in spans if each == state or (state is None and each in _OBSERVED))
