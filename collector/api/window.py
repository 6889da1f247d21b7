"""So many in so much time, over a window that slides, counted in two numbers.

Time is cut into windows of one length. What was counted in the window before counts by the share of it that the sliding
window still covers: 20 s into a minute, two thirds of the minute before. That is exact where requests come evenly, and
what is let through in any window of that length is never more than twice the amount.

The library `limits` counts alike. It starts a thread for nearly every request, to forget what is over, which takes ten
times as long as counting; here nothing is forgotten, because whoever counts has a fixed number of buckets.
"""

import math
import threading
from typing import NamedTuple


class _Counts(NamedTuple):
    window: int
    before: int
    here: int


_NOTHING = _Counts(-1, 0, 0)


class Windows:
    """At most `amount` in `length_s`, for each bucket. Safe from many threads."""

    def __init__(self, amount: int, length_s: int) -> None:
        self.amount = amount
        self.length_s = length_s
        self._held: dict[int, _Counts] = {}
        self._lock = threading.Lock()

    def hit(self, bucket: int, now: float) -> int:
        """Counts one at `now` (seconds) and returns 0; where that is one too many, the seconds until it may not be."""
        with self._lock:
            counts, share = self._at(bucket, now)
            wait_s = self._wait_s(counts, share)
            if not wait_s:
                self._held[bucket] = counts._replace(here=counts.here + 1)
        return wait_s

    def look(self, bucket: int, now: float) -> int:
        """What `hit` would return; counts nothing."""
        return self._wait_s(*self._at(bucket, now))

    def _at(self, bucket: int, now: float) -> tuple[_Counts, float]:
        """The counts of the window of `now`, and the share of the one before that still counts."""
        at = now / self.length_s
        window = math.floor(at)
        held = self._held.get(bucket, _NOTHING)
        if held.window != window:
            held = _Counts(window, held.here if held.window == window - 1 else 0, 0)
        return held, 1 - (at - window)

    def _wait_s(self, counts: _Counts, share: float) -> int:
        """Until one of those of the window before counts no more, or this window ends."""
        if math.floor(counts.before * share + counts.here) < self.amount:
            return 0
        left_s = share * self.length_s
        if counts.before:
            left_s %= self.length_s / counts.before
        return min(max(1, math.ceil(left_s)), self.length_s)
