"""What a journal directory still holds after whatever happened to it.

Decides, at every opening, between what was promised and what was not:

- bytes behind the last readable entry were never promised: they go to quarantine/ and are cut off;
- unreadable entries below the receipt are kept as they are and noted: the collector has them;
- any other missing entry, or a journal behind what was signed or receipted, ends this epoch (JournalDamaged), and
  what `readable` still gives of it is carried over into the next one (succession.py).

"Promised" is what a receipt, the signed mark or the scratch file says the journal held. Nothing is changed on the
disk before it is certain that the journal can go on, and every step may be cut short and done again.
"""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agent import segment
from agent.disk import UNFINISHED, Disk
from agent.errors import JournalBehind, JournalDamaged, JournalError
from agent.marks import Receipted, Signed
from agent.segment import Scan
from protocol.merkle import Frontier, leaf_hash

QUARANTINE = "quarantine"
MAX_QUARANTINED_BYTES = 1 << 24
"""A longer tail was not left by any crash of ours; it stays where it is and a new segment begins."""
REMEDY = "This journal takes no more entries: leave its files as they are, the agent begins the next epoch beside it"


class Promise(NamedTuple):
    """What is known from outside the segments about how far the journal had come."""

    receipted: Receipted
    signed: Signed
    scratch_size: int

    @property
    def size(self) -> int:
        """The journal held at least this many entries."""
        return max(self.receipted.size, self.signed.size, self.scratch_size)


class Finding(NamedTuple):
    """Damage that the journal survives; `segment` names the file, `text` is for the `storage` entry."""

    segment: str
    text: str


class Recovered(NamedTuple):
    """A journal that can go on.

    `lengths` are the files' bytes by first index, ascending; `active` the last of them where it may be continued,
    None where a new one must begin. Every entry from `readable_from` on can be read.
    """

    frontier: Frontier
    lengths: dict[int, int]
    active: Scan | None
    readable_from: int
    findings: tuple[Finding, ...]
    quarantined_bytes: int


def recover(directory: Path, *, origin: str, promise: Promise, disk: Disk) -> Recovered:
    """Read the directory, mend its tail; JournalDamaged where promised entries are lost, else JournalError."""
    for leftover in directory.glob(f"*{UNFINISHED}"):
        leftover.unlink()
    scans = _scan_all(directory, receipted_size=promise.receipted.size)
    if not scans:
        raise JournalDamaged(f"{directory} holds no segment of a journal. {REMEDY}")
    # 1 it is this log
    for found in scans:
        if found.header is not None and found.header.origin != origin:
            raise JournalError(
                f"{directory} holds the journal of {found.header.origin}, and this agent is {origin}; "
                "set state_dir to this agent's own directory"
            )
    # 2 it reaches as far as was promised
    receipted, last = promise.receipted, scans[-1]
    receipted_tail_damaged = last.next < promise.size == receipted.size and last.end < last.length
    size = receipted.size if receipted_tail_damaged else last.next
    if size < promise.size:
        raise JournalBehind(
            f"{directory} holds entries up to {last.next}, but it had {promise.size}: it was cut short, or an older "
            f"copy was put in its place. {REMEDY}"
        )
    # 3 what is missing is receipted
    holes = _holes(scans, size)
    if holes and holes[-1].stop > receipted.size:
        raise JournalDamaged(
            f"{directory}: entry {max(holes[-1].start, receipted.size)} was promised and not yet receipted, and cannot "
            f"be read. {REMEDY}"
        )
    # 4 it is what was signed
    frontier = _replay(directory, scans, promise=promise, size=size)
    # 5 the tail
    goes_on = last.header is not None and not receipted_tail_damaged
    quarantined, mended = 0, True
    if last.end < last.length and not receipted_tail_damaged:
        quarantined, mended = _quarantine(directory, last, truncate=goes_on, disk=disk)
    return Recovered(
        frontier=frontier,
        lengths={scan.first: scan.end if scan is last and goes_on else scan.length for scan in scans},
        active=last._replace(length=last.end) if goes_on and mended else None,
        readable_from=max([scans[0].first, *(hole.stop for hole in holes)]),
        findings=tuple(_new_findings(directory, scans, holes=holes)),
        quarantined_bytes=quarantined,
    )


def note_finding(directory: Path, finding: Finding, *, disk: Disk) -> None:
    """Remember that a finding stands in the journal, so that the next start does not journal it again."""
    _keep(directory, _memo(finding), finding.text.encode(), disk=disk)


def segment_firsts(directory: Path) -> list[int]:
    """First indexes of the segments in a directory, ascending."""
    found = (segment.first_index(path.name) for path in directory.iterdir())
    return sorted(first for first in found if first is not None)


def readable(directory: Path, *, first: int) -> Iterator[bytes]:
    """What can still be read of a closed journal's entries from `first` on, in order; OSError."""
    scans = _scan_all(directory, receipted_size=first)
    for scan, end in _with_ends(scans, sys.maxsize) if scans else ():
        begin = max(first - scan.first, 0)
        with (directory / segment.name(scan.first)).open("rb") as file:
            for raw in segment.read_entries(file, scan.offsets[begin : max(end - scan.first, begin)]):
                if raw is not None:
                    yield raw


