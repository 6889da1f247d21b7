"""The journal of one epoch: a durable log that is only ever appended to, and the Merkle tree over it.

Decides when an entry is promised: `append` returns its index after the line is on the medium, and nobody can see it
before. Leaves to others what an entry says (recorder) and how it travels (uplink).

    <directory>/lock                       one writer, by the operating system (disk.py)
                00000000000000000000.log   segments (segment.py, segments.py)
                signed  receipt            what was signed and what was receipted (marks.py, slots.py)
                scratch                    the open blocks (scratch.py)
                reserve                    room for the last entries on a full disk
                quarantine/                what a crash left behind the last entry (recovery.py)

Invariants: an appended entry is never changed, and deleted only with a receipt over it; the mark is on the medium
before a checkpoint is published, so no two roots of one size are ever signed. Any thread may call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from agent import marks, recovery, segment
from agent.clock import Instant
from agent.disk import Disk, WriterLock
from agent.errors import EntryRefused, JournalError
from agent.marks import Receipted, Signed
from agent.scratch import promised_size
from agent.segment import Header
from agent.segments import Limits, Segments
from agent.slots import BLOCK_BYTES, Slots
from protocol import entry
from protocol.merkle import EMPTY_FRONTIER, Frontier, leaf_hash
from protocol.note import Receipt

DEFAULT_LIMITS = Limits()
RECEIPT_SLOT_BYTES = 8 * BLOCK_BYTES  # several signatures of the largest post-quantum kind
RETIRE_EVERY_S = 3600


class Journal:
    """One epoch's journal, open for writing. `Journal.open` makes one."""

    def __init__(self, directory: Path, *, origin: str, create: bool, limits: Limits, disk: Disk) -> None:
        self.directory = directory
        self.origin = origin
        self._disk = disk
        self._closed = False
        self._retired_s = 0
        self._mutex = threading.RLock()
        self._listeners: list[Callable[[], None]] = []
        # A journal that cannot be opened leaves nothing open: whoever goes on in the next epoch moves its files aside.
        with ExitStack() as opened:
            opened.callback(WriterLock(directory).release)
            self._signed_slot = Slots(directory / "signed", slot_bytes=BLOCK_BYTES, count=2, disk=disk)
            opened.callback(self._signed_slot.close)
            self._receipt_slot = Slots(directory / "receipt", slot_bytes=RECEIPT_SLOT_BYTES, count=2, disk=disk)
            opened.callback(self._receipt_slot.close)
            self._signed = marks.read_signed(self._signed_slot.value)
            self._receipted = marks.read_receipted(self._receipt_slot.value)
            if create and not recovery.segment_firsts(directory):
                disk.create(directory / segment.name(0), segment.header_line(Header(origin, EMPTY_FRONTIER)))
            promise = recovery.Promise(self._receipted, self._signed, promised_size(directory))
            state = recovery.recover(directory, origin=origin, promise=promise, disk=disk)
            self.findings = state.findings
            self.quarantined_bytes = state.quarantined_bytes
            self._frontier = state.frontier
            self._cursor = state.frontier  # where `_frontier_at` was last
            self._segments = Segments(directory, state, limits=limits, disk=disk)
            opened.callback(self._segments.close)
            self._retire()
            self._opened = opened.pop_all()

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        origin: str,
        create: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        disk: Disk | None = None,
    ) -> Journal:
        """Take the lock, mend what a crash left, go on.

        Raises JournalLocked, JournalDamaged (this epoch is over; the remedy is in the text), JournalError for
        another log's directory or none.
        """
        try:
            if create:
                directory.mkdir(parents=True, exist_ok=True)
                (disk or Disk()).sync_directory(directory.parent)
            if not directory.is_dir():
                raise JournalError(f"{directory} does not exist; enrol the agent first (jishi-agent enroll)")
            return cls(directory, origin=origin, create=create, limits=limits, disk=disk or Disk())
        except OSError as problem:
            raise JournalError(f"{directory} cannot be used as a journal: {problem}") from problem

    @property
    def size(self) -> int:
        """Number of promised entries."""
        return self._frontier.size

    @property
    def receipted(self) -> Receipted:
        """How far the collector has confirmed it."""
        return self._receipted

    @property
    def receipted_size(self) -> int:
        return self._receipted.size

    @property
    def readable_from(self) -> int:
        """Every promised entry from this index on can be read here."""
        return self._segments.readable_from

    @property
    def bytes_on_disk(self) -> int:
        """Bytes of all segments."""
        return self._segments.bytes_on_disk

    def root_at(self, size: int) -> bytes:
        """Merkle root over the first `size` entries; JournalDamaged where those that it takes cannot be read."""
        return self._frontier_at(size).root()

    def entries(self, first: int, last: int) -> tuple[bytes, ...]:
        """The exact bytes of the promised entries in [first, last); JournalDamaged where one cannot be read."""
        if not 0 <= first <= last <= self.size:
            raise ValueError(f"entries {first} to {last} of {self.size}")
        with self._mutex:
            return tuple(self._segments.read(first, last))

    def batch_end(self, first: int, *, most_entries: int, most_bytes: int) -> int:
        """The index up to which entries from `first` on make a batch within both limits; at least one entry."""
        with self._mutex:
            return self._segments.batch_end(first, most_entries=most_entries, most_bytes=most_bytes)

    def append(self, body: entry.Body, at: Instant, *, boot: str) -> int:
        """Add an entry of this moment and return its index when it is durable.

        Raises EntryRefused (JournalFull when there is no room): then the journal is as before. ValueError for a
        body that no entry can hold.
        """
        with self._mutex:
            index = self.size
            raw = entry.encode(entry.make(body, index=index, wall_ms=at.wall_ms, mono_ms=at.mono_ms, boot=boot))
            line, header = segment.line(raw), Header(self.origin, self._frontier)
            self._segments.append(line, header=header, receipted_size=self._receipted.size)
            self._frontier = self._frontier.append(leaf_hash(raw))
            self._segments.begin_ahead(Header(self.origin, self._frontier), line_bytes=len(line))
        for told in self._listeners:
            told()
        return index

    def on_append(self, told: Callable[[], None]) -> None:
        """Have this called after each append, in the appending thread."""
        self._listeners.append(told)

    def mark_signed(self, size: int, root: bytes) -> None:
        """Note on the medium that a checkpoint is about to be published; ValueError unless it is this journal's.

        EntryRefused when the note cannot be made: then nothing may be published.
        """
        if root != self.root_at(size):
            raise ValueError(f"{root.hex()} is not the root of the first {size} entries")
        if size > self._signed.size:
            mark = Signed(size, root)
            _write(self._signed_slot, marks.write_signed(mark))
            self._signed = mark

    def store_receipt(self, receipt: Receipt) -> None:
        """Keep a receipt whose signature was verified; ValueError when it is over another tree than this.

        EntryRefused when it cannot be stored: then the entries count as unreceipted, and will be sent again.
        """
        if receipt.checkpoint.size <= self._receipted.size:
            return
        mark = marks.receipted(receipt, self._frontier_at(receipt.checkpoint.size))
        _write(self._receipt_slot, marks.write_receipted(mark))
        with self._mutex:
            self._receipted = mark
            if mark.time_s >= self._retired_s + RETIRE_EVERY_S:
                self._retire()

    def take_problems(self) -> list[str]:
        """Troubles with the disk that were survived since the last call, for `storage` entries."""
        with self._mutex:
            problems, self._segments.problems = self._segments.problems, []
        return problems

    def settle_findings(self) -> None:
        """Call when `findings` stand in the journal: the next start will not report them again."""
        for finding in self.findings:
            recovery.note_finding(self.directory, finding, disk=self._disk)
        self.findings = ()

    def restore_reserve(self) -> None:
        """Set room aside again after it was given up; nothing happens while the disk is full."""
        with self._mutex:
            self._segments.restore_reserve()

    def close(self) -> None:
        """Release files and lock; the journal cannot be used any more."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
            self._opened.close()

    def _frontier_at(self, size: int) -> Frontier:
        with self._mutex:
            if not 0 <= size <= self.size:
                raise ValueError(f"size {size} of a journal of {self.size}")
            known = [self._frontier, self._cursor, self._receipted.frontier, EMPTY_FRONTIER]
            base = max((frontier for frontier in known if frontier.size <= size), key=lambda frontier: frontier.size)
            header = self._segments.header_before(size) if base.size < size else None
            if header is not None and header.frontier.size > base.size:
                base = header.frontier
            self._cursor = base.extend(map(leaf_hash, self._segments.read(base.size, size)))
            return self._cursor

    def _retire(self) -> None:
        # By the collector's time, which no clock of this machine can put far into the future.
        self._retired_s = self._receipted.time_s
        self._segments.retire(now_ms=self._receipted.time_s * 1000, receipted_size=self._receipted.size)


def _write(slot: Slots, value: bytes) -> None:
    try:
        slot.write(value, sync=True)
    except (OSError, ValueError) as problem:
        raise EntryRefused(f"{slot.path} cannot be written: {problem}") from problem
