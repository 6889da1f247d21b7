"""The card readers: each presentation becomes an event with the card's salted hash, and signs its holder in or out.

A card that nobody was assigned is an event and a hint in the status, and nothing else. `assign_next` gives the next
card that is presented to a person; that presentation signs nobody in. One thread presents, any may ask.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple

from agent.clock import Clock
from agent.desk.cards import Cards, Holder, short
from agent.desk.desk import Desk
from agent.desk.salt import Salt
from agent.errors import DeskError
from agent.reading import Sample
from agent.watchers.watcher import Card

CHANNEL = "card"
CARD_REST_MS = 3000
"""A card that lies on the reader is read again and again; it counts anew when it was away for this long."""
ASSIGN_WITHIN_MS = 60_000


class Assigning(NamedTuple):
    """The next card becomes this person's; `card` is its hash once it was presented."""

    holder: Holder
    until_ms: int  # monotonic
    card: str = ""


class Readers:
    """What becomes of cards."""

    def __init__(
        self,
        cards: Cards,
        desk: Desk,
        *,
        salt: Salt,
        asset_of: Mapping[str, str],
        emit: Callable[[Sample], None],
        clock: Clock,
    ) -> None:
        """`asset_of`: the instrument at which each reader stands, by the watcher's name; empty for none."""
        self._cards = cards
        self._desk = desk
        self._salt = salt
        self._asset_of = asset_of
        self._emit = emit
        self._clock = clock
        self._lock = threading.Lock()
        self._assigning: Assigning | None = None
        self._last: dict[str, tuple[str, int]] = {}  # by reader: the card, and its monotonic ms
        self.hint = ""  # why nothing came of the last card, for the status

    def present(self, card: Card) -> None:
        """Take a card that somebody presented."""
        digest = self._salt.of_card(card.number)
        if self._still_lies_there(card, digest):
            return
        self._emit(Sample(card.watcher, CHANNEL, card.at, f"card={short(digest)}"))
        with self._lock:
            problem = self._use(card.watcher, digest)
            self.hint = f"card {short(digest)} at {card.watcher}: {problem}" if problem else ""

    def assign_next(self, holder: Holder) -> None:
        """Make the next card within a minute this person's."""
        with self._lock:
            self._assigning = Assigning(holder, self._clock.now().mono_ms + ASSIGN_WITHIN_MS)

    def assigning(self) -> Assigning | None:
        """The assignment that was asked for last; None where it has run out of time."""
        asked = self._assigning
        if asked is None or (not asked.card and self._clock.now().mono_ms > asked.until_ms):
            return None
        return asked

    def holders(self) -> Mapping[str, Holder]:
        """Whose the cards are, by the card's salted hash."""
        return self._cards.holders

    def remove(self, prefix: str) -> Holder:
        """Forget the card whose hash begins like this; DeskError."""
        with self._lock:
            return self._cards.remove(prefix)

    def _still_lies_there(self, card: Card, digest: str) -> bool:
        before = self._last.get(card.watcher)
        self._last[card.watcher] = digest, card.at.mono_ms
        return before is not None and before[0] == digest and card.at.mono_ms - before[1] < CARD_REST_MS

    def _use(self, reader: str, digest: str) -> str:
        """Assign the card, or sign its holder in or out; why nothing came of it, or nothing."""
        asked = self.assigning()
        try:
            if asked is not None and not asked.card:
                self._assigning = None
                self._cards.assign(digest, asked.holder)
                self._assigning = asked._replace(card=digest)
                return ""
            holder = self._cards.holders.get(digest)
            if holder is None:
                return "it is nobody's; assign it (jishi-agent card assign)"
            self._desk.toggle(self._asset_at(reader), holder.operator, holder.purpose)
        except DeskError as problem:
            return str(problem)
        return ""

    def _asset_at(self, reader: str) -> str:
        asset = self._asset_of.get(reader, "")
        if not asset and len(self._desk.assets) == 1:
            return self._desk.assets[0]
        if not asset:
            raise DeskError("the reader stands at no instrument; give it an asset in the configuration")
        return asset
