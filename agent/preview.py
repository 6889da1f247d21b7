"""One instrument's day so far, as the agent itself sees it: a preview, by the kernel that the collector uses.

Reads the journal's readings since midnight (UTC+8) and the open blocks, and derives states from them under the policy
that the collector named (policies.py). Without a policy there is power and no states.

It decides nothing: hours are derived at the collector, from what was received. It may differ from them where the
collector knows more (another agent's meter) and around midnight: it begins `WARM_UP_MS` earlier with nothing known.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from agent import policies
from agent.shelf import Shelf, find_since, read
from protocol.entry import Entry, Reading
from protocol.fusion import derive_states
from protocol.interval import day_bounds_ms, local_day
from protocol.lead import UNOBSERVED
from protocol.observation import covered_ms
from protocol.policy import POWER, Policy
from protocol.timeline import Span
from protocol.witness import Block, gather, within

WARM_UP_MS = 3_600_000
KEEP_MS = 3000

_READING = b'"k":"reading"'


class Power(NamedTuple):
    """The mean power in mW over [start_ms, end_ms) UTC."""

    start_ms: int
    end_ms: int
    mean_mw: int


class Day(NamedTuple):
    """One instrument's local day up to `now_ms`; `spans` are empty without a policy."""

    start_ms: int
    now_ms: int
    powers: tuple[Power, ...]
    spans: tuple[Span, ...]
    policy: Policy | None


class Preview:
    """The days of all instruments of this agent. Any thread; what was derived is kept for `KEEP_MS`."""

    def __init__(
        self, journal: Shelf, *, state_dir: Path, assets: Mapping[str, str], open_blocks: Callable[[], Iterable[Entry]]
    ) -> None:
        """`assets`: the instrument of each watcher, by the watcher's name."""
        self._journal = journal
        self._state_dir = state_dir
        self._assets = assets
        self._open_blocks = open_blocks
        self._first: int | None = None  # an index before which nothing of today stands
        self._days: dict[str, Day] = {}
        self._derived_ms = -KEEP_MS
        self._mutex = threading.Lock()

    def days(self, now_ms: int) -> Mapping[str, Day]:
        """The day of each instrument at an instant of UTC; JournalError where the journal cannot be read."""
        with self._mutex:  # two at once would only do the same twice, and hold it in memory twice
            if not 0 <= now_ms - self._derived_ms < KEEP_MS:
                self._days = self._derive(now_ms)
                self._derived_ms = now_ms
            return self._days

    def _derive(self, now_ms: int) -> dict[str, Day]:
        start_ms, _ = day_bounds_ms(local_day(now_ms))
        blocks: dict[str, list[Block]] = {asset: [] for asset in self._assets.values() if asset}
        for entry, reading in self._readings(start_ms - WARM_UP_MS):
            asset = self._assets.get(reading.watcher, "")
            if asset in blocks:
                blocks[asset].append((self._journal.origin, entry, reading))
        return {
            asset: day(its, policies.load(self._state_dir, asset), start_ms=start_ms, now_ms=now_ms)
            for asset, its in blocks.items()
        }

    def _readings(self, since_ms: int) -> Iterator[tuple[Entry, Reading]]:
        self._first = find_since(self._journal, since_ms, known=self._first)
        for entry in chain(read(self._journal, self._first, only=_READING), self._open_blocks()):
            reading = entry.body
            if isinstance(reading, Reading) and reading.events is None and covered_ms(entry, reading)[1] > since_ms:
                yield entry, reading


def day(blocks: Iterable[Block], policy: Policy | None, *, start_ms: int, now_ms: int) -> Day:
    """The day from its readings and its policy. Pure."""
    found = list(blocks)
    powers = tuple(sorted(power for _, entry, reading in found for power in _powers(entry, reading, start_ms=start_ms)))
    spans = () if policy is None else _states(found, policy, start_ms=start_ms, now_ms=now_ms)
    return Day(start_ms, now_ms, powers, spans, policy)


def _states(blocks: Iterable[Block], policy: Policy, *, start_ms: int, now_ms: int) -> tuple[Span, ...]:
    """The states since `start_ms`. What is not observed yet, but may still be within the policy's gap, is left out."""
    begin_ms = start_ms - WARM_UP_MS
    evidence = within(gather(blocks, policy), begin_ms, end_ms=max(now_ms, begin_ms))
    ends = [one.end_ms for one in evidence.observed] + [end_ms for shown in evidence.shown for _, end_ms, _ in shown]
    told_ms = max(ends, default=begin_ms)
    end_ms = told_ms if now_ms - told_ms <= policy.gap_ms else now_ms
    if end_ms <= start_ms:
        return ()
    spans = derive_states(evidence, policy, start_ms=begin_ms, end_ms=end_ms, lead_in=UNOBSERVED).spans
    return tuple(span._replace(start_ms=max(span.start_ms, start_ms)) for span in spans if span.end_ms > start_ms)


def _powers(entry: Entry, reading: Reading, *, start_ms: int) -> Iterator[Power]:
    if reading.channel != POWER:
        return
    end_ms, _ = covered_ms(entry, reading)
    for duration_ms, mean_mw in zip(reading.durations_ms, reading.means or (), strict=False):
        begin_ms, end_ms = end_ms, end_ms + duration_ms
        if end_ms > start_ms:
            yield Power(max(begin_ms, start_ms), end_ms, mean_mw)
