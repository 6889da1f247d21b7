"""When a reading was written, as far as anybody can show: from below by beacons, from above by receipts. Pure.

For entry i of a log L is the time of the newest verified beacon at or before i, U that of the first receipt whose size
is above i (evidence.md section 5). `bracketed` puts both beside each reading, with the error of its clock, and says
whether it keeps the rule on what a reading may cover:

1 It ends at most a minute before its own entry was written, by the monotonic clock, and never after it.
2 It begins where the reading of its watcher and channel before it in the log ends, or later.
3 By the monotonic clock its entry was not written earlier than a landmark of its boot that stands before it in the log.

So one late entry cannot claim hours of which nobody was told in time. What a `start` entry names as recovered keeps the
times of the boot that wrote it, and stands behind landmarks that came later: rule 3 is not about it.

Blocks are those of one day, their clocks corrected (clock_bounds.py); `shifts` says by how much. The same values come
out of decoded rows and of stored bytes.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.clock_bounds import Fix
from protocol.entry import Entry, Start
from protocol.grades import GradedBlock, is_ruly
from protocol.witness import Block

_ABOVE_ALL: Final = 2**63
NAMED_WITHIN: Final = 130
"""How many entries before it a `start` can name as recovered: an agent writes it right behind them."""


Landmark = tuple[int, int]
"""An entry that is no reading, for what bounds others: its index, and monotonic ms in its boot."""


class Log(NamedTuple):
    """What bounds some entries of one log; sequences by index, each once, times in UTC ms.

    `receipts`: (first, size, time) of batches, which do not overlap; `beacons`: (boot, fix) of verified ones;
    `landmarks`: by boot, `running` of the entries that are no readings; `recovered`: what `start` entries name;
    `shifts`: by index what was added to a clock. `is_whole`: nothing about it is in doubt.
    """

    is_whole: bool
    receipts: Sequence[tuple[int, int, int]] = ()
    beacons: Sequence[tuple[str, Fix]] = ()
    landmarks: Mapping[str, Sequence[Landmark]] = MappingProxyType({})
    recovered: frozenset[int] = frozenset()
    shifts: Mapping[int, int] = MappingProxyType({})

    def received_ms(self, index: int) -> int | None:
        """When the first receipt over an entry was given."""
        at = bisect_right(self.receipts, (index, _ABOVE_ALL, 0)) - 1
        return self.receipts[at][2] if at >= 0 and index < self.receipts[at][1] else None

    def beacons_upto(self, index: int, since: int = 0) -> int:
        """How many beacons lie at or before an entry; `since`: how many lie at or before an earlier one."""
        if not since:
            return bisect_right(self.beacons, index, key=lambda each: each[1].entry_index)
        while since < len(self.beacons) and self.beacons[since][1].entry_index <= index:
            since += 1
        return since


NO_LOG: Final = Log(is_whole=False)


def running(landmarks: Iterable[Landmark]) -> list[Landmark]:
    """Of one boot, by index: each with the latest monotonic ms that was reached up to it."""
    held = sorted(landmarks)
    latest = accumulate((mono_ms for _, mono_ms in held), max)
    return list(zip((index for index, _ in held), latest, strict=True))


def recovered_by(entry: Entry) -> frozenset[int]:
    """The indexes of readings that a `start` entry names as recovered; none for an entry of another kind."""
    if not isinstance(entry.body, Start):
        return frozenset()
    named = (index for _, index in entry.body.recovered)
    return frozenset(index for index in named if 0 < entry.index - index <= NAMED_WITHIN)


def bracketed(blocks: Iterable[Block], logs: Mapping[str, Log]) -> Iterator[GradedBlock]:
    """Each block with its bounds, by origin and index; one of a log that is not among `logs` is bounded by nothing."""
    ended: dict[tuple[str, str, str, str], int] = {}
    passed: dict[str, int] = {}
    for origin, entry, reading in sorted(blocks, key=lambda block: (block[0], block[1].index)):
        log, index = logs.get(origin, NO_LOG), entry.index
        shown = (origin, entry.boot, reading.watcher, reading.channel)
        start_mono_ms, lasts_ms = reading.start_mono_ms, sum(reading.durations_ms)
        end_mono_ms, before_ms = start_mono_ms + lasts_ms, ended.get(shown)
        ruly = is_ruly(start_mono_ms, end_mono_ms, written_ms=entry.mono_ms, before_ms=before_ms)
        ended[shown] = end_mono_ms if before_ms is None else max(end_mono_ms, before_ms)
        is_recovered = index in log.recovered
        in_order = is_recovered or entry.mono_ms >= _latest(log.landmarks.get(entry.boot, ()), index)
        passed[origin] = beacons = log.beacons_upto(index, passed.get(origin, 0))
        beacon = log.beacons[beacons - 1] if beacons else None
        start_ms = entry.wall_ms - entry.mono_ms + start_mono_ms
        yield GradedBlock(
            start_ms=start_ms,
            end_ms=start_ms + lasts_ms,
            durations_ms=reading.durations_ms,
            received_ms=log.received_ms(index),
            beacon_ms=None if beacon is None else beacon[1].time_ms,
            error_ms=_error_ms(entry, beacon, log.shifts.get(index, 0)),
            is_recovered=is_recovered,
            is_ruly=ruly and in_order,
            is_whole=log.is_whole,
            channel=reading.channel,
            written_ms=entry.wall_ms,
        )


def _latest(landmarks: Sequence[Landmark], index: int) -> int:
    """The latest monotonic ms of a landmark before an entry, 0 where there is none."""
    at = bisect_right(landmarks, (index, _ABOVE_ALL))
    return landmarks[at - 1][1] if at else 0


def _error_ms(entry: Entry, beacon: tuple[str, Fix] | None, shift_ms: int) -> int | None:
    """Of the entry's own clock, against the newest beacon of its boot; what was corrected counts whole."""
    if shift_ms:
        return -shift_ms
    if beacon is None or beacon[0] != entry.boot:
        return None
    return entry.wall_ms - entry.mono_ms - beacon[1].offset_ms
