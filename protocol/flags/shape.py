"""What the rules need of one instrument's day: how its runs looked, in a few thousand numbers. Pure.

    minutes    of each of the longest runs the mean power of each minute, from the start of the run on, in mW
    ripple     by how much the power moves within five minutes of a run: median of (highest - lowest) / mean, ppm
    levels     median power of run and of standby, mW
    energy     of the run, mWh
    product    what counting watchers (files, counters) counted in the day, and over how many seconds of run they looked
    feeder     seconds of run in which a feeder's meter was read beside the instrument's, and those without a load there

A shape is a pure function of the day's record and readings, so whoever has both makes the same one. Its bytes are
canonical JSON; `VERSION` goes up with every change of what is in it.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from protocol.canonical import decode_canonical
from protocol.entry import Int, Natural
from protocol.errors import MalformedFlag
from protocol.flags.robust import PPM, median
from protocol.interval import Interval, intersect, length, union
from protocol.observation import Observation

VERSION = 1
MAX_SHAPE_BYTES = 65_536
MAX_RUNS = 3
MINUTE_MS = 60_000
WINDOW_MS = 5 * MINUTE_MS
MIN_RUN_MS = 40 * MINUTE_MS
"""Shorter runs are alike because they are short."""
FEEDER_SHARE = 2
"""A feeder that shows less than one part in so many of what hangs on it shows no load."""

_Minutes = Annotated[tuple[Int, ...], Meta(max_length=1440)]


class Shape(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A day; see the top of the file. 0 where there is nothing to take a level, a ripple or an energy of."""

    run_s: Natural = 0
    run_mwh: Natural = 0
    ripple_ppm: Natural = 0
    run_mw: Int = 0
    standby_mw: Int = 0
    product: Int = 0
    product_s: Natural = 0
    feeder_s: Natural = 0
    feeder_idle_s: Natural = 0
    runs: Annotated[tuple[_Minutes, ...], Meta(max_length=MAX_RUNS)] = ()


class Counted(NamedTuple):
    """What a counting watcher counted over [start_ms, end_ms)."""

    start_ms: int
    end_ms: int
    number: int


def shape_of(
    observed: Sequence[Observation],
    *,
    runs: list[Interval],
    standby: list[Interval],
    counted: Iterable[Counted] = (),
    feeder: Sequence[Observation] = (),
) -> Shape:
    """The shape of a day.

    `observed` and `feeder` are the instrument's and its feeder's power, in order and disjoint; `runs` and `standby` are
    the record's, sets in UTC ms.
    """
    minutes = {run: _means(observed, run, step_ms=MINUTE_MS) for run in runs}
    longest = sorted((run for run in runs if run[1] - run[0] >= MIN_RUN_MS), key=lambda run: (run[0] - run[1], run))
    kept = [tuple(mean for mean in minutes[run] if mean is not None) for run in sorted(longest[:MAX_RUNS])]
    ripples = [ripple for run in runs for ripple in _ripples(observed, run)]
    counts = list(counted)
    looked = union((each.start_ms, each.end_ms) for each in counts)
    compared, idle = _beside(minutes, feeder)
    return Shape(
        run_s=length(runs) // 1000,
        run_mwh=sum(_energy(observed, run) for run in runs),
        ripple_ppm=median(ripples) if ripples else 0,
        run_mw=_level([mean for run in runs for mean in minutes[run]]),
        standby_mw=_level([mean for each in standby for mean in _means(observed, each, step_ms=MINUTE_MS)]),
        product=sum(each.number for each in counts),
        product_s=length(intersect(looked, runs)) // 1000,
        feeder_s=compared,
        feeder_idle_s=idle,
        runs=tuple(kept),
    )


def _level(means: Sequence[int | None]) -> int:
    known = [mean for mean in means if mean is not None]
    return median(known) if known else 0


def _inside(observed: Sequence[Observation], within: Interval) -> Iterable[tuple[Observation, int, int]]:
    """Observations that touch a stretch, each with the part inside."""
    start_ms, end_ms = within
    for each in observed:
        if each.end_ms > start_ms and each.start_ms < end_ms:
            yield each, max(each.start_ms, start_ms), min(each.end_ms, end_ms)


def _energy(observed: Sequence[Observation], run: Interval) -> int:
    return sum(each.mean_mw * (end - start) for each, start, end in _inside(observed, run)) // 3_600_000


def _means(observed: Sequence[Observation], within: Interval, *, step_ms: int) -> list[int | None]:
    """The mean power of each whole step of a stretch, from its start on; None where half of it was not observed."""
    steps = (within[1] - within[0]) // step_ms
    sums, seen = [0] * steps, [0] * steps
    for each, start, end in _inside(observed, within):
        at = start
        while at < end:
            step = (at - within[0]) // step_ms
            if step >= steps:
                break
            until = min(end, within[0] + (step + 1) * step_ms)
            sums[step] += each.mean_mw * (until - at)
            seen[step] += until - at
            at = until
    return [total // ms if 2 * ms >= step_ms else None for total, ms in zip(sums, seen, strict=True)]


def _ripples(observed: Sequence[Observation], run: Interval) -> list[int]:
    """Of each whole five minutes of a run by how much the power moved, as ppm of its mean."""
    steps = (run[1] - run[0]) // WINDOW_MS
    low: list[int | None] = [None] * steps
    high = [0] * steps
    for each, start, end in _inside(observed, run):
        for step in range((start - run[0]) // WINDOW_MS, min(steps, (end - 1 - run[0]) // WINDOW_MS + 1)):
            before = low[step]
            low[step] = each.low_mw if before is None else min(before, each.low_mw)
            high[step] = max(high[step], each.high_mw) if before is not None else each.high_mw
    means = _means(observed, run, step_ms=WINDOW_MS)
    return [
        (top - bottom) * PPM // mean
        for bottom, top, mean in zip(low, high, means, strict=True)
        if bottom is not None and mean is not None and mean > 0
    ]


def _beside(minutes: dict[Interval, list[int | None]], feeder: Sequence[Observation]) -> tuple[int, int]:
    """Seconds of run in which the feeder was read too, and those in which it shows no load."""
    compared = idle = 0
    if not feeder:
        return 0, 0
    for run, own in minutes.items():
        for mine, whole in zip(own, _means(feeder, run, step_ms=MINUTE_MS), strict=True):
            if mine is not None and whole is not None:
                compared += MINUTE_MS // 1000
                idle += MINUTE_MS // 1000 if whole * FEEDER_SHARE < mine else 0
    return compared, idle


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Shape).decode


def encode(shape: Shape) -> bytes:
    """The one byte string of a shape."""
    return _encode(shape)


def decode(raw: bytes) -> Shape:
    """The shape of these bytes; TooLarge, or MalformedFlag where they are not canonical."""
    return decode_canonical(raw, _decode, what="a day's shape", error=MalformedFlag, most=MAX_SHAPE_BYTES)
