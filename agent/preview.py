"""One instrument's day so far, as the agent itself sees it: a preview, by the kernel that the collector uses.

Reads the journal's power readings since midnight (UTC+8) and the open blocks, and derives states from them under the
policy that the collector sent, `state_dir`/policies/<asset>.json: the bytes of a policy file, so that its hash is the
one printed with the hours. Without a policy there is power and no states.

It decides nothing: hours are derived at the collector, from what was received. It may differ from them where the
collector knows more (another agent's meter) and around midnight: it begins `WARM_UP_MS` earlier with nothing known.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from agent.shelf import Shelf, find_since, read
from protocol.entry import Entry, Reading
from protocol.errors import MalformedPolicy
from protocol.interval import day_bounds_ms, local_day
from protocol.lead import UNOBSERVED
from protocol.observation import covered_ms, observe
from protocol.policy import MAX_POLICY_BYTES, Policy, parse_policy
from protocol.timeline import Span, derive

POLICIES = "policies"
WARM_UP_MS = 3_600_000
KEEP_MS = 3000

_POWER = b'"ch":"power"'
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


class Power(NamedTuple):
    """The mean power in mW over [start_ms, end_ms) UTC."""

    start_ms: int
    end_ms: int
    mean_mw: int


class Day(NamedTuple):
    """One instrument's local day up to `now_ms`; `spans` are empty without a policy.

    `problem` says why the policy that came cannot be used; it is empty where none has come.
    """

    start_ms: int
    now_ms: int
    powers: tuple[Power, ...]
    spans: tuple[Span, ...]
    policy: Policy | None
    problem: str


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

    def days(self, now_ms: int) -> Mapping[str, Day]:
        """The day of each instrument at an instant of UTC; JournalError where the journal cannot be read."""
        if not 0 <= now_ms - self._derived_ms < KEEP_MS:
            self._days = self._derive(now_ms)
            self._derived_ms = now_ms
        return self._days

    def _derive(self, now_ms: int) -> dict[str, Day]:
        start_ms, _ = day_bounds_ms(local_day(now_ms))
        blocks: dict[str, list[tuple[str, Entry, Reading]]] = {asset: [] for asset in self._assets.values() if asset}
        for entry, reading in self._power_readings(start_ms - WARM_UP_MS):
            asset = self._assets.get(reading.watcher, "")
            if asset in blocks:
                blocks[asset].append((self._journal.origin, entry, reading))
        return {
            asset: day(its, read_policy(self._state_dir, asset), start_ms=start_ms, now_ms=now_ms)
            for asset, its in blocks.items()
        }

    def _power_readings(self, since_ms: int) -> Iterator[tuple[Entry, Reading]]:
        self._first = find_since(self._journal, since_ms, known=self._first)
        for entry in chain(read(self._journal, self._first, only=_POWER), self._open_blocks()):
            reading = entry.body
            if isinstance(reading, Reading) and reading.channel == "power" and covered_ms(entry, reading)[1] > since_ms:
                yield entry, reading


def day(blocks: Iterable[tuple[str, Entry, Reading]], policy: Policy | str, *, start_ms: int, now_ms: int) -> Day:
    """The day from its readings (origin, entry, reading) and its policy, or why there is none. Pure."""
    read = list(blocks)
    powers = tuple(sorted(power for _, entry, reading in read for power in _powers(entry, reading, start_ms=start_ms)))
    if isinstance(policy, str):
        return Day(start_ms, now_ms, powers, (), None, policy)
    return Day(start_ms, now_ms, powers, _states(read, policy, start_ms=start_ms, now_ms=now_ms), policy, "")


def _states(
    blocks: Iterable[tuple[str, Entry, Reading]], policy: Policy, *, start_ms: int, now_ms: int
) -> tuple[Span, ...]:
    """The states since `start_ms`. What is not observed yet, but may still be within the policy's gap, is left out."""
    observed = [one for one in observe(blocks, policy) if one.start_ms < now_ms]
    told_ms = observed[-1].end_ms if observed else 0
    end_ms = min(told_ms, now_ms) if now_ms - told_ms <= policy.gap_ms else now_ms
    begin_ms = start_ms - WARM_UP_MS
    if end_ms <= start_ms:
        return ()
    spans = derive(observed, policy, start_ms=begin_ms, end_ms=end_ms, lead_in=UNOBSERVED).spans
    return tuple(span._replace(start_ms=max(span.start_ms, start_ms)) for span in spans if span.end_ms > start_ms)


def policy_path(state_dir: Path, asset: str) -> Path:
    """Where the policy of an instrument lies; an asset number that is no plain name stands there as its SHA-256."""
    name = asset if _PLAIN.fullmatch(asset) else f".{hashlib.sha256(asset.encode()).hexdigest()}"
    return state_dir / POLICIES / f"{name}.json"


def read_policy(state_dir: Path, asset: str) -> Policy | str:
    """The policy of an instrument, or why it cannot be used; an empty text where none has come yet."""
    path = policy_path(state_dir, asset)
    try:
        with path.open("rb") as file:
            return parse_policy(file.read(MAX_POLICY_BYTES + 1))
    except FileNotFoundError:
        return ""
    except (OSError, MalformedPolicy) as problem:
        return f"{path} cannot be used: {problem}"


def _powers(entry: Entry, reading: Reading, *, start_ms: int) -> Iterator[Power]:
    end_ms, _ = covered_ms(entry, reading)
    for duration_ms, mean_mw in zip(reading.durations_ms, reading.means or (), strict=False):
        begin_ms, end_ms = end_ms, end_ms + duration_ms
        if end_ms > start_ms:
            yield Power(max(begin_ms, start_ms), end_ms, mean_mw)
