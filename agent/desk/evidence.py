"""When an instrument was last in use, as far as its journal tells: where a forgotten sign-out ends. Pure.

Read from entries and not from what watchers say at the moment, so that a restart changes nothing and an auditor finds
the same instant. What shows use (docs/decisions/0006-forgotten-sign-outs.md says why):

- `power` above the policy's `run.off_mw`, the lowest power that may still belong to a run. Without a policy, any power
  above 0: then nothing tells standby from work, and no presence is ended on a guess;
- a state `run` or `closed` (a contact, the instrument's own status);
- a count above 0 (bytes of data files).

A process that runs, a PC that is on and a card show that somebody might be there, and are no use of the instrument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from protocol.entry import ClockJump, Declaration, Entry, Reading
from protocol.policy import Policy
from protocol.presence import Presence

IN_USE = frozenset({"run", "closed"})

Policies = Mapping[str, Policy | None]
"""The policy of each instrument, None where none has come."""


class Use(NamedTuple):
    """The end of the last use of an instrument.

    `at_ms`: UTC by the clock of that time. `even_ms`: the same on a scale that no step of the wall clock moves, to tell
    how long ago it was: suspend and power-off count, a clock that is set does not.
    """

    at_ms: int
    even_ms: int


class Uses:
    """The last use of each instrument, brought up to date entry by entry."""

    def __init__(self, assets: Mapping[str, str]) -> None:
        """`assets`: the instrument of each watcher, by its name."""
        self._assets = assets
        self._stepped_ms = 0  # by how much the wall clock was set since the first entry
        self._last: dict[str, Use] = {}  # by instrument
        self._begun: dict[tuple[str, str], Use] = {}  # by instrument and operator

    def of(self, presence: Presence) -> Use:
        """The last use of the instrument since somebody is there; else that somebody came, which is evidence too."""
        begun = self._begun.get(presence.key, Use(presence.since_ms, presence.since_ms))
        last = self._last.get(presence.asset, begun)
        return max(begun, last, key=lambda use: use.even_ms)

    def even(self, wall_ms: int) -> int:
        """An instant of now on the scale that no step moves."""
        return wall_ms - self._stepped_ms

    def follow(self, entries: Iterable[Entry], policies: Policies) -> None:
        """Take further entries, in the order of the journal."""
        for entry in entries:
            if isinstance(entry.body, ClockJump) and entry.body.cause == "step":
                self._stepped_ms += entry.body.jump_ms
            elif isinstance(entry.body, Declaration) and entry.body.action == "in":
                key = entry.body.asset, entry.body.operator
                self._begun[key] = Use(entry.wall_ms, self.even(entry.wall_ms))
            elif isinstance(entry.body, Reading) and (asset := self._assets.get(entry.body.watcher)):
                self._see(asset, used_until(entry, entry.body, policies.get(asset)))

    def _see(self, asset: str, until_ms: int | None) -> None:
        if until_ms is None:
            return
        use = Use(until_ms, self.even(until_ms))
        before = self._last.get(asset)
        if before is None or before.even_ms < use.even_ms:
            self._last[asset] = use


def used_until(entry: Entry, reading: Reading, policy: Policy | None) -> int | None:
    """The UTC ms at which the last interval of a reading ends that shows use; None where none does."""
    end_ms = entry.wall_ms - entry.mono_ms + reading.start_mono_ms
    until_ms = None
    for duration_ms, shows_use in zip(reading.durations_ms, _shows_use(reading, policy), strict=False):
        end_ms += duration_ms
        if shows_use:
            until_ms = end_ms
    return until_ms


def _shows_use(reading: Reading, policy: Policy | None) -> Iterable[bool]:
    if reading.highs is not None and reading.channel == "power":
        floor_mw = 0 if policy is None else policy.run.off_mw
        return (high > floor_mw for high in reading.highs)
    if reading.states is not None:
        return (word in IN_USE for word in reading.states)
    if reading.counts is not None:
        return (number > 0 for number in reading.counts)
    return ()
