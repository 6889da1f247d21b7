"""Samples become interval blocks."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from agent.clock import Instant
from protocol.entry import Reading

ChannelKind = Literal["gauge", "state", "count", "event"]

BLOCK_MS = 300_000
MISSED_POLLS = 3


class Channel(NamedTuple):
    """One series of a watcher: `poll_ms` is the time between its samples when all is well."""

    name: str
    kind: ChannelKind
    poll_ms: int


class Sample(NamedTuple):
    """One good observation. `value` is mW (or the channel's unit) for a gauge, a word for a state or an event, an increase for a count.

    `counter_mwh` is the meter's energy counter at the same moment, where it has one.
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

    def __init__(
        self, watcher: str, channel: Channel, *, levels: Iterable[int] = (), block_ms: int = BLOCK_MS
    ) -> None:
        raise NotImplementedError

    def add(self, sample: Sample) -> list[Block | Notice]:
        """Take the next sample of this channel."""
        raise NotImplementedError

    def tick(self, now: Instant) -> list[Block]:
        """Finish a block that no sample has continued for too long. Call it each second or so."""
        raise NotImplementedError

    def close(self) -> list[Block]:
        """Finish the open block; what follows starts afresh (a fault of the watcher, the end of the program)."""
        raise NotImplementedError

    def snapshot(self) -> Block | None:
        """Return the open block as it would be finished now, for the scratch file; None when nothing is open."""
        raise NotImplementedError

    def set_levels(self, levels: Iterable[int]) -> None:
        """Take the levels of a new welcome, in the channel's unit."""
        raise NotImplementedError
