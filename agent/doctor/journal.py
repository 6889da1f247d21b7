"""Enrolment and journal: is there one, who writes it, and can all of it be read.

The journal is read beside its writer and never mended here: what a crash left is mended by the next start.
"""

from collections.abc import Iterator
from pathlib import Path

from agent import marks, recovery, segment
from agent.doctor.case import Case
from agent.finding import Finding, split_remedy
from agent.identity import Identity
from agent.journal import RECEIPT_SLOT_BYTES
from agent.marks import Receipted, Signed
from agent.segment import Scan
from agent.slots import BLOCK_BYTES, read_newest
from protocol.entry import decode
from protocol.errors import MalformedEntry

WHAT = "journal"


def examine_enrolment(case: Case) -> Iterator[Finding]:
    """Say as what the agent is enrolled, and where enrolment and configuration differ."""
    if case.who is None:
        found, remedy = split_remedy(case.not_enrolled)
        yield Finding("enrolment", "fail", found, "a complete enrolment", remedy)
        return
    enrolment = case.who.enrolment
    yield Finding("enrolment", "ok", f"enrolled as {enrolment.origin}")
    names = {watcher.name for watcher in case.configuration.watchers}
    for watch in enrolment.watch:
        if watch.watcher not in names:
            found = f"no watcher is named {watch.watcher!r}, which the collector counts for {watch.asset}"
            remedy = "name a watcher so, or have the collector's operator name another one"
            yield Finding("enrolment", "warn", found, f"a watcher {watch.watcher!r}", remedy)
    for watcher in case.configuration.watchers:
        if watcher.asset and enrolment.assets and watcher.asset not in enrolment.assets:
            found = f"watcher {watcher.name} is for {watcher.asset}, and the agent is enrolled for other instruments"
            remedy = "correct `asset`, or have the collector's operator add the instrument"
            yield Finding("enrolment", "warn", found, f"one of {', '.join(enrolment.assets)}", remedy)


def examine_journal(case: Case) -> Iterator[Finding]:
    """Say who writes the journal, and whether all that it should hold can be read."""
    if case.who is None:
        return
    yield from _examine_writer(case)
    try:
        yield read_through(case.who)
    except FileNotFoundError as problem:
        remedy = f"put it back, or enrol again (jishi-agent enroll --again): {recovery.REMEDY}"
        yield Finding(WHAT, "fail", f"{problem.filename} is gone", "the journal's files", remedy)
    except OSError as problem:
        remedy = "run the doctor as the agent's user"
        yield Finding(WHAT, "fail", f"{problem.filename} cannot be read ({problem.strerror})", "readable files", remedy)


def read_through(who: Identity) -> Finding:
    """Read all segments of a journal; OSError where a file cannot be read."""
    signed = marks.read_signed(read_newest(who.journal / "signed", slot_bytes=BLOCK_BYTES, count=2).value)
    receipt = read_newest(who.journal / "receipt", slot_bytes=RECEIPT_SLOT_BYTES, count=2).value
    return judge_segments(
        who.journal,
        [_scan(who.journal, first) for first in recovery.segment_firsts(who.journal)],
        origin=who.enrolment.origin,
        signed=signed,
        receipted=marks.read_receipted(receipt),
    )


def judge_segments(directory: Path, scans: list[Scan], *, origin: str, signed: Signed, receipted: Receipted) -> Finding:
    """Hold what the segments give against what was signed and receipted."""
    others = {scan.header.origin for scan in scans if scan.header and scan.header.origin != origin}
    if others:
        remedy = "set state_dir to this agent's own directory"
        return Finding(WHAT, "fail", f"{directory} holds the journal of {min(others)}", origin, remedy)
    size, promised = max((scan.next for scan in scans), default=0), max(signed.size, receipted.size)
    if size < promised:
        found = f"{directory} holds entries up to {size}, and had {promised}: it was cut short, or put back to a copy"
        return Finding(WHAT, "fail", found, f"{promised} entries", recovery.REMEDY)
    holes = [hole for scan in scans for hole in scan.holes]
    if any(hole.stop > receipted.size for hole in holes):
        found = f"entry {max(hole.stop for hole in holes) - 1} cannot be read and is not receipted"
        return Finding(WHAT, "fail", found, "readable entries", recovery.REMEDY)
    if holes:
        found = f"{sum(map(len, holes))} receipted entries cannot be read; the collector holds them"
        return Finding(WHAT, "warn", found, "readable entries", "nothing is lost; have the disk checked (smartctl -a)")
    found = f"{size} entries in {len(scans)} files can be read; {receipted.size} are receipted"
    return Finding(WHAT, "ok", found)


def when_written(who: Identity, index: int) -> int | None:
    """Return the wall time (UTC ms) of an entry; None where the journal does not have it, or it cannot be read."""
    try:
        first = max((first for first in recovery.segment_firsts(who.journal) if first <= index), default=None)
        if first is None:
            return None
        offsets = _scan(who.journal, first).offsets[index - first : index - first + 1]
        with (who.journal / segment.name(first)).open("rb") as file:
            raw = next(segment.read_entries(file, offsets), None)
        return decode(raw).wall_ms if raw else None
    except (OSError, MalformedEntry):
        return None


def _examine_writer(case: Case) -> Iterator[Finding]:
    process = f"process {case.holder}" if case.holder else "another process"
    if case.status is not None:
        yield Finding("agent", "ok", f"runs as process {case.status['pid']}; what follows is what it says of itself")
    elif case.holder is not None:
        found = f"{process} writes the journal, and has said nothing in status.json lately"
        remedy = "wait 15 s if it was just started; else it hangs: end it, and start the agent again"
        yield Finding("agent", "fail", found, "a status that is rewritten every 2 s", remedy)
    else:
        yield Finding("agent", "warn", "does not run", "", "start it (jishi-agent run, or its service)")


def _scan(directory: Path, first: int) -> Scan:
    with (directory / segment.name(first)).open("rb") as file:
        return segment.scan(file, first=first)
