"""The files of one journal: where entries lie, where the next goes, what is deleted when room is short.

    limits, before all else            may be deleted                       never deleted
    one segment      about 1 MiB       receipted segments, oldest first,    entries that are not receipted,
    all segments     512 MiB           when they are older than 400 days    the segment that is written
    reserve          256 KiB           or room is needed; then the reserve

`append` returns when the line is on the medium. A sync that failed is never tried again on the same file (the kernel
may have thrown the pages away and call them clean): a new segment begins and the line is written there again. What
then stands behind the last promised line of the old one is never read.

A segment is begun as soon as the one before is full, while no entry waits for it: on Windows no call makes a new name
durable, so nothing should be promised under one that is only just made. One thread at a time: the journal sees to it.
"""

from __future__ import annotations

import contextlib
import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agent import segment
from agent.disk import NO_ROOM, Disk
from agent.errors import EntryRefused, JournalDamaged, JournalFull
from agent.recovery import REMEDY, Recovered
from agent.segment import Header
from protocol.entry import MAX_WALL_MS, decode
from protocol.errors import MalformedEntry

RESERVE = "reserve"
DAY_MS = 86_400_000


class Limits(NamedTuple):
    """How much room a journal may take. Receipted segments are kept for on-site checks within both bounds."""

    segment_bytes: int = 1 << 20
    budget_bytes: int = 512 << 20
    keep_days: int = 400
    reserve_bytes: int = 256 << 10


class Place(NamedTuple):
    """Where consecutive entries lie: entry `first + k` of the file starts at offsets[k], for k below `entries`."""

    path: Path
    first: int
    offsets: array[int]
    entries: int


class _Active(NamedTuple):
    first: int
    fd: int
    offsets: array[int]


