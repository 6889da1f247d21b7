"""Power from the energy counter: what a load drew on the average of a window. Rule 12 of timeline.py (signals.md 3.2).

Sampled watts tell nothing of what happened between two samples: a thermostatted load that was looked at every 30 s
showed 5.3 h of work where there were 0.25 h. The counter has seen all of it, in steps. Where the policy's `counter`
says how large the steps are, and they are fine enough for its window, the counter decides and the watts do not.

Windows are pieces of a fixed grid of UTC time, so that neither a cut nor where a derivation began moves them. The
counter is taken to rise evenly inside an interval, and over a hole of at most `gap_ms`. A window has a power only if
the counter is known all through it; a longer hole, a counter that fell, or the end of the readings leave their windows
to the watts.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from protocol.interval import Interval
from protocol.observation import Observation
from protocol.policy import MS_PER_HOUR, Counter, Policy

_Knot = tuple[int, int]  # UTC ms, counter in mWh


def count_energy(observed: Sequence[Observation], policy: Policy) -> Sequence[Observation]:
    """The observations of one source, cut at the windows' bounds, each with its window's power as `counted_mw`."""
    if policy.counter is None:
        return observed
    return cut_into_windows(observed, policy.counter, gap_ms=policy.gap_ms)


def cut_into_windows(observed: Sequence[Observation], counter: Counter, *, gap_ms: int) -> list[Observation]:
    """The same for a counter and a gap that no policy holds yet."""
    powers: dict[int, int] = {}
    for stretch in _stretches(observed, gap_ms):
        powers |= _powers(stretch, counter.window_ms)
    return [part for each in observed for part in _parts(each, counter.window_ms, powers)]


def quiet_gaps(observed: Sequence[Observation], policy: Policy) -> list[Interval]:
    """The long holes of one source in which its counter rose by less than the shortest run takes (signals.md 3.4).

    They stay unobserved: this proves that no run is missing there, and says nothing else.
    """
    if policy.counter is None:
        return []
    quiet = []
    for before, after in pairwise(observed):
        if after.start_ms - before.end_ms <= policy.gap_ms or before.counter_mwh is None:
            continue
        if after.counter_mwh is None or after.delta_mwh is None:
            continue
        risen_mwh = after.counter_mwh - after.delta_mwh - before.counter_mwh
        if risen_mwh >= 0 and not _has_room_for_a_run(risen_mwh, policy, policy.counter):
            quiet.append((before.end_ms, after.start_ms))
    return quiet


def _has_room_for_a_run(risen_mwh: int, policy: Policy, counter: Counter) -> bool:
    """A run keeps above off_mw for on_ms at least; the counter may owe one step."""
    return (risen_mwh + counter.step_mwh) * MS_PER_HOUR >= policy.run.off_mw * policy.run.on_ms


def _stretches(observed: Iterable[Observation], gap_ms: int) -> Iterator[list[_Knot]]:
    """Where the counter is known without a break, as points of time and counter, in order."""
    knots: list[_Knot] = []
    for each in observed:
        if each.counter_mwh is None or each.delta_mwh is None:
            continue
        start = (each.start_ms, each.counter_mwh - each.delta_mwh)
        if knots and (start[0] - knots[-1][0] > gap_ms or start[1] < knots[-1][1]):
            yield knots
            knots = []
        if not knots or knots[-1][0] < start[0]:
            knots.append(start)
        knots.append((each.end_ms, each.counter_mwh))
    if knots:
        yield knots


def _powers(knots: list[_Knot], window_ms: int) -> dict[int, int]:
    """The power in mW of each whole window of a stretch, by the window's number."""
    first, last = -(-knots[0][0] // window_ms), knots[-1][0] // window_ms
    at_bounds: list[int] = []
    place = 0
    for number in range(first, last + 1):
        at_ms = number * window_ms
        while knots[place + 1][0] < at_ms:
            place += 1
        at_bounds.append(_between(knots[place], knots[place + 1], at_ms))
    return {
        first + number: (after - before) * MS_PER_HOUR // window_ms
        for number, (before, after) in enumerate(pairwise(at_bounds))
    }


def _between(left: _Knot, right: _Knot, at_ms: int) -> int:
    return left[1] + (right[1] - left[1]) * (at_ms - left[0]) // (right[0] - left[0])


def _parts(each: Observation, window_ms: int, powers: dict[int, int]) -> Iterator[Observation]:
    start_ms = each.start_ms
    while start_ms < each.end_ms:
        number = start_ms // window_ms
        end_ms = min(each.end_ms, (number + 1) * window_ms)
        counter_mwh = each.counter_mwh if end_ms == each.end_ms else None
        counted_mw = powers.get(number)
        yield each._replace(start_ms=start_ms, end_ms=end_ms, counter_mwh=counter_mwh, counted_mw=counted_mw)
        start_ms = end_ms
