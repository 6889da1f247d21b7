"""Parcels: a journal's entries onto a medium, and the collector's receipt back from it.

Taking out changes nothing of the journal but the mark that says what may be signed, and works beside a running agent,
which is asked to set that mark (hatch), as well as without one: then the lock is held while it is set. What is
written are the batches that the uplink would send, each with its signed checkpoint; the manifest comes last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from agent import beside, hatch
from agent.clock import Clock
from agent.conversation import MOST_BYTES, MOST_ENTRIES
from agent.disk import UNFINISHED, Disk
from agent.errors import AgentError, JournalLocked
from agent.identity import Identity
from agent.journal import Journal
from protocol.batch import Batch, pack_batch
from protocol.errors import ForeignBytesError
from protocol.keys import SigningKey
from protocol.merkle import leaf_hash
from protocol.note import Checkpoint, Receipt, open_receipt, sign_checkpoint
from protocol.parcel import MANIFEST, RECEIPT, Manifest, Piece, directory_name, pack_manifest, piece_of


class Exported(NamedTuple):
    """What lies on the medium now: entries `first` up to `size`, in these pieces."""

    directory: Path
    first: int
    size: int
    pieces: tuple[Piece, ...]


def export(who: Identity, medium: Path, *, everything: bool, clock: Clock) -> Exported:
    """Write what no receipt covers, or all that is kept, as a parcel; AgentError with the remedy.

    Doing it again replaces the parcel, and ends with the same files for the same entries.
    """
    if not medium.is_dir():
        raise AgentError(f"{medium} is no directory: name where the medium is mounted, or make the directory first")
    _sign_all(who)
    reach = beside.readable(who.journal) if everything else beside.unreceipted(who.journal)
    directory = medium / directory_name(who.enrolment.origin)
    if reach.base.size >= reach.signed.size:
        return Exported(directory, reach.base.size, reach.base.size, ())
    try:
        pieces = _write(directory, reach, key=who.key, made=clock.now().wall_ms)
    except OSError as problem:
        raise AgentError(
            f"{medium} does not take the parcel ({problem.strerror or problem}): free its space or take another; the "
            "journal is as it was, and what was written without a manifest is not taken for a parcel"
        ) from problem
    return Exported(directory, reach.base.size, reach.signed.size, pieces)


def find_receipt(who: Identity, medium: Path) -> Receipt:
    """The collector's receipt for this agent on a medium, verified; AgentError where there is none that holds."""
    path = medium / directory_name(who.enrolment.origin) / RECEIPT
    try:
        with path.open("rb") as file:
            raw = file.read(hatch.MAX_RECEIPT_BYTES)
    except OSError as problem:
        others = sorted(other.parent.name for other in medium.glob(f"*/{RECEIPT}"))
        found = f"it holds receipts of {', '.join(others)}" if others else "it holds none at all"
        raise AgentError(
            f"{medium} holds no receipt for {who.enrolment.origin}; {found}: run `jishi-collector import` on it first"
        ) from problem
    try:
        receipt = open_receipt(raw, who.receipt_key)
    except ForeignBytesError as problem:
        raise AgentError(f"{path} is no receipt of this agent's collector ({problem}): have it imported again") from (
            problem
        )
    if receipt.checkpoint.origin != who.enrolment.origin:
        raise AgentError(
            f"{path} is a receipt of {receipt.checkpoint.origin}, and this agent is {who.enrolment.origin}"
        )
    return receipt


def take_in(who: Identity, receipt: Receipt) -> None:
    """Have the journal keep a verified receipt, by the agent where it runs; AgentError where it cannot be kept."""
    try:
        journal = Journal.open(who.journal, origin=who.enrolment.origin)
    except JournalLocked:
        hatch.hand_in_receipt(who.journal, receipt.raw)
        return
    try:
        if receipt.checkpoint.size > journal.size:
            raise AgentError(
                f"the receipt is over {receipt.checkpoint.size} entries and this journal has {journal.size}: it was "
                "put back to an older copy, or another machine uses a copy of it"
            )
        journal.store_receipt(receipt)
    except ValueError as problem:
        raise AgentError(f"{problem}: another machine uses a copy of this journal") from problem
    finally:
        journal.close()


def _sign_all(who: Identity) -> None:
    """See that the signed mark covers every promised entry."""
    try:
        journal = Journal.open(who.journal, origin=who.enrolment.origin)
    except JournalLocked:
        hatch.ask_to_sign(who.journal)
        return
    try:
        journal.mark_signed(journal.size, journal.root_at(journal.size))
    finally:
        journal.close()


def _write(directory: Path, reach: beside.Reach, *, key: SigningKey, made: int) -> tuple[Piece, ...]:
    disk = Disk()
    directory.mkdir(exist_ok=True)
    pieces: list[Piece] = []
    for batch in _batches(reach, key):
        raw = pack_batch(batch)
        pieces.append(piece_of(batch.old, batch.old + len(batch.entries), raw))
        _put(directory / pieces[-1].name, raw, disk=disk)
    disk.sync_directory(directory)
    when = datetime.fromtimestamp(made // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    _put(directory / MANIFEST, pack_manifest(Manifest(key.name, when, tuple(pieces))), disk=disk)
    disk.sync_directory(directory)
    # Only now: a parcel that this one replaces was whole until here.
    kept = {piece.name for piece in pieces}
    for path in directory.glob("*.batch*"):
        if path.name not in kept:
            path.unlink()
    return tuple(pieces)


def _batches(reach: beside.Reach, key: SigningKey) -> Iterator[Batch]:
    """The batches that the uplink would send, one in memory at a time."""
    held: list[bytes] = []
    frontier, held_bytes = reach.base, 0
    for entry in reach.entries():
        if held and (len(held) == MOST_ENTRIES or held_bytes + len(entry) > MOST_BYTES):
            yield _batch(key, frontier.size, frontier.root(), held)
            held, held_bytes = [], 0
        held.append(entry)
        held_bytes += len(entry)
        frontier = frontier.append(leaf_hash(entry))
    yield _batch(key, frontier.size, frontier.root(), held)


def _batch(key: SigningKey, size: int, root: bytes, entries: list[bytes]) -> Batch:
    return Batch(size - len(entries), sign_checkpoint(Checkpoint(key.name, size, root), key), tuple(entries))


def _put(path: Path, raw: bytes, *, disk: Disk) -> None:
    """Write a file that anybody may read, its bytes on the medium before it has its name."""
    unfinished = path.with_name(path.name + UNFINISHED)
    with unfinished.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    disk.rename(unfinished, path)
