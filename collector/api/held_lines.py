"""Lines of lists that were encoded before, by everything that they are made of.

A key is the whole row that its line is a function of, with the hash of a record in place of the record. So a line that
is found is the line that would be encoded: nothing here can be out of date, and nothing is ever taken back. Who may see
a row was decided before its line is looked for.

Lines are kept in two generations. What is found in the older one moves to the younger; when the younger is full it
becomes the older one, and what was not asked for since then is dropped. That costs a look-up nothing but the look-up.

cachetools.LRUCache was tried in its place: an instrument's year took 0.2 to 0.3 ms more of 2.6 where all lines are
held, and about 1 ms more of 6.5 where they are put in, which is where the API misses its aim (docs/performance.md).
"""

import threading
from collections.abc import Iterable, Sequence
from typing import Any

MAX_BYTES = 64 << 20
"""Of both generations: some 45 000 lines, a year of 120 instruments."""
_KEY_BYTES = 512
"""What a row of a hash, a time and some numbers takes at most, with its places in the dictionary."""

Row = tuple[Any, ...]


class HeldLines:
    """At most `most_bytes` of lines. Safe from many threads."""

    def __init__(self, most_bytes: int = MAX_BYTES) -> None:
        self._most_bytes = most_bytes // 2
        self._lock = threading.Lock()
        self._young: dict[Row, bytes] = {}
        self._old: dict[Row, bytes] = {}
        self._young_bytes = 0

    def find(self, rows: Sequence[Row]) -> list[bytes | None]:
        """The line of each row, None where it is not held."""
        # No lock: dictionaries are read whole, and one that has just been replaced holds lines that are as good.
        young, old = self._young, self._old
        lines = [young.get(row) for row in rows]
        if None in lines and old:
            lines = [old.get(row) if line is None else line for row, line in zip(rows, lines, strict=True)]
            self.keep((row, line) for row, line in zip(rows, lines, strict=True) if line is not None)
        return lines

    def keep(self, lines: Iterable[tuple[Row, bytes]]) -> None:
        """Holds them for whoever asks next."""
        with self._lock:
            for row, line in lines:
                if row not in self._young:
                    self._young[row] = line
                    self._young_bytes += len(line) + _KEY_BYTES
                    if self._young_bytes > self._most_bytes:
                        self._old, self._young, self._young_bytes = self._young, {}, 0
