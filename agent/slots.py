"""A small value that is replaced again and again and never half replaced: slots of one file, written in turn.

    slot := <crc32, 8 hex> <number> <length of the value>\\n<value>      each slot in blocks of its own

The valid slot with the highest number holds. A write goes to a slot that is neither the newest nor the newest that
was synced; so a process killed while writing leaves the newest, and a power cut leaves the newest synced one. The
blocks are taken when the file is made and then written in place: on a full disk the agent can still note what it
signs and which receipt it got, without which it could never free anything.
"""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path
from typing import Final, NamedTuple

from agent.disk import Disk

BLOCK_BYTES: Final = 4096
_HEAD = re.compile(rb"([0-9a-f]{8}) ([0-9]{1,18}) ([0-9]{1,8})\n")
_HEAD_LIMIT = 64


class Newest(NamedTuple):
    """The valid slot with the highest number."""

    number: int
    slot: int
    value: bytes | None


class Slots:
    """One value in one file. Not safe for two threads at once."""

    def __init__(self, path: Path, *, slot_bytes: int, count: int, disk: Disk) -> None:
        """Open or make the file; `slot_bytes` must be a multiple of 4096. OSError when the disk refuses."""
        if slot_bytes % BLOCK_BYTES or count < 2:
            raise ValueError(f"slots of {slot_bytes} bytes, {count} of them: need whole blocks and at least two")
        self.path = path
        self._slot_bytes = slot_bytes
        self._count = count
        self._disk = disk
        if not path.exists() or path.stat().st_size < slot_bytes * count:
            # A shorter file was never finished by `create` of this version and cannot hold a value we need.
            disk.create(path, bytes(slot_bytes * count))
        self._number, self._newest, self.value = read_newest(path, slot_bytes=slot_bytes, count=count)
        self._synced = self._newest
        self._fd = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        try:
            disk.sync(self._fd)  # the newest may have been written without: from here on it counts as synced
        except OSError:
            os.close(self._fd)
            raise

    def write(self, value: bytes, *, sync: bool) -> None:
        """Replace the value; with `sync` it is on the medium on return. ValueError when it does not fit.

        After an OSError the old value may or may not hold; the next write settles it, in the same slot's
        blocks but with all its bytes written anew (a failed sync is not simply tried again).
        """
        if not sync and self._count < 3:
            raise ValueError("unsynced writes need a third slot: one newest, one synced, one to write")
        body = b"%d %d\n%s" % (self._number + 1, len(value), value)
        if len(body) + 9 > self._slot_bytes:
            raise ValueError(f"{len(value)} bytes do not fit a slot of {self._slot_bytes}")
        spare = [slot for slot in range(self._count) if slot != self._synced]
        slot = next((slot for slot in spare if slot != self._newest), spare[0])
        os.lseek(self._fd, slot * self._slot_bytes, os.SEEK_SET)
        self._disk.write(self._fd, b"%08x %s" % (zlib.crc32(body), body))
        self._number += 1
        self._newest = slot
        self.value = value
        if sync:
            self._disk.sync(self._fd)
            self._synced = slot

    def fits(self, value: bytes) -> bool:
        """Whether `write` would take it."""
        return len(value) + _HEAD_LIMIT <= self._slot_bytes

    def close(self) -> None:
        os.close(self._fd)


def read_newest(path: Path, *, slot_bytes: int, count: int) -> Newest:
    """The value that holds in a file of slots, without opening it for writing; number 0 where none does."""
    newest = Newest(0, 0, None)
    with path.open("rb") as file:
        for slot in range(count):
            file.seek(slot * slot_bytes)
            found = _parse(file.read(slot_bytes))
            if found is not None and found[0] > newest.number:
                newest = Newest(found[0], slot, found[1])
    return newest


def _parse(raw: bytes) -> tuple[int, bytes] | None:
    head = _HEAD.match(raw)
    if head is None:
        return None
    crc, number, length = int(head[1], 16), int(head[2]), int(head[3])
    body = raw[9 : head.end() + length]
    return (number, raw[head.end() : head.end() + length]) if zlib.crc32(body) == crc else None
