"""When an instrument was last in use, as far as its journal tells: where a forgotten sign-out ends. Pure.

Read from entries and not from what watchers say at the moment, so that a restart changes nothing and an auditor finds
the same instant. What shows use (docs/decisions/0007-forgotten-sign-outs.md says why):

- `power` above the policy's `run.off_mw`, the lowest power that may still belong to a run;
- what the policy's `evidence` takes for a run: a word (a contact that is closed), or a value (files that grew).

Without a policy nothing tells standby from work, and nobody is sent away on a guess: any power, any count above 0,
and the words `run` and `closed`.

A process that runs, a PC that is on and a card show that somebody might be there, and are no use of the instrument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from protocol.entry import ClockJump, Declaration, Entry, Reading
from protocol.policy import POWER, Policy
from protocol.presence import Presence

IN_USE = frozenset({"run", "closed"})  # where no policy says what words mean

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
        begun = self._begun.setdefault(presence.key, Use(presence.since_ms, presence.since_ms))
        last = self._last.get(presence.asset, begun)
        return max(begun, last, key=lambda use: (use.even_ms, use.at_ms))

    def even(self, wall_ms: int) -> int:
        """An instant of now on the scale that no step moves."""
        return wall_ms - self._stepped_ms

    def believe_no_later_than(self, even_ms: int) -> None:
        """A use later than now was dated by a clock that was set back while nobody looked: it counts from now on."""
        self._last = {asset: _until(use, even_ms) for asset, use in self._last.items()}
        self._begun = {key: _until(use, even_ms) for key, use in self._begun.items()}

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


def _until(use: Use, even_ms: int) -> Use:
    return use if use.even_ms <= even_ms else use._replace(even_ms=even_ms)


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
    if policy is None:
        return _may_show_use(reading)
    if reading.channel == POWER and reading.highs is not None:
        return (policy.scaled(high) > policy.run.off_mw for high in reading.highs)
    rules = [rule for rule in policy.evidence if rule.channel == reading.channel]
    if reading.states is not None:
        running = {word for rule in rules for word, state in (rule.words or {}).items() if state == "run"}
        return (word in running for word in reading.states)
    floors = [rule.at_least for rule in rules if rule.at_least is not None]
    return (bool(floors) and value >= min(floors) for value in reading.counts or reading.means or ())


def _may_show_use(reading: Reading) -> Iterable[bool]:
    if reading.channel == POWER and reading.highs is not None:
        return (high > 0 for high in reading.highs)
    if reading.states is not None:
        return (word in IN_USE for word in reading.states)
    return (number > 0 for number in reading.counts or ())
