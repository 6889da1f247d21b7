"""Writes the evidence of one session without the rest: a bundle of selective scope (docs/bundle.md).

It discloses the readings that touch the session, each with the proof that its log holds it and the first receipt over
it; the beacons from the one before them to the one behind; what the registry says of instrument, channels, keys and
policies. Nothing else of the day: no other reading, no record, no fact that anybody said.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec
from psycopg import IsolationLevel

from collector.accounts.blocks import bounded, read_blocks
from collector.accounts.history import load_history
from collector.errors import BundleError
from collector.evidence.bundle import Keys, Summary, Wanted, check_ready, keys_text, manifest, write_facts
from collector.evidence.bundle_files import MANIFEST, Sink
from collector.evidence.bundle_journals import size_of
from collector.evidence.bundle_proofs import Proofs
from collector.evidence.bundle_texts import README_EN, README_ZH
from collector.ingest.held import open_bundle
from collector.store.database import Connection, connect
from collector.store.queries import load
from protocol import hours
from protocol.bindings import stretches
from protocol.interval import DAY_S, Interval, day_bounds_ms, local_day
from protocol.merkle import leaf_hash
from protocol.session_shown import run_s
from protocol.tiles import WIDTH, Builder, Tiles, pack_entries
from protocol.tlog_proof import TlogProof, encode
from protocol.topics import parse_origin
from protocol.witness import Block

_AT_ONCE = 50
_SQL = load("bundles")


class WantedSession(NamedTuple):
    """The session of an instrument that holds a second of a local day."""

    asset_no: str
    day: date
    second: int

    @property
    def whole(self) -> Wanted:
        return Wanted(self.asset_no, self.day, self.day)


class _Shown(NamedTuple):
    """An entry with the first receipt over it."""

    entry_index: int
    raw: bytes
    receipt: bytes


def write_session(dsn: str, wanted: WantedSession, keys: Keys, *, directory: Path, now_ms: int) -> Summary:
    """Fill an empty directory. BundleError where there is no such session, ReadingsDropped."""
    with connect(dsn, application="bundle") as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            check_ready(connection, wanted.whole, today=local_day(now_ms))
            return _write(connection, wanted, keys, Sink(directory), now_ms)


def _write(connection: Connection, wanted: WantedSession, keys: Keys, sink: Sink, now_ms: int) -> Summary:
    session = _find_session(connection, wanted)
    midnight_ms = day_bounds_ms(wanted.day)[0]
    start_ms, end_ms = (midnight_ms + second * 1000 for second in session)
    blocks = _blocks(connection, wanted.asset_no, start_ms, end_ms)
    policy = load_history(connection, wanted.asset_no).policy_on(wanted.day)
    assert policy is not None, "a day with a record has a policy"
    proofs = Proofs(connection, keys.log_directory)
    shown, vkeys = 0, []
    for origin in sorted({block[0] for block in blocks}):
        indexes = {block[1].index for block in blocks if block[0] == origin}
        journal_id, vkey = _find_journal(connection, origin)
        indexes |= _fixes_around(connection, journal_id, min(indexes), max(indexes))
        shown += _write_log(connection, journal_id, origin, indexes, sink)
        vkeys.append(vkey)
    members = {
        "asset": wanted.asset_no,
        "day": wanted.day.isoformat(),
        "start_s": session[0],
        "end_s": session[1],
        "run_s": run_s(blocks, policy, start_ms=start_ms, end_ms=end_ms),
    }
    sink.add("session.json", msgspec.json.encode(members) + b"\n")
    write_facts(connection, wanted.whole, [], sink=sink, proofs=proofs, with_facts=False)
    proofs.write_logs((), sink)
    sink.add("keys/policy.txt", keys_text(keys, proofs, vkeys))
    sink.add("README.zh.txt", README_ZH.encode())
    sink.add("README.en.txt", README_EN.encode())
    sink.add(MANIFEST, manifest(wanted.whole, keys, sink, scope="selective", now_ms=now_ms))
    return Summary(shown, 0, proofs.unproved)


def _find_session(connection: Connection, wanted: WantedSession) -> Interval:
    values = {"asset_no": wanted.asset_no, "first_day": wanted.day, "last_day": wanted.day}
    row = connection.execute(_SQL.list_records, values, binary=True).fetchone()
    sessions = [] if row is None else hours.sessions(hours.decode(bytes(row[1])))
    for start_s, end_s in sessions:
        if start_s <= wanted.second < end_s:
            return start_s, end_s
    known = ", ".join(f"{_clock(start_s)} to {_clock(end_s)}" for start_s, end_s in sessions[:20]) or "none"
    raise BundleError(
        f"{wanted.asset_no} had no session at {_clock(wanted.second)} on {wanted.day}; sessions of that day: {known}"
    )


def _blocks(connection: Connection, asset_no: str, start_ms: int, end_ms: int) -> list[Block]:
    facts = load_history(connection, asset_no).measurements
    found: list[Block] = []
    for stretch in stretches(facts, asset_no, start_ms=start_ms, end_ms=end_ms):
        found += bounded(read_blocks(connection, stretch))
    return found


def _find_journal(connection: Connection, origin: str) -> tuple[int, str]:
    row = connection.execute(_SQL.find_journal, {"origin": origin}).fetchone()
    assert row is not None, "readings name their log"
    return row[0], row[1]


def _fixes_around(connection: Connection, journal_id: int, low: int, high: int) -> set[int]:
    """The beacons and sleeps among these entries, with the one before and the one behind them."""
    values = {"journal_id": journal_id, "low": low, "high": high}
    return {index for (index,) in connection.execute(_SQL.list_fixes_around, values)}


def _write_log(connection: Connection, journal_id: int, origin: str, indexes: set[int], sink: Sink) -> int:
    """Entries of one log with their proofs and receipts; returns how many."""
    _, agent_id, epoch = parse_origin(origin)
    directory = f"agents/{agent_id}/{epoch}/"
    held: dict[str, bytes] = {}
    builder = Builder()
    found: list[_Shown] = []
    for first, raws, receipt in _batches(connection, journal_id, max(indexes)):
        for index, raw in enumerate(raws, first):
            held |= {tile.path: hashes for tile, hashes in builder.add(leaf_hash(raw))}
            if index in indexes:
                found.append(_Shown(index, raw, receipt))
    held |= {tile.path: hashes for tile, hashes in builder.partial()}
    tree = Tiles(held.get, builder.size)
    receipts: list[bytes] = []
    for shown in found:
        path = tree.inclusion_proof(shown.entry_index, size=size_of(shown.receipt))
        proof = encode(TlogProof(shown.entry_index, path, shown.receipt))
        sink.add(f"{directory}proofs/{shown.entry_index}.tlog-proof", proof)
        sink.add(f"{directory}entries/{shown.entry_index}.json", shown.raw)
        if receipts[-1:] != [shown.receipt]:
            receipts.append(shown.receipt)
    for number in range(0, len(receipts), WIDTH):
        sink.add(f"{directory}receipts/{number // WIDTH:03d}", pack_entries(receipts[number : number + WIDTH]))
    return len(found)


def _batches(connection: Connection, journal_id: int, last: int) -> Iterator[tuple[int, tuple[bytes, ...], bytes]]:
    """The batches of a log up to the end of the receipt over an entry."""
    values = {"journal_id": journal_id, "entry_index": last}
    row = connection.execute(_SQL.find_receipt_over, values, binary=True).fetchone()
    assert row is not None, "what was decoded is stored"
    with connection.cursor(name="session", binary=True) as cursor:
        cursor.itersize = _AT_ONCE
        end = {"journal_id": journal_id, "end": size_of(bytes(row[0]))}
        for first, stored, receipt, _ in cursor.execute(_SQL.list_batches, end):
            yield first, open_bundle(bytes(stored)), bytes(receipt)


def _clock(second: int) -> str:
    return f"{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}" if second < DAY_S else "24:00:00"
