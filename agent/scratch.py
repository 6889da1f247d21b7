"""The scratch file: the open blocks as they stand, so that a crash loses seconds and a power cut at most a minute.

    jishi-scratch/v1 <journal size>\\n
    <an entry for each open block, as it would be appended now>\\n …

Each block carries its own boot id and times. The journal size says which index it could get at the earliest: a
block that is found in the journal from there on was appended before the crash and is not appended again. The file is
written every few seconds and synced once a minute; slots.py keeps the synced one while the next is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from agent.clock import Instant
from agent.disk import Disk
from agent.reading import Block
from agent.slots import Slots, read_newest
from protocol.entry import Entry, Reading, Start, decode, encode, make
from protocol.errors import MalformedEntry

FILE = "scratch"
FORMAT = b"jishi-scratch/v1"
SYNC_EVERY_MS = 60_000
SLOT_BYTES = 64 << 10
SLOT_COUNT = 3  # one newest, one synced, one to write


class Saved(NamedTuple):
    """What the scratch file holds: the journal's size when it was written, and the blocks that were open."""

    journal_size: int
    blocks: tuple[Entry, ...]


NOTHING_SAVED = Saved(0, ())


class Verdict(NamedTuple):
    """What becomes of the saved blocks: those to append, and those that a recovery cut short had appended already."""

    outstanding: tuple[Entry, ...]
    recovered: tuple[Entry, ...]


class Scratch:
    """The scratch file of a journal directory, whose lock the caller holds. One thread at a time."""

    def __init__(self, directory: Path, *, disk: Disk) -> None:
        """Open or make it; OSError when the disk refuses."""
        self._slots = Slots(directory / FILE, slot_bytes=SLOT_BYTES, count=SLOT_COUNT, disk=disk)
        self.saved = _parse(self._slots.value)
        self._synced_ms: int | None = None

    def write(self, blocks: Iterable[Block], *, boot: str, journal_size: int, now: Instant) -> None:
        """Save the open blocks; synced when the last sync is a minute old. OSError when the disk refuses.

        Blocks beyond 64 KiB (some twenty channels at their fullest) are left out.
        """
        sync = self._synced_ms is None or now.mono_ms - self._synced_ms >= SYNC_EVERY_MS
        entries = (
            make(block.reading, index=index, wall_ms=block.at.wall_ms, mono_ms=block.at.mono_ms, boot=boot)
            for index, block in enumerate(blocks, journal_size)
        )
        self._slots.write(self._pack(entries, journal_size), sync=sync)
        if sync:
            self._synced_ms = now.mono_ms

    def keep(self, saved: Iterable[Entry], *, journal_size: int) -> None:
        """Save blocks of another journal, for whoever opens this one; synced. OSError when the disk refuses."""
        moved = (replace(block, index=index) for index, block in enumerate(saved, journal_size))
        self._slots.write(self._pack(moved, journal_size), sync=True)

    def _pack(self, blocks: Iterable[Entry], journal_size: int) -> bytes:
        value = b"%s %d\n" % (FORMAT, journal_size)
        for block in blocks:
            longer = value + encode(block) + b"\n"
            value = longer if self._slots.fits(longer) else value
        return value

    def close(self) -> None:
        self._slots.close()


def promised_size(directory: Path) -> int:
    """How many entries the journal held when the scratch file was last written; 0 where there is none."""
    return read_saved(directory).journal_size


def read_saved(directory: Path) -> Saved:
    """What the scratch file of a journal that nobody writes holds; nothing where there is none."""
    path = directory / FILE
    if not path.exists():
        return NOTHING_SAVED
    return _parse(read_newest(path, slot_bytes=SLOT_BYTES, count=SLOT_COUNT).value)


def judge(saved: Saved, since: Iterable[Entry]) -> Verdict:
    """Decide about each saved block, given the journal's entries from `saved.journal_size` on.

    Blocks of a channel follow each other, so a reading of the same boot and channel that begins with or after the
    saved block, or overlaps it, is that block or a later one: it was appended. It was appended by a recovery when it
    is the saved block to the last digit and no `start` has followed yet to name it.
    """
    written = list(since)
    started = any(isinstance(entry.body, Start) for entry in written)
    outstanding = [block for block in saved.blocks if not any(_supersedes(entry, block) for entry in written)]
    recovered = [entry for entry in written if any(_is_copy(entry, block) for block in saved.blocks)]
    return Verdict(tuple(outstanding), () if started else tuple(recovered))


def _supersedes(entry: Entry, block: Entry) -> bool:
    reading, saved = entry.body, block.body
    if not isinstance(reading, Reading) or not isinstance(saved, Reading) or entry.boot != block.boot:
        return False
    if (reading.watcher, reading.channel) != (saved.watcher, saved.channel):
        return False
    end_ms = reading.start_mono_ms + sum(reading.durations_ms)
    return reading.start_mono_ms >= saved.start_mono_ms or end_ms > saved.start_mono_ms


def _is_copy(entry: Entry, block: Entry) -> bool:
    return (entry.wall_ms, entry.mono_ms, entry.boot, entry.body) == (
        block.wall_ms,
        block.mono_ms,
        block.boot,
        block.body,
    )


def _parse(value: bytes | None) -> Saved:
    head, *lines = (value or b"").split(b"\n")
    fields = head.split(b" ")
    if len(fields) != 2 or fields[0] != FORMAT or not fields[1].isdigit():
        return NOTHING_SAVED
    blocks: list[Entry] = []
    for line in filter(None, lines):
        try:
            blocks.append(decode(line))
        except MalformedEntry:
            continue  # written by another version: the block's time stays unobserved
    return Saved(int(fields[1]), tuple(blocks))
