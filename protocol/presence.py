"""Who was at which instrument, from when to when: declarations become presences. Pure.

One person is at one instrument at most once at a time; several persons may be there together (domain.md section 3,
"two users overlap"), and one person at several instruments. Rules, entry by entry, in the order of the journal:

 1 `in` begins a presence at the entry's time t. If the person is there already, the presence so far ends at t: another
   purpose or order is another presence.
 2 `out` ends it at t.
 3 A forgotten `out` ends it at its `until_ms`, which is never before the presence began ("session never closed").
 4 An `out` without a presence says nothing.

A presence says who claims the time. It never makes time: what ran is told by readings alone.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from protocol.entry import Declaration, Entry, How, Purpose


class Presence(msgspec.Struct, frozen=True):
    """Somebody is at an instrument. `operator` is a salted hash, `index` that of the entry that says so."""

    asset: str
    operator: str
    purpose: Purpose
    order: str | None
    how: How
    since_ms: int  # UTC
    index: int

    @property
    def key(self) -> tuple[str, str]:
        """What there is one of at a time."""
        return self.asset, self.operator


class Ended(NamedTuple):
    """A presence that is over, at `end_ms` UTC; `forgotten` where nobody signed out."""

    presence: Presence
    end_ms: int
    forgotten: bool


Present = Mapping[tuple[str, str], Presence]
"""Everybody who is there, by instrument and operator."""


def follow(present: Present, entry: Entry) -> tuple[Present, Ended | None]:
    """Who is there after one more entry, and what it ended. Entries of other kinds change nothing."""
    said = entry.body
    if not isinstance(said, Declaration):
        return present, None
    key = said.asset, said.operator
    before = present.get(key)
    others = {there: presence for there, presence in present.items() if there != key}
    ended = None if before is None else _end(before, said, at_ms=entry.wall_ms)
    if said.action == "out" or said.purpose is None:
        return others, ended
    begun = Presence(said.asset, said.operator, said.purpose, said.order, said.how, entry.wall_ms, entry.index)
    return {**others, key: begun}, ended


def _end(presence: Presence, said: Declaration, *, at_ms: int) -> Ended:
    """Rules 1 to 3; a clock that was set back meanwhile makes no presence end before it began."""
    end_ms = at_ms if said.until_ms is None else said.until_ms
    return Ended(presence, max(end_ms, presence.since_ms), said.how == "forgotten")
