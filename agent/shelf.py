"""Reading a journal back: entries that are wanted, decoded, a few at a time.

What a later version wrote cannot be decoded and is passed over: it stands in the journal all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from protocol.entry import Entry, decode
from protocol.errors import MalformedEntry

AT_ONCE = 256
"""Entries that are held in memory at a time: some 80 kB."""


class Shelf(Protocol):
    """What is read of a journal."""

    @property
    def origin(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def readable_from(self) -> int: ...
    def entries(self, first: int, last: int) -> tuple[bytes, ...]: ...


def decodable(raws: Iterable[bytes]) -> Iterator[Entry]:
    """The entries among these bytes that this version knows."""
    for raw in raws:
        try:
            yield decode(raw)
        except MalformedEntry:
            continue


def read(shelf: Shelf, first: int, *, only: bytes = b"") -> Iterator[Entry]:
    """The entries from `first` on whose bytes hold `only`, as far as they are here; JournalError."""
    end = shelf.size
    for start in range(max(first, shelf.readable_from), end, AT_ONCE):
        pieces = shelf.entries(start, min(start + AT_ONCE, end))
        yield from decodable(raw for raw in pieces if only in raw)


def find_since(shelf: Shelf, since_ms: int, *, known: int | None) -> int:
    """An index from which on every entry of the UTC ms `since_ms` or later is found, and not many before it.

    `known`: what this returned for an earlier instant. A clock that was set back can hide entries behind later ones.
    """
    if known is None or not shelf.readable_from <= known <= shelf.size:
        return _go_back(shelf, since_ms)
    first = known
    while first + AT_ONCE < shelf.size and _is_before(shelf, first + AT_ONCE, since_ms):
        first += AT_ONCE
    return first


def _go_back(shelf: Shelf, since_ms: int) -> int:
    first = shelf.size
    while first > shelf.readable_from:
        first = max(shelf.readable_from, first - AT_ONCE)
        if _is_before(shelf, first, since_ms):
            break
    return first


def _is_before(shelf: Shelf, index: int, since_ms: int) -> bool:
    return any(entry.wall_ms < since_ms for entry in decodable(shelf.entries(index, index + 1)))
