"""One session shown without the rest of its day: a bundle of selective scope. Pure.

Each entry comes with a proof that its log holds it (C2SP tlog-proof), over a receipt that both keys signed. What ran is
derived from the readings that are shown and from nothing else (session_shown.py), and must be what session.json states.
Nobody can tell from such a bundle what else happened on that day, and no record is in it: that is what it is for.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from protocol import entry as entries
from protocol.beacon import verify_beacon
from protocol.bindings import Channel, channels_on
from protocol.clock_bounds import LIMIT_MS, Fix, corrected
from protocol.entry import Beacon, ClockJump, Entry, Reading
from protocol.errors import BadProof, ForeignBytesError, MalformedMessage
from protocol.history import History
from protocol.interval import DAY_S, day_bounds_ms
from protocol.merkle import leaf_hash, verify_inclusion
from protocol.note import open_checkpoint, open_receipt
from protocol.observation import covered_ms
from protocol.session_shown import run_s
from protocol.tiles import parse_entries
from protocol.tlog_proof import MAX_PROOF_BYTES, decode
from protocol.verify.container import Held
from protocol.verify.journal import MAX_RECEIPTS_FILE, Journal, Keys, Numbers
from protocol.verify.layout import SESSION, Manifest, Session, parse_session
from protocol.verify.line_files import Note
from protocol.verify.signed import UnknownSigner, open_by
from protocol.witness import Block

MAX_SHOWN = 50_000


class ShownEntry(NamedTuple):
    """An entry that its log is shown to hold."""

    origin: str
    agent_id: str
    entry: Entry
    receipt_s: int


class Shown(NamedTuple):
    """What is shown of one log."""

    journal: Journal
    entries: Sequence[ShownEntry]


def read_shown(
    held: Held, directory: str, *, origin: str, keys: Keys, numbers: Numbers, note: Note, gone: Collection[str] = ()
) -> Shown:
    """The entries of one log whose proofs hold; what is wrong is told. `gone`: paths that are named and not there."""
    journal = Journal(origin, directory.split("/")[1])
    found: list[ShownEntry] = []
    paths = held.under(f"{directory}entries/")
    proofs = set(held.under(f"{directory}proofs/"))
    for path in sorted(paths, key=_index_of)[:MAX_SHOWN]:
        index = _index_of(path)
        proof_path = f"{directory}proofs/{index}.tlog-proof"
        proofs.discard(proof_path)
        if proof_path in gone:
            continue  # check 1 told it
        shown = _read_entry(held, path, proof_path, keys, numbers, note)
        if shown is not None:
            found.append(ShownEntry(origin, journal.agent_id, *shown))
    proofs -= {f"{directory}proofs/{_index_of(path)}.tlog-proof" for path in gone if "/entries/" in path}
    for spare in [*sorted(proofs), *paths[MAX_SHOWN:]]:
        note(numbers.entries, "session-entry", spare, origin=origin, why="it belongs to no entry that is shown")
    _check_receipts(held, directory, keys, numbers, note, journal)
    if found:
        journal.first, journal.end = found[0].entry.index, found[-1].entry.index + 1
    for each in found:
        _mark(journal, each, keys, numbers, note)
    return Shown(journal, found)


def check_session(
    held: Held,
    manifest: Manifest,
    history: History,
    shown: Sequence[Shown],
    *,
    number: int,
    note: Note,
    gone: Collection[str] = (),
) -> Session | None:
    """Whether the readings give the seconds of run that are stated; `gone`: paths that are named and not there."""
    try:
        session = parse_session(held.read(SESSION, most=4096)) if SESSION in held else None
        if session is None:
            return None  # check 1 told it
        day = date.fromisoformat(session.day)
        inside = 0 <= session.start_s < session.end_s <= DAY_S
        if session.asset != manifest.asset or not day == manifest.first_day == manifest.last_day or not inside:
            raise MalformedMessage("it is of another instrument or day than the manifest, or outside its day")
    except ValueError as error:
        note(number, "session-form", SESSION, why=str(error))
        return None
    policy = history.policy_on(day)
    if policy is None:
        note(number, "evidence-missing", SESSION, what="no policy in the bundle holds on this day")
        return session
    midnight_ms = day_bounds_ms(day)[0]
    start_ms, end_ms = midnight_ms + session.start_s * 1000, midnight_ms + session.end_s * 1000
    channels = set(channels_on(history.measurements, manifest.asset, day=day))
    blocks = list(_blocks(shown, channels, start_ms, end_ms))
    found = run_s(blocks, policy, start_ms=start_ms, end_ms=end_ms)
    if found != session.run_s and gone:
        note(number, "evidence-missing", SESSION, what=f"{min(gone)} is not in the bundle")
    elif found != session.run_s:
        note(number, "session-differs", SESSION, found=str(found), stated=str(session.run_s))
    return session


def _read_entry(
    held: Held, path: str, proof_path: str, keys: Keys, numbers: Numbers, note: Note
) -> tuple[Entry, int] | None:
    origin = keys.agent.name
    if proof_path not in held:
        note(numbers.entries, "session-entry", path, origin=origin, why="the bundle names no proof of it")
        return None
    try:
        raw = held.read(path, most=entries.MAX_ENTRY_BYTES)
        proof = decode(held.read(proof_path, most=MAX_PROOF_BYTES))
        checkpoint = open_checkpoint(proof.checkpoint, keys.agent)
        verify_inclusion(
            leaf_hash(raw), index=proof.entry_index, size=checkpoint.size, proof=proof.path, root=checkpoint.root
        )
        receipt, _ = open_by(proof.checkpoint, keys.receipts, open_receipt)
        entry = entries.decode(raw)
        if not proof.entry_index == entry.index == _index_of(path):
            raise BadProof(f"entry {entry.index} lies where another should, with a proof of {proof.entry_index}")
    except UnknownSigner as error:
        note(numbers.receipts, "receipt-unknown", proof_path, origin=origin, why=str(error))
        return None
    except ForeignBytesError as error:
        note(numbers.entries, "session-entry", path, origin=origin, why=str(error))
        return None
    return entry, receipt.time_s


def _check_receipts(held: Held, directory: str, keys: Keys, numbers: Numbers, note: Note, journal: Journal) -> None:
    before = 0
    for path in held.under(f"{directory}receipts/"):
        try:
            for raw in parse_entries(held.read(path, most=MAX_RECEIPTS_FILE)):
                checkpoint = open_checkpoint(raw, keys.agent)
                receipt, _ = open_by(raw, keys.receipts, open_receipt)
                if checkpoint.size <= before:
                    raise BadProof(f"the receipt of size {checkpoint.size} does not come after {before}")
                journal.receipts.append((before, checkpoint.size, receipt.time_s * 1000))
                before = checkpoint.size
        except UnknownSigner as error:
            note(numbers.receipts, "receipt-unknown", path, origin=keys.agent.name, why=str(error))
        except ForeignBytesError as error:
            note(numbers.receipts, "receipts-form", path, origin=keys.agent.name, why=str(error))


def _mark(journal: Journal, shown: ShownEntry, keys: Keys, numbers: Numbers, note: Note) -> None:
    entry, body, place = shown.entry, shown.entry.body, f"{shown.origin} entry {shown.entry.index}"
    if isinstance(body, ClockJump) and body.cause == "suspend":
        journal.fixes.setdefault(entry.boot, []).append(Fix(entry.index, entry.mono_ms, None))
    if not isinstance(body, Beacon):
        return
    try:
        verify_beacon(body, domain=keys.domain, receipt_keys=keys.receipts)
    except ForeignBytesError as error:
        note(numbers.beacons, "beacon-unknown", place, origin=shown.origin, why=str(error))
        return
    fix = Fix(entry.index, entry.mono_ms, body.time_s * 1000)
    journal.beacons.append((entry.boot, fix))
    journal.fixes.setdefault(entry.boot, []).append(fix)
    if body.time_s * 1000 > shown.receipt_s * 1000 + LIMIT_MS:
        note(numbers.time, "beacon-late", place, origin=shown.origin, by=str(body.time_s - shown.receipt_s))


def _blocks(shown: Sequence[Shown], channels: set[Channel], start_ms: int, end_ms: int) -> Iterator[Block]:
    for log in shown:
        for each in log.entries:
            body = each.entry.body
            if not isinstance(body, Reading) or body.events is not None:
                continue
            if Channel(each.agent_id, body.watcher, body.channel) not in channels:
                continue
            entry = corrected(each.entry, log.journal.fixes.get(each.entry.boot, ()))
            first_ms, last_ms = covered_ms(entry, body)
            if first_ms < end_ms and start_ms < last_ms:
                yield each.origin, entry, body


def _index_of(path: str) -> int:
    return int(path.rpartition("/")[2].partition(".")[0])
