"""When a beacon and an entry's own clock disagree, the beacon's pair of times serves. Pure.

A *fix* is a beacon that was verified: at `mono_ms` of its boot the collector's clock said `time_ms`. An entry's own UTC
is its wall clock. Where that differs from the UTC that the nearest fix of its boot gives by more than LIMIT_MS, the
entry is read as if its wall clock had said what the fix says: durations come from the monotonic clock anyway, so a run
keeps its seconds and moves to its day. Nearest is by the monotonic clock, the earlier of two as near ones.

    fix (mono 1 000 000, UTC noon), entry (mono 1 300 000, wall clock a year ahead)   -> five minutes past noon

A machine that sleeps may stop its monotonic clock (Linux does, Windows does not): then nothing on one side of the sleep
says what time it is on the other. Its `clock` entry, cause `suspend`, stands in the sequence as a fix without a time.

What is within the limit stays as it is: a beacon is late by its way, and a clock that runs a little off is honest. What
is read under corrected time is graded no better than C (grades.py).
Source: evidence.md section 3 ("UTC of a monotonic instant"), domain.md section 3 ("clock wrong or set back").
"""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from protocol.entry import MAX_WALL_MS, MIN_WALL_MS, Declaration, Entry

LIMIT_MS: Final = 60_000


class Clocks(NamedTuple):
    """An entry's place and its own two clocks."""

    entry_index: int
    wall_ms: int
    mono_ms: int


class Fix(NamedTuple):
    """A verified beacon of one boot of one journal: where it stands, and both times.

    `time_ms` None: here the machine slept, and no fix serves what lies on the other side.
    """

    entry_index: int
    mono_ms: int
    time_ms: int | None

    @property
    def offset_ms(self) -> int:
        """UTC minus the monotonic clock."""
        assert self.time_ms is not None, "a sleep has no time"
        return self.time_ms - self.mono_ms


def error_ms(at: Clocks, fixes: Sequence[Fix]) -> int | None:
    """By how much a wall clock is ahead of the nearest fix of its boot; None where there is none.

    `fixes` are those of the boot in their order, with its sleeps; the nearest one before and after suffice.
    """
    fix = nearest(at, fixes)
    return None if fix is None else at.wall_ms - at.mono_ms - fix.offset_ms


def shift_ms(at: Clocks, fixes: Sequence[Fix]) -> int:
    """What has to be added to the wall clock; 0 within the limit, and where there is no fix."""
    error = error_ms(at, fixes)
    return -error if error is not None and abs(error) > LIMIT_MS else 0


def corrected(entry: Entry, fixes: Sequence[Fix]) -> Entry:
    """The entry as it is to be read: as if its wall clock had said what the fix says.

    A sign-out that was forgotten tells by the same clock when the last evidence was.
    """
    by_ms = shift_ms(clocks_of(entry), fixes) if fixes else 0
    if not by_ms:
        return entry
    body = entry.body
    if isinstance(body, Declaration) and body.until_ms is not None:
        body = msgspec.structs.replace(body, until_ms=_within(body.until_ms + by_ms))
    return msgspec.structs.replace(entry, wall_ms=_within(entry.wall_ms + by_ms), body=body)


def clocks_of(entry: Entry) -> Clocks:
    """The entry's own."""
    return Clocks(entry.index, entry.wall_ms, entry.mono_ms)


def nearest(at: Clocks, fixes: Sequence[Fix]) -> Fix | None:
    """The fix whose monotonic time is nearest, the earlier of two as near ones."""
    after = bisect_right(fixes, at.entry_index, key=attrgetter("entry_index"))
    beside = [fix for fix in fixes[max(0, after - 1) : after + 1] if fix.time_ms is not None]
    return min(beside, key=lambda fix: (abs(fix.mono_ms - at.mono_ms), fix.entry_index), default=None)


def _within(wall_ms: int) -> int:
    return min(max(wall_ms, MIN_WALL_MS), MAX_WALL_MS)
