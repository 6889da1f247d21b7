"""From journal entries to observations: what meters showed when, each instant once. Rules 1 to 3 of timeline.py.

Observations are in order and disjoint; neighbours may touch or leave a hole. They carry milliwatts and say nothing of
states. Nothing here depends on the order or the number of deliveries.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from heapq import heappop, heappush
from itertools import accumulate, islice, pairwise, repeat
from operator import itemgetter
from typing import NamedTuple

from protocol.entry import Entry, Reading
from protocol.interval import Interval
from protocol.policy import POWER, Policy

_NEVER = 2**62

_Shown = tuple[int, int, int, int | None, int | None]  # mean, low, high, delta, counter
_Values = _Shown | None


class Observation(NamedTuple):
    """What a meter showed over [start_ms, end_ms) UTC.

    `delta_mwh` is by how much its counter moved over the interval that was reported, None where it has no counter. An
    observation that was cut (at midnight, where blocks overlap) keeps it whole: it must not be summed up.
    `counter_mwh` is the counter at end_ms, None where there is none or the observation was cut. `counted_mw` is the
    power that the counter tells for the window that it lies in (counted.py), None where watts decide.
    """

    start_ms: int
    end_ms: int
    mean_mw: int
    low_mw: int
    high_mw: int
    delta_mwh: int | None
    counter_mwh: int | None = None
    counted_mw: int | None = None


_Claim = tuple[int, int, Observation]  # start_ms, rank of its reading, what it claims


def observations(readings: Iterable[tuple[Entry, Reading]], policy: Policy) -> list[Observation]:
    """Rules 1 and 2: the valid power observations of one source, in order and disjoint.

    `readings` in any order, repeated or not; other channels and shapes are passed over.
    """
    lowest, highest = policy.valid_mw
    is_scaled = policy.ratio != (1, 1)

    def told(entry: Entry, reading: Reading) -> Iterable[Observation]:
        lows, highs = reading.lows or (), reading.highs or ()
        if not is_scaled and lowest <= min(lows, default=lowest) and max(highs, default=highest) <= highest:
            return _all_told(entry, reading)  # nearly always
        shown: Iterable[_Shown] = zip(reading.means or (), lows, highs, *_energy(reading), strict=False)
        if is_scaled:
            shown = (_scaled(each, policy) for each in shown)
        return _told(entry, reading, (each if lowest <= each[1] and each[2] <= highest else None for each in shown))

    return _once_only(filter(_shows_power, readings), told)


def once_only(
    readings: Iterable[tuple[Entry, Reading]], values: Callable[[Reading], Iterable[_Values]]
) -> list[Observation]:
    """Rule 2 for readings of one source: `values` of each of a reading's intervals in their order, None for no value.

    They are the last five members of an Observation up to `counter_mwh`, so that other watchers than a meter can be
    told in numbers of their own.
    """
    return _once_only(readings, lambda entry, reading: _told(entry, reading, values(reading)))


def layer(sources: Iterable[Sequence[Observation]], policy: Policy) -> list[Observation]:
    """Rule 3: one list of disjoint observations from several, the preferred source first."""
    layered: list[Observation] = []
    for source in sources:
        below = _inside(source, _long_holes(layered, policy.gap_ms)) if layered else source
        layered = sorted([*layered, *below])
    return layered


def between(observed: Sequence[Observation], start_ms: int, *, end_ms: int) -> list[Observation]:
    """The observations inside [start_ms, end_ms), the outer ones cut."""
    if start_ms >= end_ms:
        return []
    first = bisect_right(observed, start_ms, key=itemgetter(1))
    last = bisect_left(observed, end_ms, key=itemgetter(0))
    inside = list(observed[first:last])
    if inside:
        inside[0] = _cut(inside[0], start_ms, end_ms)
        inside[-1] = _cut(inside[-1], start_ms, end_ms)
    return inside


def covered_ms(entry: Entry, reading: Reading) -> Interval:
    """The UTC ms that a reading covers, by its own entry's two clocks (evidence.md section 3)."""
    start_ms = _start_ms(entry, reading)
    return start_ms, start_ms + sum(reading.durations_ms)


def _start_ms(entry: Entry, reading: Reading) -> int:
    return entry.wall_ms - entry.mono_ms + reading.start_mono_ms


def _once_only(
    readings: Iterable[tuple[Entry, Reading]], told: Callable[[Entry, Reading], Iterable[Observation]]
) -> list[Observation]:
    """Rule 2, where `told` gives what a reading claims, in order and disjoint."""
    held = list(readings)
    if any(after[0].index <= before[0].index for before, after in pairwise(held)):
        held.sort(key=_journal_order)
    found: list[Observation] = []
    begins: list[int] = []
    is_once = True
    for entry, reading in held:
        begin = len(found)
        begins.append(begin)
        found += told(entry, reading)
        if 0 < begin < len(found) and found[begin][0] < found[begin - 1][1]:
            is_once = False
    if is_once:
        return found  # nearly always: nothing was told twice, and no clock was set
    ranks = [rank for rank, (begin, end) in enumerate(pairwise([*begins, len(found)])) for _ in range(begin, end)]
    return _settle(sorted(zip(map(itemgetter(0), found), ranks, found, strict=True)))  # none share start and rank


