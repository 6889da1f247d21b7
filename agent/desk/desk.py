"""The desk: takes what people do, has it journalled, and knows who is there. The shell around rules, book and evidence.

    page, command ──sign_in, sign_out──▶ desk ──write────▶ recorder ──▶ journal
    readers ──────────toggle────────────▶  │  ◀── every minute: what the journal says of use
                                           └──▶ book (durable), then the answer

Nobody is told "signed in" before the journal has synced it. What the journal does not take is refused, and nothing is
kept of it. A token bucket bounds what can be written: unreceipted entries are never deleted, so a flood of them would
end the recording. Any thread may call; one deed at a time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from agent import policies
from agent.clock import Clock
from agent.desk.book import Book, open_book
from agent.desk.evidence import Uses
from agent.desk.rules import Claim, decide, forget, is_the_same, sign_in, sign_out
from agent.desk.salt import Salt, tidy
from agent.desk.words import refuse
from agent.errors import DeskError
from agent.intervals import TokenBucket
from agent.shelf import Shelf, read
from protocol.entry import PURPOSES, Declaration, Entry, How, Purpose, clean_text
from protocol.policy import Policy
from protocol.presence import Ended, Presence

MAX_ORDER = 64
TOKENS_KEPT = 10
"""Of the bucket, for the forgotten: what people, or a program that runs wild, may not use up."""

log = logging.getLogger(__name__)


class Recording(Protocol):
    """What the desk needs of the recorder."""

    def write(self, body: Declaration, /) -> Entry | None: ...
    def refuses(self) -> str: ...


class Person(NamedTuple):
    """Somebody who is there, with the name that is shown."""

    name: str
    presence: Presence


class Forgotten(NamedTuple):
    """Somebody was there until `end_ms` UTC and did not sign out."""

    name: str
    end_ms: int


class Desk:
    """Who is at which instrument of this agent."""

    def __init__(
        self,
        state_dir: Path,
        journal: Shelf,
        *,
        salt: Salt,
        recorder: Recording,
        asset_of: Mapping[str, str],
        clock: Clock,
        idle_ms: int,
    ) -> None:
        """Read who was there; JournalError. `asset_of`: the instrument of each watcher, by the watcher's name."""
        self._state_dir = state_dir
        self._journal = journal
        self._recorder = recorder
        self._clock = clock
        self._idle_ms = idle_ms
        self._asset_of = asset_of
        self.assets = tuple(dict.fromkeys(asset for asset in self._asset_of.values() if asset))
        self._lock = threading.RLock()
        self._salt = salt
        self._book: Book = open_book(state_dir, journal)
        self._read_to = journal.size
        self._bucket = TokenBucket()
        self.forgotten: Mapping[str, Forgotten] = {}  # the last deed at an instrument, where it was that; to be shown
        self._begin_to_look()

    def people(self) -> tuple[Person, ...]:
        """Everybody who is there, in the order in which they came."""
        book = self._book
        there = sorted(book.present.values(), key=lambda presence: (presence.since_ms, presence.index))
        return tuple(Person(book.name_of(presence.operator), presence) for presence in there)

    def sign_in(self, asset: str, name: str, claim: Claim, *, how: How) -> Person:
        """Have somebody be there; DeskError where that cannot be. Doing it twice is doing it once."""
        with self._lock:
            name = tidy(name)
            key = self._key(asset, name)
            if decide("in", key, self._book.present) == "renew" and is_the_same(self._book.present[key], claim):
                self._book.learn(key[1], name)
                return Person(name, self._book.present[key])
            self._declare(sign_in(key, claim, how), name=name)
            return Person(name, self._book.present[key])

    def sign_out(self, asset: str, operator: str | None, *, how: How) -> Ended:
        """Have somebody (a salted hash; the only one who is there, where None) be gone; DeskError."""
        with self._lock:
            key = self._who_leaves(asset, operator)
            if decide("out", key, self._book.present) == "refuse":
                raise refuse("not_here", who=self._book.name_of(key[1]), asset=asset)
            return self._end(sign_out(key, how))

    def check_asset(self, asset: str) -> str:
        """The asset number of an instrument that this agent watches; DeskError, with the list, for any other."""
        if asset not in self.assets:
            raise refuse("unknown_asset", asset=asset, assets=", ".join(self.assets) or "-")
        return asset

    def hash_of(self, name: str) -> str:
        """The salted hash of a person's name; DeskError where it is none."""
        return self._salt.of_person(tidy(name))

    def toggle(self, asset: str, name: str, purpose: Purpose) -> None:
        """Have the holder of a card be there, or be gone; DeskError."""
        with self._lock:
            key = self._key(asset, tidy(name))
            if decide("card", key, self._book.present) == "begin":
                self._declare(sign_in(key, Claim(purpose), "card"), name=name)
            else:
                self._end(sign_out(key, "card"))

    def look_for_forgotten(self) -> list[Ended]:
        """End what nobody ended: where an instrument was not used for too long, at its last use."""
        with self._lock:
            if not self._book.present:
                self._begin_to_look()
                return []
            self._uses.follow(read(self._journal, self._read_to), self._policies())
            self._read_to = self._journal.size
            now_ms = self._uses.even(self._clock.now().wall_ms)
            self._uses.believe_no_later_than(now_ms)
            uses = {presence: self._uses.of(presence) for presence in self._book.present.values()}
            idle = [presence for presence, use in uses.items() if now_ms - use.even_ms >= self._idle_ms]
            return [ended for presence in idle if (ended := self._forget(presence, uses[presence].at_ms))]

    def _forget(self, presence: Presence, until_ms: int) -> Ended | None:
        """End a presence that is idle; None where the journal does not take it, and the next look will try again."""
        if decide("idle", presence.key, self._book.present) != "forget":
            return None
        name = self._book.name_of(presence.operator)
        try:
            ended = self._end(forget(presence, until_ms))
            self.forgotten = {**self.forgotten, presence.asset: Forgotten(name, ended.end_ms)}
            return ended
        except DeskError as problem:
            log.warning("forgotten sign-out could not be ended", extra={"problem": str(problem)})
            return None

    def _begin_to_look(self) -> None:
        """From the oldest presence on; what was before it does not matter."""
        self._uses = Uses(self._asset_of)
        self._read_to = min((one.index for one in self._book.present.values()), default=self._journal.size)

    def _policies(self) -> dict[str, Policy | None]:
        return {asset: policies.load(self._state_dir, asset) for asset in self.assets}

    def _key(self, asset: str, name: str) -> tuple[str, str]:
        return self.check_asset(asset), self._salt.of_person(name)

    def _who_leaves(self, asset: str, operator: str | None) -> tuple[str, str]:
        self.check_asset(asset)
        there = [presence for presence in self._book.present.values() if presence.asset == asset]
        if operator is not None:
            return asset, operator
        if not there:
            raise refuse("nobody_here", asset=asset)
        if len(there) > 1:
            names = ", ".join(self._book.name_of(presence.operator) for presence in there)
            raise refuse("several_here", asset=asset, names=names)
        return there[0].key

    def _end(self, said: Declaration) -> Ended:
        ended = self._declare(said)
        if ended is None:
            raise DeskError(f"nobody was there to end by entry {said}")
        return ended

    def _declare(self, said: Declaration, *, name: str | None = None) -> Ended | None:
        """Journal, book, acknowledge: in this order."""
        kept = 0 if said.how == "forgotten" else TOKENS_KEPT
        if not self._bucket.take(self._clock.now().mono_ms, keep=kept):
            raise refuse("too_many")
        entry = self._recorder.write(said)
        if entry is None:
            raise refuse("not_recorded", reason=self._recorder.refuses() or "it is busy")
        ended = self._book.enter(entry, name=name)
        self._book.save()
        self.forgotten = {asset: told for asset, told in self.forgotten.items() if asset != said.asset}
        log.info("declared", extra={"asset": said.asset, "action": said.action, "how": said.how, "entry": entry.index})
        return ended


def claim(purpose: str, order: str) -> Claim:
    """What somebody comes for, from the words of a form or a command; DeskError where they are none."""
    known: Purpose | None = next((one for one in PURPOSES if one == purpose), None)
    if known is None:
        raise refuse("unknown_purpose", purpose=purpose, purposes=", ".join(PURPOSES))
    if not order.strip():
        return Claim(known)
    tidied = clean_text(order.strip(), MAX_ORDER + 1)
    if len(tidied) > MAX_ORDER:
        raise refuse("order_too_long", limit=MAX_ORDER)
    return Claim(known, tidied)
