"""Reading a journal beside whoever writes it: what was promised and signed, and not a byte more.

The signed mark says how far: what stands behind it in the files may be a line that was never promised. The tree is
followed from a frontier that is known up to the mark, and must be the one that was signed; then every checkpoint below
the mark is one of that tree, and signing it says nothing new. Nothing is changed, and no lock is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agent import marks, segment
from agent.errors import JournalDamaged
from agent.journal import RECEIPT_SLOT_BYTES
from agent.marks import Receipted, Signed
from agent.recovery import REMEDY, segment_firsts
from agent.slots import BLOCK_BYTES, read_newest
from protocol.merkle import Frontier, leaf_hash


class Reach(NamedTuple):
    """What can be taken out: from the entries that `base` stands for up to what was signed."""

    directory: Path
    base: Frontier
    signed: Signed

    def entries(self) -> Iterator[bytes]:
        """The exact bytes of its entries in order; JournalDamaged where one is not there."""
        return _entries(self.directory, self.base.size, self.signed.size)


def unreceipted(directory: Path) -> Reach:
    """What no receipt covers; JournalDamaged where that is not what was signed."""
    return _checked(Reach(directory, _receipted(directory).frontier, _signed(directory)))


def readable(directory: Path) -> Reach:
    """All that is kept here and can be read without a hole, receipted or not; JournalDamaged as above."""
    base = _receipted(directory).frontier
    for first in reversed(segment_firsts(directory)):
        with (directory / segment.name(first)).open("rb") as file:
            scan = segment.scan(file, first=first)
        if first >= base.size:
            continue
        if scan.header is None or scan.holes or scan.next < base.size:
            break
        base = scan.header.frontier
    return _checked(Reach(directory, base, _signed(directory)))


def _checked(reach: Reach) -> Reach:
    frontier = reach.base
    for entry in reach.entries():
        frontier = frontier.append(leaf_hash(entry))
    if reach.signed.size > reach.base.size and frontier.root() != reach.signed.root:
        raise JournalDamaged(
            f"{reach.directory}: the first {reach.signed.size} entries are not those that were signed. {REMEDY}"
        )
    return reach


def _entries(directory: Path, first: int, last: int) -> Iterator[bytes]:
    firsts = [start for start in segment_firsts(directory) if start < last]
    for start, end in zip(firsts, [*firsts[1:], last], strict=True):
        if end <= first:
            continue
        with (directory / segment.name(start)).open("rb") as file:
            offsets = segment.scan(file, first=start).offsets[max(first - start, 0) : end - start]
            for entry in segment.read_entries(file, offsets):
                if entry is None:
                    break
                yield entry
                first += 1
        if first != end:
            raise JournalDamaged(f"{directory}: entry {first} was signed and cannot be read. {REMEDY}")
    if first < last:
        raise JournalDamaged(f"{directory}: entries {first} to {last - 1} were signed and are not there. {REMEDY}")


def _signed(directory: Path) -> Signed:
    return marks.read_signed(read_newest(directory / "signed", slot_bytes=BLOCK_BYTES, count=2).value)


def _receipted(directory: Path) -> Receipted:
    return marks.read_receipted(read_newest(directory / "receipt", slot_bytes=RECEIPT_SLOT_BYTES, count=2).value)