def _told(entry: Entry, reading: Reading, values: Iterable[_Values]) -> list[Observation]:
    """What a reading's intervals say, those without a value or a duration left out."""
    edges = accumulate(reading.durations_ms, initial=_start_ms(entry, reading))
    return [
        Observation(start, end, *value)
        for (start, end), value in zip(pairwise(edges), values, strict=True)
        if value is not None and start < end
    ]


def _all_told(entry: Entry, reading: Reading) -> Iterator[Observation]:
    """What all intervals of a gauge say, each of which has a duration, in a third of the time."""
    edges = list(accumulate(reading.durations_ms, initial=_start_ms(entry, reading)))
    gauge = (reading.means or (), reading.lows or (), reading.highs or (), *_energy(reading))
    return map(_observation_of, zip(edges, edges[1:], *gauge, repeat(None), strict=False))


_observation_of: Callable[[tuple[int | None, ...]], Observation] = partial(tuple.__new__, Observation)
"""Observation._make without its look at the length: hours are made from half a million of these a year."""


def _shows_power(read: tuple[Entry, Reading]) -> bool:
    return read[1].channel == POWER and read[1].means is not None


def _energy(reading: Reading) -> tuple[Iterable[int | None], Iterable[int | None]]:
    """Delta and counter after each interval."""
    if reading.deltas is None or reading.counter is None:
        return repeat(None), repeat(None)
    before = reading.counter - sum(reading.deltas)
    return reading.deltas, islice(accumulate(reading.deltas, initial=before), 1, None)


def _scaled(shown: _Shown, policy: Policy) -> _Shown:
    """By the ratio; a delta is the difference of two counters, so that deltas go on summing up to the counter."""
    mean, low, high, delta, counter = shown
    powers = policy.scaled(mean), policy.scaled(low), policy.scaled(high)
    if delta is None or counter is None:
        return *powers, None, None
    return *powers, policy.scaled(counter) - policy.scaled(counter - delta), policy.scaled(counter)


def _journal_order(read: tuple[Entry, Reading]) -> tuple[object, ...]:
    """By index; the rest makes the order total, so that it never depends on delivery."""
    entry, reading = read
    gauge = (reading.means or (), reading.lows or (), reading.highs or (), reading.deltas or (), reading.counter or 0)
    clocks = (entry.index, entry.boot, entry.wall_ms, entry.mono_ms)
    values = (*gauge, reading.states or (), reading.counts or ())
    return (*clocks, reading.watcher, reading.start_mono_ms, reading.durations_ms, *values)


def _settle(claims: list[_Claim]) -> list[Observation]:
    """Give every instant to the claim of the lowest rank; `claims` sorted by start. O(n log n)."""
    settled: list[Observation] = []
    # A heap of what has begun; its first one holds, and has been told up to `at`.
    standing: list[tuple[int, Observation]] = []
    at = -_NEVER
    for (_, rank, claimed), (start, newcomer, _) in pairwise([*claims, _AFTER_ALL]):
        if not standing and claimed[1] <= start:  # nearly always
            settled.append(claimed)
            continue
        heappush(standing, (rank, claimed))
        while standing and at < start:
            held_by, holder = standing[0]
            if held_by < newcomer and start < holder.end_ms:
                break  # the newcomer will have to wait
            until = min(holder.end_ms, start)
            if at < until:
                settled.append(_cut(holder, at, until))
                at = until
            if holder.end_ms <= at:
                heappop(standing)
    return settled


_AFTER_ALL: _Claim = (_NEVER, -1, Observation(_NEVER, _NEVER, 0, 0, 0, None))


def _cut(observation: Observation, start_ms: int, end_ms: int) -> Observation:
    """The part inside [start_ms, end_ms)."""
    start, end = max(start_ms, observation.start_ms), min(end_ms, observation.end_ms)
    if (start, end) == observation[:2]:
        return observation
    return observation._replace(start_ms=start, end_ms=end, counter_mwh=None)


def _long_holes(observed: Sequence[Observation], gap_ms: int) -> list[Interval]:
    """Where nothing was observed for longer than gap_ms, before the first and after the last included."""
    edges = [-_NEVER, *(edge for observation in observed for edge in observation[:2]), _NEVER]
    return [(end, start) for end, start in zip(edges[::2], edges[1::2], strict=True) if start - end > gap_ms]


def _inside(observed: Iterable[Observation], holes: list[Interval]) -> Iterator[Observation]:
    """The parts of observations inside holes, the last of which has no end."""
    k = 0
    for observation in observed:
        while holes[k][1] <= observation.start_ms:
            k += 1
        while holes[k][0] < observation.end_ms:
            yield _cut(observation, *holes[k])
            if observation.end_ms <= holes[k][1]:
                break
            k += 1
