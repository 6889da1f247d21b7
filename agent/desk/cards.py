"""Which card is whose: `state_dir`/cards.json, readable by the agent's user alone.

    {"cards":{"<64 hex>":{"operator":"张三","purpose":"own-research"}}}

A card is known by its salted hash; its number is stored nowhere. The names here are clear, because the desk shows them;
they never leave this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from agent.desk.salt import CARD_DIGITS
from agent.errors import DeskError
from agent.identity import write_private
from protocol.entry import Purpose

FILE = "cards.json"
MAX_CARDS = 2000


class Holder(msgspec.Struct, frozen=True):
    """Whose card it is, and what that person usually comes for."""

    operator: str
    purpose: Purpose


class _File(msgspec.Struct, frozen=True):
    cards: dict[str, Holder]


class Cards:
    """The assigned cards. One thread at a time may change them."""

    def __init__(self, path: Path, holders: Mapping[str, Holder]) -> None:
        self._path = path
        self.holders = holders  # by the card's hash; replaced, never changed

    def assign(self, card: str, holder: Holder) -> None:
        """Give a card to somebody, whoever had it; DeskError where it cannot be kept."""
        if card not in self.holders and len(self.holders) >= MAX_CARDS:
            raise DeskError(f"{MAX_CARDS} cards are assigned; remove some (jishi-agent card remove)")
        self._write({**self.holders, card: holder})

    def remove(self, prefix: str) -> Holder:
        """Forget the one card whose hash begins like this, and return whose it was; DeskError."""
        found = [card for card in self.holders if prefix and card.startswith(prefix)]
        if len(found) != 1:
            raise DeskError(f"{len(found)} cards begin with {prefix!r}; jishi-agent card list shows them")
        holder = self.holders[found[0]]
        self._write({card: one for card, one in self.holders.items() if card != found[0]})
        return holder

    def _write(self, holders: Mapping[str, Holder]) -> None:
        try:
            write_private(self._path, msgspec.json.encode(_File(dict(holders))))
        except OSError as problem:
            raise DeskError(f"{self._path} cannot be written: {problem}") from problem
        self.holders = holders


def open_cards(state_dir: Path) -> Cards:
    """The cards of a state directory; DeskError where the file cannot be used."""
    path = state_dir / FILE
    try:
        return Cards(path, msgspec.json.decode(path.read_bytes(), type=_File).cards)
    except FileNotFoundError:
        return Cards(path, {})
    except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError) as problem:
        raise DeskError(
            f"{path} cannot be used ({problem}): put the right file back, or remove it and assign the cards again"
        ) from problem


def short(card: str) -> str:
    """How a card is named in events and lists: the first digits of its hash."""
    return card[:CARD_DIGITS]
