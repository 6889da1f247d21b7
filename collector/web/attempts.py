"""How often somebody may guess: wrong passwords are counted per name and per address, and too many cost time.

A value that is told the time; the table is bounded, and the oldest entries go first. It lives in one process, which is
enough to slow a guesser down by orders of magnitude; it is no lock-out, so nobody can shut a person out for long.
"""

from collections import OrderedDict

WINDOW_S = 300.0
MAX_FAILURES = 10
MAX_KEYS = 10_000


class Attempts:
    """Counts failures of the last minutes by key."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def is_exhausted(self, *keys: str, now_s: float) -> bool:
        """Whether any of the keys failed too often in the window."""
        return any(len(self._recent(key, now_s)) >= MAX_FAILURES for key in keys)

    def fail(self, *keys: str, now_s: float) -> None:
        for key in keys:
            self._failures[key] = [*self._recent(key, now_s), now_s]
            self._failures.move_to_end(key)
        while len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)

    def _recent(self, key: str, now_s: float) -> list[float]:
        return [at_s for at_s in self._failures.get(key, ()) if now_s - at_s < WINDOW_S]
