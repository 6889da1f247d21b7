"""How long to wait before trying again: full jitter, as a value that is told what happened.

The wait is drawn evenly from 0 to a ceiling that doubles with each failure, so that many workers that lost the
same server do not come back together. It starts again from the beginning after a success that lasted.
"""

import random
from collections.abc import Callable

FIRST_S = 0.5
LONGEST_S = 30.0
LASTED_S = 60.0


class Backoff:
    def __init__(self, *, draw: Callable[[], float] = random.random) -> None:
        """`draw` gives numbers in [0, 1)."""
        self._draw = draw
        self._failures = 0
        self._succeeded_s: float | None = None

    def succeeded(self, now_s: float) -> None:
        self._succeeded_s = now_s

    def failed(self, now_s: float) -> float:
        """Returns the seconds to wait before the next attempt."""
        if self._succeeded_s is not None and now_s - self._succeeded_s >= LASTED_S:
            self._failures = 0
        self._succeeded_s = None
        ceiling_s = min(FIRST_S * (1 << self._failures), LONGEST_S)
        self._failures = min(self._failures + 1, 16)
        return ceiling_s * self._draw()
