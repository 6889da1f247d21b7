"""When to try again: a value that is told what happened and says how long to wait. It never waits itself.

Full jitter: the wait is drawn evenly from zero to a ceiling that doubles with each failure, so that thousands of
agents that lost the same broker do not come back together.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

BASE_MS = 1_000
CAP_MS = 300_000
_DOUBLINGS = 16  # beyond any cap; keeps the shift small


class Backoff(NamedTuple):
    """`failures` in a row so far."""

    failures: int = 0

    @property
    def ceiling_ms(self) -> int:
        """The longest wait that may be drawn now."""
        return min(CAP_MS, BASE_MS << min(self.failures, _DOUBLINGS))

    def failed(self) -> Backoff:
        """The value after one more failure."""
        return Backoff(self.failures + 1)

    def draw_ms(self, chance: Random, *, at_least_spread_ms: int = 0) -> int:
        """A wait of 0 to the ceiling, or to `at_least_spread_ms` where that is wider."""
        return chance.randint(0, max(self.ceiling_ms, at_least_spread_ms))
