"""Samples become interval blocks, the bodies of `reading` entries (signals.md section 2). Pure: it is told the time.

A sample covers the time since the good sample before it, if that is at most three poll periods; else the block ends
there and a new one opens, and what no block covers is unobserved. It is the *later* of two samples whose value holds
for the time between them. An interval ends when `intervals` says so; a block (one entry) ends

- after `block_ms`, or before its entry would outgrow 4096 bytes;
- at once on a *change of consequence*: for 10 s an interval has differed from what was sent last by more than
  max(20 W, 25 %), or the value has kept to another side of a level, or a state to another word; at most every 30 s.
  The first 10 s after a beginning are such a change. So news leaves within 10 s, or within 30 s of the news before it;
- when it cannot go on: a hole, a jump of the wall clock, a fault, a counter that appears, disappears or falls.

Invariants: blocks of a channel follow each other without overlap; intervals within one are contiguous; the deltas of
contiguous blocks add up to the difference of the counter; every value seen lies within low and high of its interval;
the token bucket bounds what a load can make this write, to some 90 intervals in a block of five minutes.

Events have no extent: event number i of a block happened at a + d[0] + … + d[i]. They leave within 30 s.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

import msgspec

from agent.clock import Instant, jump_ms
from agent.intervals import (
    CountIntervals,
    EventIntervals,
    GaugeIntervals,
    Intervals,
    StateIntervals,
    Step,
    TokenBucket,
)
from protocol.entry import MAX_ENTRY_BYTES, Reading

ChannelKind = Literal["gauge", "state", "count", "event"]
CHANNEL_KINDS: tuple[ChannelKind, ...] = get_args(ChannelKind)

BLOCK_MS = 300_000
MISSED_POLLS = 3
AT_ONCE_EVERY_MS = 30_000
IDLE_LIMIT_MS = 45_000
"""A block must end at most 60 s before its entry is written (evidence.md section 5), however slow the polls."""

_DIGITS = 17  # of any integer on the wire, with its comma or sign
_ENVELOPE_BYTES = 130 + 5 * _DIGITS  # an entry with empty lists and names
_ROW_BYTES = 5 * _DIGITS + 20  # a row of five numbers, or of one and a word that is counted apart

_INTERVALS: dict[str, type[Intervals]] = {
    "gauge": GaugeIntervals,
    "state": StateIntervals,
    "count": CountIntervals,
    "event": EventIntervals,
}


class Channel(NamedTuple):
    """One series of a watcher: `poll_ms` is the time between its samples when all is well."""

    name: str
    kind: ChannelKind
    poll_ms: int


class Sample(NamedTuple):
    """One good observation.

    `value`: mW (or the channel's unit) for a gauge, a word for a state or an event, an increase for a count.
    `counter_mwh`: the meter's energy counter at the same moment, where it has one.
    """

    watcher: str
    channel: str
    at: Instant
    value: int | str
    counter_mwh: int | None = None


class Block(NamedTuple):
    """A block that is finished, or (from `snapshot`) the open one as it stands.

    `at` is the instant of its last sample and belongs into the entry as (t, m) whenever the clock has jumped since:
    UTC of the block's intervals is computed from that pair. `urgent`: a change of consequence, to be sent at once.
    """

    reading: Reading
    at: Instant
    urgent: bool


class Notice(NamedTuple):
    """Something about the watcher that belongs into the journal though it is still up (a counter that fell)."""

    watcher: str
    channel: str
    at: Instant
    reason: str


class BlockBuilder:
    """The open block of one channel. All methods return what is finished, in the order of time."""

    def __init__(self, watcher: str, channel: Channel, *, levels: Iterable[int] = (), block_ms: int = BLOCK_MS) -> None:
        self.watcher = watcher
        self.channel = channel
        self._block_ms = block_ms
        self._intervals = _INTERVALS[channel.kind]()
        self._bucket = TokenBucket()
        self._last: Sample | None = None  # covers nothing by itself: the next sample's time begins at it
        self._start_ms = 0
        self._end = Instant(0, 0)  # of the block, where it is not empty
        self._counter_mwh: int | None = None
        self._bytes = 0
        self._urgent_at_ms: int | None = None
        self._dropping = False
        self.set_levels(levels)

    def set_levels(self, levels: Iterable[int]) -> None:
        """Take the levels of a new welcome, in the channel's unit; only a gauge has a use for them."""
        if isinstance(self._intervals, GaugeIntervals):
            self._intervals.levels = tuple(sorted(set(levels)))

    def add(self, sample: Sample) -> list[Block | Notice]:
        """Take the next sample of this channel; one that is not later than the last repeats it and is ignored."""
        if self.channel.kind == "event":
            return self._add_event(sample)
        last = self._last
        if last is not None and sample.at.mono_ms <= last.at.mono_ms:
            return []
        self._last = sample
        if last is None or not self._continues(last, sample):
            return [*self._finish()]
        return self._cover(last, sample)

    def tick(self, now: Instant) -> list[Block]:
        """Finish a block that nothing has continued for too long. To be called each second or so."""
        if self._is_empty():
            return []
        limit_ms = AT_ONCE_EVERY_MS if self.channel.kind == "event" else self._patience_ms()
        waited_ms = now.mono_ms - self._end.mono_ms
        if waited_ms <= min(limit_ms, IDLE_LIMIT_MS) and not jump_ms(self._end, now):
            return []
        return self._finish()

    def close(self) -> list[Block]:
        """Finish the open block; what follows starts afresh (a fault of the watcher, the end of the program)."""
        self._last = None
        return self._finish()

    def snapshot(self) -> Block | None:
        """Return the open block as it would be finished now, for the scratch file; None when nothing is open."""
        if self._is_empty():
            return None
        members = self._intervals.members(self._intervals.all_rows())
        if "deltas" in members:
            members["counter"] = self._counter_mwh
        reading = Reading(self.watcher, self.channel.name, start_mono_ms=self._start_ms, **members)
        return Block(reading, self._end, False)

    def _is_empty(self) -> bool:
        return not self._intervals.rows and not self._intervals.growing_ms

    def _patience_ms(self) -> int:
        return MISSED_POLLS * self.channel.poll_ms

    def _continues(self, last: Sample, sample: Sample) -> bool:
        within = sample.at.mono_ms - last.at.mono_ms <= self._patience_ms()
        return within and jump_ms(last.at, sample.at) == 0

    def _cover(self, last: Sample, sample: Sample) -> list[Block | Notice]:
        done: list[Block | Notice] = []
        delta_mwh = _counter_rise(last, sample)
        if delta_mwh is not None and delta_mwh < 0:
            done += [*self._finish(), _counter_fell(last, sample)]
            delta_mwh = None
        step = Step(last.value, sample.value, sample.at.mono_ms - last.at.mono_ms, delta_mwh)
        if not self._has_room(step):
            done += self._finish()
        self._extend(step, last.at, to=sample)
        if self._is_due_at_once(sample.at):
            self._urgent_at_ms = sample.at.mono_ms
            done += self._finish(urgent=True)
        return done

    def _extend(self, step: Step, start: Instant, *, to: Sample) -> None:
        if self._is_empty():
            self._start_ms = start.mono_ms
        elif self._intervals.growing_ms:
            keep = self._intervals.cut_before(step)
            if keep is not None and self._bucket.take(start.mono_ms, keep=keep):
                self._bytes += self._intervals.row_bytes()
                self._intervals.shut()
        self._intervals.add(step)
        self._end = to.at
        self._counter_mwh = to.counter_mwh if step.delta_mwh is not None else None

    def _has_room(self, step: Step) -> bool:
        """Whether the open block, if any, may go on to the end of this step, were it an interval of its own."""
        if self._is_empty():
            return True
        intervals = self._intervals
        names_bytes = len(self.watcher) + len(self.channel.name)
        word_bytes = len(msgspec.json.encode(step.value)) if isinstance(step.value, str) else 0
        grown_bytes = _ENVELOPE_BYTES + names_bytes + self._bytes + intervals.row_bytes() + _ROW_BYTES + word_bytes
        return (
            grown_bytes <= MAX_ENTRY_BYTES
            and self._end.mono_ms - self._start_ms + step.ms <= self._block_ms
            and (self._counter_mwh is None) == (step.delta_mwh is None)
        )

    def _is_due_at_once(self, now: Instant) -> bool:
        rested = self._urgent_at_ms is None or now.mono_ms - self._urgent_at_ms >= AT_ONCE_EVERY_MS
        return rested and self._intervals.is_of_consequence()

    def _finish(self, *, urgent: bool = False) -> list[Block]:
        block = self.snapshot()
        if block is None:
            return []
        self._intervals.clear()
        self._bytes = 0
        return [block._replace(urgent=urgent)]

    def _add_event(self, sample: Sample) -> list[Block | Notice]:
        done: list[Block | Notice] = []
        if not self._bucket.take(sample.at.mono_ms, keep=0):
            if not self._dropping:
                reason = "events come faster than can be kept: more than 60, then one in 10 s, were dropped"
                done.append(Notice(self.watcher, self.channel.name, sample.at, reason))
            self._dropping = True
            return done
        self._dropping = False
        done += self.tick(sample.at)
        since_ms = 0 if self._is_empty() else sample.at.mono_ms - self._end.mono_ms
        step = Step(None, sample.value, since_ms, None)
        if not self._has_room(step):
            done += self._finish()
            step = step._replace(ms=0)
        if self._is_empty():
            self._start_ms = sample.at.mono_ms
        self._bytes += len(msgspec.json.encode(sample.value)) + _DIGITS
        self._intervals.add(step)
        self._end = sample.at
        if self._urgent_at_ms is None or sample.at.mono_ms - self._urgent_at_ms >= AT_ONCE_EVERY_MS:
            self._urgent_at_ms = sample.at.mono_ms
            done += self._finish(urgent=True)
        return done


def _counter_rise(last: Sample, sample: Sample) -> int | None:
    if last.counter_mwh is None or sample.counter_mwh is None:
        return None
    return sample.counter_mwh - last.counter_mwh


def _counter_fell(last: Sample, sample: Sample) -> Notice:
    reason = (
        f"counter reset: it fell from {last.counter_mwh} to {sample.counter_mwh} mWh; "
        "the meter was reset, replaced, or rolled over"
    )
    return Notice(sample.watcher, sample.channel, sample.at, reason)