class Segments:
    """All segment files of a journal."""

    def __init__(self, directory: Path, state: Recovered, *, limits: Limits, disk: Disk) -> None:
        self.problems: list[str] = []  # survived troubles, for `storage` entries; whoever journals them clears it
        self.readable_from = state.readable_from
        self._directory = directory
        self._limits = limits
        self._disk = disk
        self._lengths = dict(state.lengths)  # promised bytes of each file by its first index, ascending
        self._active: _Active | None = None
        self._indexed: tuple[int, array[int]] | None = None  # offsets of the segment that was read last
        if state.active is not None:
            first = state.active.first
            self._active = _Active(first, disk.open_for_append(self._path(first)), state.active.offsets)
        self.restore_reserve()

    @property
    def bytes_on_disk(self) -> int:
        """Of all files together; may be asked by any thread while the disk keeps another waiting."""
        return sum(tuple(self._lengths.values()))

    def append(self, line: bytes, *, header: Header, receipted_size: int) -> None:
        """Put the line of entry `header.frontier.size` on the medium; EntryRefused leaves all as it was."""
        self._keep_budget(len(segment.header_line(header)) + len(line), receipted_size=receipted_size)
        failures = 0
        while True:
            try:
                self._write(line, header)
            except OSError as problem:
                self.close()
                if problem.errno not in NO_ROOM:
                    failures += 1
                    self.problems.append(f"writing failed ({problem.strerror}); the journal goes on in a new segment")
                elif not self._free_room(receipted_size):
                    raise JournalFull(
                        f"the disk is full and nothing receipted is left to delete in {self._directory}"
                    ) from problem
                if failures > 1:
                    raise EntryRefused(f"{self._directory} cannot be written: {problem}") from problem
            else:
                return

    def begin_ahead(self, header: Header, *, line_bytes: int) -> None:
        """Begin the next segment now if the present one has no room for another line of this length."""
        if self._active is not None and not self._has_room(self._active, line_bytes):
            with contextlib.suppress(OSError):  # whoever appends next tries again, and bears it
                self._begin(header)

    def read(self, first: int, last: int) -> Iterator[bytes]:
        """The entries in [first, last), all of them promised; JournalDamaged at one that cannot be read."""
        while first < last:
            place = self.locate(first)
            end = min(last, place.first + place.entries)
            with place.path.open("rb") as file:
                for raw in segment.read_entries(file, place.offsets[first - place.first : end - place.first]):
                    if raw is None:
                        raise JournalDamaged(f"entry {first} in {place.path} cannot be read. {REMEDY}")
                    yield raw
                    first += 1

    def locate(self, index: int) -> Place:
        """The file that holds a promised entry; JournalDamaged when none does."""
        first = max((first for first in self._lengths if first <= index), default=None)
        if first is None:
            raise JournalDamaged(
                f"entry {index} is no longer kept in {self._directory}; the collector has receipted it"
            )
        path = self._path(first)
        offsets = self._offsets(first)
        following = min((other for other in self._lengths if other > first), default=first + len(offsets))
        entries = min(following - first, len(offsets))
        if index >= first + entries:
            raise JournalDamaged(f"entry {index} is missing in {path}. {REMEDY}")
        return Place(path, first, offsets, entries)

    def batch_end(self, first: int, *, most_entries: int, most_bytes: int) -> int:
        """The index up to which entries from `first` on, all in one file, keep both limits; at least one entry."""
        place = self.locate(first)
        start = first - place.first
        end = min(start + most_entries, place.entries)
        limit = place.offsets[start] + most_bytes
        reach = bisect_right(place.offsets, limit, start, end)  # from here on, lines start beyond the limit
        last_line_ends = place.offsets[end] if end < len(place.offsets) else self._lengths[place.first]
        if reach < end or last_line_ends > limit:
            reach = max(reach - 1, start + 1)
        return place.first + reach

    def header_before(self, size: int) -> Header | None:
        """The header of the segment that holds entry `size - 1`, unless it is damaged."""
        first = max((first for first in self._lengths if first < size), default=None)
        if first is None:
            return None
        with self._path(first).open("rb") as file:
            return segment.parse_header(file.readline(segment.MAX_LINE_BYTES))

    def retire(self, *, now_ms: int, receipted_size: int) -> None:
        """Delete receipted segments whose entries are all older than they need be kept."""
        while (
            len(self._lengths) > 1 and self._begun_ms(list(self._lengths)[1]) < now_ms - self._limits.keep_days * DAY_MS
        ):
            if not self._delete_oldest(receipted_size):
                return

    def restore_reserve(self) -> None:
        """Set room aside for the day the disk is full, unless it is full already."""
        path = self._directory / RESERVE
        if not path.exists():
            try:
                # Random bytes: a file system that compresses would keep no room for zeros.
                self._disk.create(path, os.urandom(self._limits.reserve_bytes))
            except OSError:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave the active segment; the next append begins a new one."""
        if self._active is not None:
            os.close(self._active.fd)
            self._active = None

    def _write(self, line: bytes, header: Header) -> None:
        active = self._active
        if active is None or not self._has_room(active, len(line)):
            active = self._begin(header)
        self._disk.write(active.fd, line)
        self._disk.sync(active.fd)
        active.offsets.append(self._lengths[active.first])
        self._lengths[active.first] += len(line)

    def _has_room(self, active: _Active, line_bytes: int) -> bool:
        return not active.offsets or self._lengths[active.first] + line_bytes <= self._limits.segment_bytes

    def _begin(self, header: Header) -> _Active:
        self.close()
        first, text = header.frontier.size, segment.header_line(header)
        self._disk.create(self._path(first), text)
        self._lengths[first] = len(text)
        self._active = _Active(first, self._disk.open_for_append(self._path(first)), array("Q"))
        self._indexed = None
        return self._active

    def _offsets(self, first: int) -> array[int]:
        if self._active is not None and self._active.first == first:
            return self._active.offsets
        if self._indexed is None or self._indexed[0] != first:
            with self._path(first).open("rb") as file:
                self._indexed = (first, segment.scan(file, first=first).offsets)
        return self._indexed[1]

    def _keep_budget(self, length: int, *, receipted_size: int) -> None:
        while self.bytes_on_disk + length > self._limits.budget_bytes:
            if not self._delete_oldest(receipted_size):
                raise JournalFull(
                    f"{self._directory} has used its {self._limits.budget_bytes >> 20} MiB for entries that the "
                    "collector has not confirmed yet; bring the connection to it back"
                )

    def _free_room(self, receipted_size: int) -> bool:
        if self._delete_oldest(receipted_size):
            return True
        reserve = self._directory / RESERVE
        if not reserve.exists():
            return False
        self._disk.remove(reserve)
        self.problems.append("the disk is full; the room kept in reserve was given up")
        return True

    def _delete_oldest(self, receipted_size: int) -> bool:
        """Delete the oldest file if all its entries are receipted and another follows; False where there is none."""
        firsts = list(self._lengths)
        if len(firsts) < 2 or firsts[1] > receipted_size:
            return False
        try:
            self._disk.remove(self._path(firsts[0]))
        except OSError:
            return False  # on Windows, while somebody reads it
        del self._lengths[firsts[0]]
        self.readable_from = max(self.readable_from, firsts[1])
        return True

    def _begun_ms(self, first: int) -> int:
        """Wall time of a segment's first entry; the far future where it cannot be told."""
        try:
            place = self.locate(first)
            return decode(next(self.read(first, place.first + 1))).wall_ms
        except (JournalDamaged, MalformedEntry, OSError):
            return MAX_WALL_MS

    def _path(self, first: int) -> Path:
        return self._directory / segment.name(first)