def _scan_all(directory: Path, *, receipted_size: int) -> list[Scan]:
    scans: list[Scan] = []
    for first in segment_firsts(directory):
        if scans and first <= receipted_size:
            # Nothing is read of the one before: a year's offsets would stay in memory for it.
            scans[-1] = scans[-1]._replace(offsets=array("Q"))
        with (directory / segment.name(first)).open("rb") as file:
            scans.append(segment.scan(file, first=first))
    return scans


def _holes(scans: list[Scan], size: int) -> list[range]:
    """Indexes below `size` that no segment gives, from the first segment on, ascending.

    Lines of a segment at or above the next one's first index do not count: they are what a failed sync left.
    """
    holes: list[range] = []
    for scan, end in _with_ends(scans, size):
        holes += [hole for hole in scan.holes if hole.start < end]
        if scan.next < end:
            holes.append(range(scan.next, end))
    return holes


def _replay(directory: Path, scans: list[Scan], *, promise: Promise, size: int) -> Frontier:
    """The tree over all entries, continued from the receipt; JournalDamaged where it is not what was signed."""
    frontier, signed = promise.receipted.frontier, promise.signed
    if scans[0].first > frontier.size:
        raise JournalDamaged(
            f"{directory}: entries {frontier.size} to {scans[0].first - 1} are gone and were not receipted. {REMEDY}"
        )
    for raw in _unreceipted(directory, scans, start=frontier.size, size=size):
        if frontier.size == signed.size and signed.size and frontier.root() != signed.root:
            break
        frontier = frontier.append(leaf_hash(raw))
    if frontier.size == signed.size and signed.size and frontier.root() != signed.root:
        raise JournalDamaged(f"{directory}: the first {signed.size} entries are not those that were signed. {REMEDY}")
    return frontier


def _unreceipted(directory: Path, scans: list[Scan], *, start: int, size: int) -> Iterator[bytes]:
    for scan, end in _with_ends(scans, size):
        first = max(start, scan.first)
        with (directory / segment.name(scan.first)).open("rb") as file:
            for raw in segment.read_entries(file, scan.offsets[max(first - scan.first, 0) : end - scan.first]):
                if raw is None:
                    raise JournalError(f"{directory}: an entry changed while it was being read; is the disk failing?")
                yield raw


def _with_ends(scans: list[Scan], end: int) -> Iterator[tuple[Scan, int]]:
    """Each segment with the index at which the next one takes over."""
    return zip(scans, [*(scan.first for scan in scans[1:]), end], strict=True)


def _quarantine(directory: Path, tail: Scan, *, truncate: bool, disk: Disk) -> tuple[int, bool]:
    """Keep a copy of the bytes behind the last readable entry, cut them off; (bytes, whether it could be done)."""
    path = directory / segment.name(tail.first)
    if tail.length - tail.end > MAX_QUARANTINED_BYTES:
        return tail.length - tail.end, False
    with path.open("rb") as file:
        file.seek(tail.end)
        rest = file.read(tail.length - tail.end)
    try:
        _keep(directory, f"{path.name}.{tail.end}", rest, disk=disk)
        if truncate:
            _truncate(path, tail.end, disk=disk)
    except OSError:
        # No room for the copy: leave the bytes where they are. A new segment begins, and what lies behind the last
        # entry of a segment that has a successor is never read.
        return len(rest), False
    return len(rest), True


def _truncate(path: Path, length: int, *, disk: Disk) -> None:
    fd = os.open(path, os.O_RDWR)
    try:
        os.ftruncate(fd, length)
        disk.sync(fd)
    finally:
        os.close(fd)


def _new_findings(directory: Path, scans: list[Scan], *, holes: list[range]) -> list[Finding]:
    findings: list[Finding] = []
    for scan, end in _with_ends(scans, sys.maxsize):
        name = segment.name(scan.first)
        if here := [hole for hole in holes if scan.first <= hole.start < end]:
            text = (
                f"{name}: {sum(map(len, here))} receipted entries cannot be read, the first is {here[0].start}; "
                "the collector holds them"
            )
            findings.append(Finding(name, text))
        elif scan.header is None:
            findings.append(Finding(name, f"{name}: its header cannot be read; its entries can"))
    return [finding for finding in findings if not _is_noted(directory, finding)]


def _is_noted(directory: Path, finding: Finding) -> bool:
    memo = directory / QUARANTINE / _memo(finding)
    return memo.exists() and memo.read_bytes() == finding.text.encode()


def _memo(finding: Finding) -> str:
    return f"{finding.segment}.noted"


def _keep(directory: Path, name: str, octets: bytes, *, disk: Disk) -> None:
    (directory / QUARANTINE).mkdir(exist_ok=True)
    disk.create(directory / QUARANTINE / name, octets)
    disk.sync_directory(directory)
