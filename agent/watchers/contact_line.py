"""One dry contact, looked at again and again: which word holds since when, and whether it only chatters. Pure.

A change counts once it has lasted for the debounce time, and is dated back to the look that saw it first. To make the
interval before it end there, the word before is told once more, as of the last look that saw it:

    look at ms    0      20     …    980    1000   1020   1040   1060
    contact       open   open        open   open   closed closed closed        (debounce 40 ms)
    told                                                         open at 1000, closed at 1060

Looks are expected in the order of their time; times are milliseconds of the monotonic clock.
"""

from collections import deque
from typing import Literal, NamedTuple

Word = Literal["closed", "open"]

CHATTER_WINDOW_MS = 10_000


class Told(NamedTuple):
    """The contact's word at a moment; `None` while it chatters."""

    mono_ms: int
    word: Word | None


class ContactLine:
    """What one contact has told. `most_changes`: more than so many in ten seconds are chatter and no signal."""

    def __init__(self, *, debounce_ms: int, every_ms: int, most_changes: int) -> None:
        self._debounce_ms = debounce_ms
        self._every_ms = every_ms
        self._changes: deque[int] = deque(maxlen=most_changes + 1)
        self._word: Word | None = None  # that holds
        self._seen: Word | None = None  # by the last look
        self._since_ms = 0  # of the first look that saw it
        self._before_ms = 0  # of the look before that one
        self._looked_ms = 0
        self._told_ms: int | None = None

    @property
    def chatters(self) -> bool:
        """Whether it chattered at the last look."""
        return self._chatters(self._looked_ms)

    def look(self, mono_ms: int, closed: bool) -> list[Told]:
        """Take what the contact is now; return what is to be told."""
        self._see(mono_ms, "closed" if closed else "open")
        if self._chatters(mono_ms):
            self._word = None
            return self._tell(mono_ms, None)
        if self._seen == self._word:
            return self._tell(mono_ms, self._word)
        return self._settle(mono_ms) if mono_ms - self._since_ms >= self._debounce_ms else []

    def _see(self, mono_ms: int, seen: Word) -> None:
        if seen != self._seen:
            if self._seen is not None:
                self._changes.append(mono_ms)
            self._seen, self._since_ms, self._before_ms = seen, mono_ms, self._looked_ms
        self._looked_ms = mono_ms

    def _chatters(self, mono_ms: int) -> bool:
        return len(self._changes) == self._changes.maxlen and mono_ms - self._changes[0] <= CHATTER_WINDOW_MS

    def _settle(self, mono_ms: int) -> list[Told]:
        before, self._word = self._word, self._seen
        last = [Told(self._before_ms, before)] if before and self._before_ms > (self._told_ms or 0) else []
        self._told_ms = mono_ms
        return [*last, Told(mono_ms, self._word)]

    def _tell(self, mono_ms: int, word: Word | None) -> list[Told]:
        if self._told_ms is not None and mono_ms - self._told_ms < self._every_ms:
            return []
        self._told_ms = mono_ms
        return [Told(mono_ms, word)]
