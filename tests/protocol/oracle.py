"""A second opinion on the kernel: states tick by tick, by brute force, without importing anything of ours.

Time is cut into ticks and every rule of protocol/timeline.py is applied to each tick as it reads, in arrays: what the
tick shows, what each trigger puts out, since when, and what that confirms, painting backwards. It is slow, and shares
no idea with the kernel's machine. A *sample* is (start, end, low, high), times in ticks, disjoint and in order.
"""

from itertools import pairwise
from typing import NamedTuple

WORDS = ("off", "standby", "run")
UNOBSERVED = "unobserved"


class Limits(NamedTuple):
    """One trigger; dwells in ticks."""

    on: int
    off: int
    on_ticks: int
    off_ticks: int


class Rules(NamedTuple):
    """A policy in ticks."""

    standby: Limits
    run: Limits
    gap: int


class Told(NamedTuple):
    """The state of every tick, and the lead at each of the ticks asked for."""

    states: list[str]
    leads: dict[int, str]


def tell(
    samples: list[tuple[int, int, int, int]],
    rules: Rules,
    *,
    ticks: int,
    leads_at: tuple[int, ...] = (),
    tick_ms: int = 1,
) -> Told:
    """States of the ticks 0 to `ticks`, where nothing was observed before tick 0; leads are in ms."""
    shown = _shown(samples, ticks)
    seen_last = {at: max((tick for tick in range(at) if shown[tick] is not None), default=None) for at in leads_at}
    filled = _filled(shown, rules.gap)
    states: list[str] = [UNOBSERVED] * ticks
    causal: dict[int | None, tuple[list[bool], list[int | None]] | None] = dict.fromkeys(seen_last.values())
    first = 0
    while first < ticks:
        if filled[first] is None:
            first += 1
            continue
        last = first
        while last + 1 < ticks and filled[last + 1] is not None:
            last += 1
        _judge(filled, first, last, rules=rules, states=states, causal=causal)
        first = last + 1
    return Told(states, {at: _lead(at, seen, causal, rules.gap, tick_ms) for at, seen in seen_last.items()})


def runs_of(states: list[str], start: int, end: int) -> list[tuple[int, int, str]]:
    """Ticks [start, end) as spans of equal state."""
    spans: list[tuple[int, int, str]] = []
    for tick in range(start, end):
        if spans and spans[-1][2] == states[tick]:
            spans[-1] = (spans[-1][0], tick + 1, states[tick])
        else:
            spans.append((tick, tick + 1, states[tick]))
    return spans


def _shown(samples, ticks):
    shown = [None] * ticks
    for start, end, low, high in samples:
        for tick in range(max(start, 0), min(end, ticks)):
            assert shown[tick] is None, "samples overlap"
            shown[tick] = (low, high)
    return shown


def _filled(shown, gap):
    """Short holes between two observed ticks take what comes after them."""
    filled = list(shown)
    seen = [tick for tick, value in enumerate(shown) if value is not None]
    for before, after in pairwise(seen):
        if 0 < after - before - 1 <= gap:
            filled[before + 1 : after] = [shown[after]] * (after - before - 1)
    return filled


def _judge(filled, first, last, *, rules, states, causal):
    """One stretch without a long hole."""
    limits = (rules.standby, rules.run)
    outputs = [_outputs(filled, first, last, each) for each in limits]
    confirmed = [False, False]
    painted = [[False] * (last - first + 1) for _ in limits]
    for tick in range(first, last + 1):
        place = tick - first
        for k in (0, 1):
            painted[k][place] = confirmed[k]
        due = []
        for k, each in enumerate(limits):
            output, began = outputs[k][place]
            dwell = each.on_ticks if output else each.off_ticks
            if output != confirmed[k] and tick + 1 - began >= dwell:
                due.append((k, output))
        if (1, True) in due and not confirmed[0]:
            due.append((0, True))
        if (0, False) in due and confirmed[1]:
            due.append((1, False))
        for k, output in set(due):
            began = outputs[k][place][1]
            for each in range(began - first, place + 1):
                painted[k][each] = output
            confirmed[k] = output
        pending = [tick + 1 - outputs[k][place][1] if outputs[k][place][0] != confirmed[k] else None for k in (0, 1)]
        if tick in causal:
            causal[tick] = (list(confirmed), pending)
    for tick in range(first, last + 1):
        assert painted[0][tick - first] or not painted[1][tick - first], "a run outside standby's trigger"
        states[tick] = WORDS[painted[0][tick - first] + painted[1][tick - first]]


def _outputs(filled, first, last, limits):
    """For every tick of a stretch: the trigger's output, and the tick since which it lasts undisturbed."""
    found = []
    output, began = False, first
    for tick in range(first, last + 1):
        low, high = filled[tick]
        up, down = high >= limits.on, low <= limits.off
        if up and down:
            began = tick + 1
        elif (up and not output) or (down and output):
            output, began = up, tick
        found.append((output, began))
    return found


def _lead(at, seen, causal, gap, tick_ms):
    """The handover at a tick, from the ticks before it alone; `seen` is the last one that was observed."""
    if seen is None or at - seen - 1 > gap:
        return UNOBSERVED
    hole = at - seen - 1
    confirmed, pending = causal[seen]
    words = [WORDS[confirmed[0] + confirmed[1]]]
    words += [
        f"{name}:{(age + hole) * tick_ms}" for name, age in zip(WORDS[1:], pending, strict=True) if age is not None
    ]
    return ",".join(words + ([f"hole:{hole * tick_ms}"] if hole else []))
