"""What all watchers of one instrument showed, in numbers that states can be made from. Pure.

The meters' readings become observations (observation.py, counted.py). Of the other watchers the policy's `evidence`
says what a channel tells: the words of a state channel (`closed` is a run, `open` is standby), or that a value of
`at_least` is a run and stays one for `hold_ms` (files grew, the software computed). A word that has no meaning there,
a value below, and silence tell nothing: no run, and no rest either.

Each instant counts once for each channel, as for a meter: by the lower index within one source, by (origin, watcher)
between sources. A hold reaches only as far as its own watcher went on looking, so it never claims unobserved time.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from typing import NamedTuple

from protocol.bridging import MeteredGap, metered_gaps
from protocol.counted import count_energy, quiet_gaps
from protocol.entry import Entry, Reading
from protocol.interval import Interval, clip, union
from protocol.lead import STATES, State
from protocol.observation import Observation, between, layer, observations, once_only
from protocol.policy import POWER, EvidenceRule, Policy

Shown = tuple[int, int, State]  # UTC ms, half-open
Block = tuple[str, Entry, Reading]  # the entry's origin, the entry, its body
_Sources = list[list[tuple[Entry, Reading]]]

_NOTHING = -1


class Evidence(NamedTuple):
    """`observed`: the meters'. `quiet`: long holes in which no run can have been. `shown`: by rule of the policy.

    `gaps`: short holes between a meter's readings of one boot, which bridging.py may bridge.
    """

    observed: Sequence[Observation]
    quiet: Sequence[Interval]
    shown: tuple[Sequence[Shown], ...]
    gaps: Sequence[MeteredGap] = ()


def gather(blocks: Iterable[Block], policy: Policy) -> Evidence:
    """All evidence in readings of any journals, watchers and channels, in any order, repeated or not."""
    found = list(blocks)
    meters = _sources(found, POWER)
    metered = [observations(source, policy) for source in meters]
    return Evidence(
        observed=layer([count_energy(each, policy) for each in metered], policy),
        quiet=union(chain.from_iterable(quiet_gaps(each, policy) for each in metered)),
        shown=tuple(_show(_sources(found, rule.channel), rule, policy=policy) for rule in policy.evidence),
        gaps=sorted(chain.from_iterable(metered_gaps(each, policy) for each in meters)),
    )


def within(evidence: Evidence, start_ms: int, *, end_ms: int) -> Evidence:
    """The part inside [start_ms, end_ms)."""
    return Evidence(
        between(evidence.observed, start_ms, end_ms=end_ms),
        clip(list(evidence.quiet), start_ms, end_ms),
        tuple(_clip(shown, start_ms, end_ms=end_ms) for shown in evidence.shown),
        [gap for gap in evidence.gaps if start_ms <= gap.start_ms and gap.end_ms <= end_ms],
    )


def joined(parts: Sequence[Evidence], policy: Policy) -> Evidence:
    """Evidence of stretches of time that follow each other, as one."""
    return Evidence(
        [each for part in parts for each in part.observed],
        union(each for part in parts for each in part.quiet),
        tuple([each for part in parts for each in part.shown[rule]] for rule in range(len(policy.evidence))),
        [gap for part in parts for gap in part.gaps],
    )


def _sources(blocks: Iterable[Block], channel: str) -> _Sources:
    """The readings of one channel by source, the preferred one first."""
    sources: dict[tuple[str, str], list[tuple[Entry, Reading]]] = {}
    for origin, entry, reading in blocks:
        if reading.channel == channel:
            sources.setdefault((origin, reading.watcher), []).append((entry, reading))
    return [sources[name] for name in sorted(sources)]


def _show(sources: _Sources, rule: EvidenceRule, *, policy: Policy) -> list[Shown]:
    """What a rule makes of its channel, in order and disjoint."""
    levels = [once_only(source, _levels(rule)) for source in sources]
    held = layer([_hold(each, rule.hold_ms) for each in levels], policy)
    return [(each.start_ms, each.end_ms, STATES[each.mean_mw]) for each in held if each.mean_mw != _NOTHING]


def _levels(rule: EvidenceRule) -> Callable[[Reading], Iterable[tuple[int, int, int, None, None]]]:
    """How a reading's intervals become levels: the place of their state among STATES, or _NOTHING."""

    def of(reading: Reading) -> Iterable[tuple[int, int, int, None, None]]:
        return ((level, level, level, None, None) for level in _levels_of(rule, reading))

    return of


def _levels_of(rule: EvidenceRule, reading: Reading) -> Iterable[int]:
    words, values = rule.words, reading.counts or reading.means
    if words is not None and reading.states is not None:
        return (STATES.index(words[word]) if word in words else _NOTHING for word in reading.states)
    if rule.at_least is not None and values is not None:
        return (STATES.index("run") if value >= rule.at_least else _NOTHING for value in values)
    return repeat(_NOTHING, len(reading.durations_ms))


def _hold(levels: Iterable[Observation], hold_ms: int) -> list[Observation]:
    """Intervals that tell nothing go on telling what was told up to `hold_ms` before."""
    held: list[Observation] = []
    until_ms, level = 0, _NOTHING
    for each in levels:
        if each.mean_mw != _NOTHING:
            until_ms, level = each.end_ms + hold_ms, each.mean_mw
            held.append(each)
            continue
        end_ms = min(each.end_ms, max(each.start_ms, until_ms))
        if each.start_ms < end_ms:
            held.append(each._replace(end_ms=end_ms, mean_mw=level))
        if end_ms < each.end_ms:
            held.append(each._replace(start_ms=end_ms))
    return held


def _clip(shown: Iterable[Shown], start_ms: int, *, end_ms: int) -> list[Shown]:
    cut = ((max(start, start_ms), min(end, end_ms), state) for start, end, state in shown)
    return [each for each in cut if each[0] < each[1]]
