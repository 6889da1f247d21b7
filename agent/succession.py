"""From a journal that cannot go on to the next epoch's, without losing what it accepted and without asking anybody.

    1  a new key, for the number after the one in force (or the one that the collector said is free)
    2  journal/<number>.new: genesis, which names the last receipt before and why that epoch ended; what no receipt
       covers, carried over; the blocks that a crash left open; the request to the collector, signed by both keys
    3  it gets its name; what had that name and was never in force is put aside
    4  the new epoch is in force, at the instant in which enrolment.json is replaced

Cut short anywhere before 4, the old epoch is still in force and all is done again; after it, the new one is whole. The
old journal's files are not touched, ever. The collector hears of it when it can be reached (conversation.py): until
then the agent records under the number that it proposes.

Carried over are readings, declarations, and what explains them (watcher and clock entries), with the boot and the
times that they had: they stand between the genesis and the first `start`, so that everybody can tell. What the
collector holds of them already it gets twice, and counts once: each instant of a channel counts once. Decision 0010.
"""

from __future__ import annotations

import secrets
import shutil
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

from agent import identity, recovery
from agent.clock import Clock, Instant
from agent.disk import DeferredDisk, Disk
from agent.errors import NotEnrolledError
from agent.exchange import EndEpoch
from agent.identity import Enrolment, Identity
from agent.journal import RECEIPT_SLOT_BYTES, Journal
from agent.marks import Receipted, Signed, read_receipted, read_signed
from agent.scratch import Scratch, judge, read_saved
from agent.shelf import decodable
from agent.slots import BLOCK_BYTES, read_newest
from agent.version import build_hash
from protocol.entry import Body, ClockJump, Declaration, Entry, Genesis, Reading, WatcherChange, clean_text
from protocol.epoch import EpochReason, EpochRequest, read_request, sign_request
from protocol.keys import ED25519, SigningKey
from protocol.note import Checkpoint
from protocol.topics import agent_origin, parse_origin

REQUEST = "request"
CARRIED: tuple[type[Body], ...] = (Reading, Declaration, WatcherChange, ClockJump)
UNFINISHED = ".new"
ASIDE = ".aside"


def begin_next(state_dir: Path, who: Identity, end: EndEpoch, *, clock: Clock) -> Identity:
    """Put the next epoch in force and return it; the caller holds the lock of the journal that ended, or none is open.

    NotEnrolledError where the key that must ask for it is gone; OSError, JournalError where the disk refuses: then the
    epoch before is still in force.
    """
    enrolment = who.enrolment
    # 1
    old, reason = _ended(who, end)
    number = end.number if end.number and end.number > _epoch_of(old.origin) else enrolment.epoch + 1
    origin = agent_origin(enrolment.domain, enrolment.agent_id, number)
    key = SigningKey(origin, ED25519, secrets.token_bytes(32))
    request = sign_request(
        EpochRequest(old, reason, key.verifier), old_key=_key_that_asks(state_dir, old.origin), new_key=key
    )
    genesis = Genesis(
        enrolment.assets, str(key.verifier), build_hash(), last_receipt(who.journal, state_dir), clean_text(end.why)
    )
    # 2, 3
    make_journal(
        identity.journal_directory(state_dir, number), origin, genesis, clock=clock, before=who.journal, request=request
    )
    # 4
    identity.write_successor(state_dir, key)
    return identity.load(state_dir, agent_id=enrolment.agent_id)


def make_journal(
    directory: Path, origin: str, genesis: Genesis, *, clock: Clock, before: Path | None, request: bytes | None = None
) -> None:
    """Make the journal of an epoch, whole or not at all, with what the one `before` holds above its receipt."""
    disk, unfinished = DeferredDisk(), directory.with_name(directory.name + UNFINISHED)
    shutil.rmtree(unfinished, ignore_errors=True)
    journal = Journal.open(unfinished, origin=origin, create=True, disk=disk)
    try:
        journal.append(genesis, clock.now(), boot=clock.boot_id)
        if before is not None and before.is_dir():
            _carry_over(before, journal, disk=disk)
        if request is not None:
            disk.create(unfinished / REQUEST, request)
    finally:
        journal.close()
    disk.settle(unfinished)
    _put_aside(directory, disk=disk)
    disk.rename(unfinished, directory)
    disk.sync_directory(directory.parent)


def pending_request(directory: Path) -> bytes | None:
    """The request with which a journal's epoch was, or is still to be, asked for; None where a token opened it."""
    path = directory / REQUEST
    return path.read_bytes() if path.exists() else None


def last_receipt(directory: Path, state_dir: Path) -> str | None:
    """The newest receipt of a journal, or of the epoch that it was to follow; base64, None where there was none."""
    receipt = _receipted(directory)
    asked = pending_request(directory)
    if not receipt.note and asked is not None:
        old = read_request(asked).old.origin
        receipt = _receipted(identity.journal_directory(state_dir, _epoch_of(old)))
    return b64encode(receipt.note).decode() if receipt.note else None


def _ended(who: Identity, end: EndEpoch) -> tuple[Checkpoint, EpochReason]:
    """What the agent has of the log that ends, and why; an epoch that was never granted asks in that log's name."""
    asked = pending_request(who.journal)
    if asked is None or _receipted(who.journal).size:
        return _known(who.journal, who.enrolment), end.reason
    before = read_request(asked)
    return before.old, before.reason


def _key_that_asks(state_dir: Path, origin: str) -> SigningKey:
    key = identity.find_key(state_dir, origin)
    if key is None:
        raise NotEnrolledError(
            f"the key of {origin} is not in {state_dir}, and no other may ask for the next epoch: put it back, or "
            "enrol again (jishi-agent enroll --again)"
        )
    return key


def _epoch_of(origin: str) -> int:
    return parse_origin(origin)[2]


def _known(directory: Path, enrolment: Enrolment) -> Checkpoint:
    """The largest tree of a journal that it answers for: what it signed, or what was receipted."""
    signed, receipted = _signed(directory), _receipted(directory)
    size, root = max((signed.size, signed.root), (receipted.size, receipted.frontier.root()))
    return Checkpoint(enrolment.origin, size, root)


def _carry_over(before: Path, journal: Journal, *, disk: Disk) -> None:
    for entry in _carried(before):
        journal.append(entry.body, Instant(entry.wall_ms, entry.mono_ms), boot=entry.boot)
    saved = read_saved(before)
    since = decodable(recovery.readable(before, first=saved.journal_size)) if saved.blocks else ()
    outstanding = judge(saved, since).outstanding
    if outstanding:
        scratch = Scratch(journal.directory, disk=disk)
        scratch.keep(outstanding, journal_size=journal.size)
        scratch.close()


def _carried(before: Path) -> Iterator[Entry]:
    for entry in decodable(recovery.readable(before, first=_receipted(before).size)):
        if isinstance(entry.body, CARRIED):
            yield entry


def _receipted(directory: Path) -> Receipted:
    return read_receipted(_slot(directory / "receipt", RECEIPT_SLOT_BYTES))


def _signed(directory: Path) -> Signed:
    return read_signed(_slot(directory / "signed", BLOCK_BYTES))


def _slot(path: Path, slot_bytes: int) -> bytes | None:
    return read_newest(path, slot_bytes=slot_bytes, count=2).value if path.exists() else None


def _put_aside(directory: Path, *, disk: Disk) -> None:
    """Free a name that an attempt cut short has, or one whose number was gone: it was never in force."""
    if directory.exists():
        names = (directory.with_name(f"{directory.name}{ASIDE}.{number}") for number in range(1, 1_000_000))
        disk.rename(directory, next(name for name in names if not name.exists()))
