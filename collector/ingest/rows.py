"""Rows in PostgreSQL's binary COPY format, packed by hand because this is where ingest spends its time.

A row is a count of fields (2 bytes), then each field as a length (4 bytes, -1 for NULL) and its bytes; numbers
are big-endian. A one-dimensional array is: dimensions 1, no NULLs 0, element type, length, lower bound 1, then
each element like a field. A timestamptz is microseconds since 2000-01-01 UTC.

The columns stand in an order that leaves the numbers of a gauge in one piece, so that one struct packs them;
the packers for a number of intervals are kept. A reading's journal is known only later than its numbers, so
its row is made without the first field: `reading_rows` puts it in front of each.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from protocol.entry import Entry, Reading

COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + b"\x00" * 8
COPY_TRAILER = b"\xff\xff"

_READING_COLUMNS = (
    "journal_id, watcher, channel, boot, entry_index, wall_ms, mono_ms, start_mono_ms, start_at, end_at, "
    "durations_ms, means, lows, highs, deltas, counter, states, counts, events, shift_ms"
)
COPY_READING = f"COPY reading ({_READING_COLUMNS}) FROM STDIN (FORMAT BINARY)".encode()
COPY_BATCH = b"COPY batch (journal_id, first, size, note, entries, receipt, received_at) FROM STDIN (FORMAT BINARY)"

_EPOCH_2000_MS = 946_684_800_000
_INT4_OID, _INT8_OID, _TEXT_OID = 23, 20, 25
_NULL = b"\xff\xff\xff\xff"
_READING_FIELDS = 20
_CLOCKS = struct.Struct(">iqiqiqiqiqiq")


def reading_rows(journal_id: int, tails: Sequence[bytes]) -> bytes:
    """The rows of these readings of one journal; `tails` come from `reading_row_tail`."""
    head = struct.pack(">hii", _READING_FIELDS, 4, journal_id)
    return head + head.join(tails) if tails else b""


def reading_row_tail(entry: Entry, reading: Reading, *, start_ms: int, end_ms: int) -> bytes:
    """The row of one reading without its journal; `start_ms` and `end_ms` are the block's bounds in UTC ms."""
    names = _pack_names(reading.watcher, reading.channel, entry.boot)
    start_us, end_us = (start_ms - _EPOCH_2000_MS) * 1000, (end_ms - _EPOCH_2000_MS) * 1000
    clocks = (entry.index, entry.wall_ms, entry.mono_ms, reading.start_mono_ms, start_us, end_us)
    means, lows, highs, deltas = reading.means, reading.lows, reading.highs, reading.deltas
    if means is None or lows is None or highs is None:
        return names + _pack_clocks(clocks) + _pack_other(reading)
    durations = reading.durations_ms
    packer, template, (at_durations, at_means, at_lows, at_highs, at_deltas) = _gauge_packer(
        len(durations), deltas is not None
    )
    arguments = template.copy()
    arguments[1:12:2] = clocks
    arguments[at_durations] = durations
    arguments[at_means] = means
    arguments[at_lows] = lows
    arguments[at_highs] = highs
    if deltas is not None:
        arguments[at_deltas] = deltas
        arguments[-2] = reading.counter
    return names + packer.pack(*arguments)


def with_shift(tail: bytes, shift_ms: int) -> bytes:
    """The row of a reading whose bounds were corrected by so much."""
    return tail[: -len(_NULL)] + struct.pack(">iq", 8, shift_ms) if shift_ms else tail


def batch_row(
    journal_id: int, *, first: int, size: int, note: bytes | None, entries: bytes, receipt: bytes, received_ms: int
) -> bytes:
    """The row of one accepted batch; `entries` is its compressed bundle, `note` None where the receipt holds it."""
    return b"".join(
        (
            struct.pack(">hiiiqiq", 7, 4, journal_id, 8, first, 8, size),
            _NULL if note is None else _pack_bytes(note),
            _pack_bytes(entries),
            _pack_bytes(receipt),
            struct.pack(">iq", 8, (received_ms - _EPOCH_2000_MS) * 1000),
        )
    )


@lru_cache(maxsize=64)  # a packer for 600 intervals is large; nearly all blocks have a few
def _gauge_packer(n: int, has_counter: bool) -> tuple[struct.Struct, list[Any], tuple[slice, ...]]:
    """A struct for the numbers of a gauge of n intervals, its arguments with holes, and where the lists go.

    Runs of bytes that are always the same go in as one argument each: arguments are what packing costs.
    """
    layout, places = ">iqiqiqiqiqiq", []
    template: list[Any] = [8, None] * 6
    for oid, width in ((_INT4_OID, 4), *((_INT8_OID, 8),) * (4 if has_counter else 3)):
        value = "i" if width == 4 else "q"
        head = struct.pack(">iiiiiii", 20 + n * (4 + width), 1, 0, oid, n, 1, width)
        layout += f"{len(head)}s{value}" + f"i{value}" * (n - 1)
        places.append(slice(len(template) + 1, len(template) + 2 * n, 2))
        template += [head, None] + [width, None] * (n - 1)
    if has_counter:
        layout += "iq"
        template += [8, None]
        rest = _NULL * 4
    else:
        places.append(slice(0))
        rest = _NULL * 6
    return struct.Struct(f"{layout}{len(rest)}s"), [*template, rest], tuple(places)


@lru_cache(maxsize=4096)
def _pack_names(watcher: str, channel: str, boot: str) -> bytes:
    return b"".join(map(_pack_bytes, (watcher.encode(), channel.encode(), boot.encode())))


def _pack_clocks(clocks: tuple[int, ...]) -> bytes:
    arguments = [8] * 12
    arguments[1::2] = clocks
    return _CLOCKS.pack(*arguments)


def _pack_other(reading: Reading) -> bytes:
    """Durations, then the five gauge columns as NULL, then states, counts or events, and no correction of the clock."""
    durations = _pack_numbers(reading.durations_ms, oid=_INT4_OID, width=4)
    states = _NULL if reading.states is None else _pack_words(reading.states)
    counts = _NULL if reading.counts is None else _pack_numbers(reading.counts, oid=_INT8_OID, width=8)
    events = _NULL if reading.events is None else _pack_words(reading.events)
    return b"".join((durations, _NULL * 5, states, counts, events, _NULL))


def _pack_numbers(values: Sequence[int], *, oid: int, width: int) -> bytes:
    arguments = [width] * (2 * len(values))
    arguments[1::2] = values
    elements = struct.pack(">" + ("ii" if width == 4 else "iq") * len(values), *arguments)
    return _pack_array(elements, oid=oid, length=len(values))


def _pack_words(words: Sequence[str]) -> bytes:
    elements = b"".join(_pack_bytes(word.encode()) for word in words)
    return _pack_array(elements, oid=_TEXT_OID, length=len(words))


def _pack_array(elements: bytes, *, oid: int, length: int) -> bytes:
    return struct.pack(">iiiiii", 20 + len(elements), 1, 0, oid, length, 1) + elements


def _pack_bytes(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value
