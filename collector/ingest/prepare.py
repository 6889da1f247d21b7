"""From an MQTT message to something that the writer can judge: all that needs no knowledge of what is held.

Parses the frame, decodes the entries and packs the rows of those that are readings, and names the local days
that they touch. It runs beside the transaction before it, so that the database and the processor are both busy.

An entry that cannot be decoded, or that claims another index than its place, is evidence all the same: it is
stored and earns nothing, so it has no row here.
"""

import logging
from dataclasses import dataclass

from collector.ingest import rows
from collector.ingest.clocks import Bounds, widen
from protocol.batch import Batch
from protocol.days_decided import days_decided, span_deciding
from protocol.entry import Declaration, Entry, Reading, decode_all
from protocol.epoch import NextEpoch
from protocol.errors import ForeignBytesError, TooLarge
from protocol.hint import SignedHint
from protocol.leaves import Leaves
from protocol.message import Hello, RefusalCode, parse_up
from protocol.topics import parse_up_topic

log = logging.getLogger(__name__)

MAX_DAYS = 600
"""Local days that the readings of one batch may touch; the 256 entries of an agent's largest touch at most 512. Each
day may need a partition and a mark of its own: a batch of 25 000 entries from all centuries would take the database's
locks from everybody. Beyond it the entries are stored and earn nothing, like those that cannot be decoded."""

# watcher, channel, and a local day as days since 1970-01-01
Touch = tuple[str, str, int]
_NO_SPAN = (0, 0)
_NOTHING = (1, 0)


@dataclass(frozen=True, slots=True)
class Offer:
    """A parsed batch. `tails` has a row (without its journal) for each entry that is a reading, else None.

    `declared`: the entries that are declarations, in their order; `marked`: those that are neither, with their bytes.
    `clocks`: by boot, between which bounds UTC minus the monotonic clock lies by the entries' own clocks.
    """

    agent_id: str
    origin: str
    batch: Batch
    raw: bytes
    tails: tuple[bytes | None, ...]
    touches: frozenset[Touch]
    declared: tuple[Entry, ...]
    marked: tuple[tuple[Entry, bytes], ...]
    clocks: dict[str, Bounds]
    undecoded: int
    batch_bytes: int


@dataclass(frozen=True, slots=True)
class Greeting:
    """A parsed hello."""

    agent_id: str
    origin: str
    hello: Hello


@dataclass(frozen=True, slots=True)
class Succession:
    """A parsed request for the next epoch; `origin` is the log that it wants to begin."""

    agent_id: str
    origin: str
    asked: NextEpoch


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A hint, which nobody has verified yet."""

    agent_id: str
    origin: str
    note: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """Hashes that an agent was asked for, nothing of them verified."""

    agent_id: str
    origin: str
    leaves: Leaves


@dataclass(frozen=True, slots=True)
class Poison:
    """A message that is none of ours, and what to tell the agent in whose name it came."""

    agent_id: str
    code: RefusalCode
    detail: str


Prepared = Offer | Greeting | Succession | Glimpse | Answered | Poison


def prepare(topic: str, payload: bytes) -> Prepared:
    """Reads one message; raises MalformedName when not even the topic is an agent's."""
    agent_id = parse_up_topic(topic)
    try:
        message = parse_up(payload)
    except TooLarge as error:
        return Poison(agent_id, "too-large", str(error))
    except ForeignBytesError as error:
        return Poison(agent_id, "malformed", str(error))
    if isinstance(message, Leaves):
        return Answered(agent_id, message.log, message)
    # The note is opened only where its key is known; its first line says which that may be.
    line = 1 if isinstance(message, SignedHint) else 0
    origin = b"".join(message.note.split(b"\n", 2)[line : line + 1]).decode("utf-8", "replace").replace("\x00", "")
    match message:
        case Hello():
            return Greeting(agent_id, origin, message)
        case NextEpoch():
            return Succession(agent_id, origin, message)
        case SignedHint(note):
            return Glimpse(agent_id, origin, note)
    return _prepare_batch(agent_id, origin, message, payload)


def _prepare_batch(agent_id: str, origin: str, batch: Batch, raw: bytes) -> Offer:
    tails: list[bytes | None] = []
    touches: set[Touch] = set()
    declared: list[Entry] = []
    marked: list[tuple[Entry, bytes]] = []
    clocks: dict[str, Bounds] = {}
    undecoded = 0
    # Of each channel the readings whose days are touched already: working the days out for each costs four times as
    # much as this look (0.5 of 0.9 us an entry beside decoding and packing).
    known: dict[tuple[str, str], tuple[int, int]] = {}
    for index, entry in enumerate(decode_all(batch.entries), batch.old):
        tail = None
        if entry is None or entry.index != index:
            undecoded += 1
            tails.append(None)
            continue
        offset_ms = entry.wall_ms - entry.mono_ms
        low_ms, high_ms = clocks.get(entry.boot, _NOTHING)
        if not low_ms <= offset_ms <= high_ms:
            clocks[entry.boot] = widen(clocks.get(entry.boot), offset_ms)
        if type(reading := entry.body) is Reading:
            start_ms = offset_ms + reading.start_mono_ms
            end_ms = start_ms + sum(reading.durations_ms)
            tail = rows.reading_row_tail(entry, reading, start_ms=start_ms, end_ms=end_ms)
            channel = (reading.watcher, reading.channel)
            first_ms, last_ms = known.get(channel, _NO_SPAN)
            if not first_ms <= start_ms <= end_ms < last_ms:
                days = days_decided(start_ms, end_ms)
                known[channel] = span_deciding(days)
                touches.update((*channel, day) for day in days)
        elif type(entry.body) is Declaration:
            declared.append(entry)
        else:
            marked.append((entry, batch.entries[index - batch.old]))
        tails.append(tail)
    if len({day for *_, day in touches}) > MAX_DAYS:
        log.warning("readings of too many days are stored without rows origin=%s touched=%d", origin, len(touches))
        tails, touches, undecoded = [None] * len(tails), set(), len(tails)
    return Offer(
        agent_id,
        origin,
        batch,
        raw,
        tails=tuple(tails),
        touches=frozenset(touches),
        declared=tuple(declared),
        marked=tuple(marked),
        clocks=clocks,
        undecoded=undecoded,
        batch_bytes=sum(map(len, batch.entries)),
    )


def stored_bundle(offer: Offer) -> bytes | None:
    """The compressed bundle exactly as it came, where the whole batch may be stored; None where it came plain."""
    header_end = offer.raw.index(b"\n\n")
    if offer.raw[header_end - 1 : header_end] != b"1":  # the last header line is `deflate 0|1`
        return None
    return offer.raw[header_end + 2 + len(offer.batch.note) :]
