"""Grades of which a bundle lacks the receipts: which of a day's entries, and what can be judged nevertheless. Pure.

A collector stores an entry and the receipt over it in one transaction, so an entry without one is one whose receipt was
left out. From there on the day's grades cannot be shown; before it they are judged like any other, so that nobody turns
a false grade of the morning into a missing one by leaving out the evening's receipts.
"""

from collections.abc import Mapping
from typing import NamedTuple

from protocol.brackets import Log
from protocol.chain import Recomputed
from protocol.grades import GradeRecord
from protocol.interval import DAY_S, day_bounds_ms
from protocol.observation import covered_ms


class Lacking(NamedTuple):
    """Entries without a receipt, and the second of the day from which on its grades rest on them."""

    entries: str
    since: int

    def agree(self, stated: GradeRecord, again: GradeRecord) -> bool:
        """Whether both say the same of the seconds that do not rest on them."""
        return self._judged(stated) == self._judged(again)

    def _judged(self, record: GradeRecord) -> list[tuple[int, int, str, str]]:
        return [
            (start, min(end, self.since), given, why) for start, end, given, why in record.spans if start < self.since
        ]


def unreceipted(found: Recomputed, logs: Mapping[str, Log]) -> Lacking | None:
    """What of the day no receipt in the bundle is over: a collector holds no entry without one.

    What lies before the first reading of a channel is graded as that reading, so it rests on its receipt, too.
    """
    first: dict[str, tuple[int, bool]] = {}
    indexes: dict[str, list[int]] = {}
    start_ms, _ = day_bounds_ms(found.day)
    since = DAY_S
    for origin, entry, reading in found.blocks:
        is_bare = origin in logs and logs[origin].received_ms(entry.index) is None
        second = max(0, (covered_ms(entry, reading)[0] - start_ms) // 1000)
        first[reading.channel] = min(first.get(reading.channel, (second, is_bare)), (second, is_bare))
        if is_bare:
            indexes.setdefault(origin, []).append(entry.index)
            since = min(since, second)
    if not indexes:
        return None
    told = ", ".join(f"{min(each)} to {max(each)} of {origin}" for origin, each in sorted(indexes.items()))
    return Lacking(told, 0 if any(is_bare for _, is_bare in first.values()) else since)
