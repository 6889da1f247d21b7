"""Entries that are neither readings nor declarations, out of the agents' logs: one row each.

Ingest stores them in the transaction that stores the entries, `rebuild-readings` once more from the stored bytes. A
beacon counts only where our own receipt key signed it: that is looked at here, once, and kept as its time. One that
names a tree of our own log which we do not have is written down for the sequencer (evidence/sequencer.py).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from collector.store.database import Connection
from collector.store.queries import load
from protocol.beacon import verify_beacon
from protocol.brackets import recovered_by
from protocol.days_decided import days_decided
from protocol.entry import Beacon, Declaration, Entry, Reading
from protocol.errors import ForeignBytesError
from protocol.keys import VerifierKey
from protocol.note import Checkpoint

_SQL = load("landmarks")
_INGEST = load("ingest")


class Marked(NamedTuple):
    """An entry at its place, with its exact bytes; `domain` is that of its log's origin."""

    journal_id: int
    origin: str
    entry: Entry
    raw: bytes

    @property
    def domain(self) -> str:
        return self.origin.partition("/")[0]


def is_landmark(entry: Entry) -> bool:
    """Whether an entry has a row of its own here."""
    return not isinstance(entry.body, Reading | Declaration)


def store_landmarks(
    connection: Connection, marked: Sequence[Marked], receipt_key: VerifierKey
) -> list[tuple[tuple[int, str], int]]:
    """Add the rows of these entries, in the caller's transaction; again is harmless.

    Returns of each beacon that we signed its journal and boot, and UTC minus the monotonic clock in ms.
    """
    if not marked:
        return []
    signed = {each: _checkpoint_of(each, receipt_key) for each in marked}
    rows = [_row(each, checkpoint) for each, checkpoint in signed.items()]
    connection.execute(_SQL.insert_landmarks, {name: [row[name] for row in rows] for name in rows[0]})
    fixes = []
    for each, checkpoint in signed.items():
        if checkpoint is not None and isinstance(each.entry.body, Beacon):
            _compare(connection, each, checkpoint)
            offset_ms = each.entry.body.time_s * 1000 - each.entry.mono_ms
            fixes.append(((each.journal_id, each.entry.boot), offset_ms))
        elif named := recovered_by(each.entry):
            _touch_recovered(connection, each, sorted(named))
    return fixes


def _touch_recovered(connection: Connection, marked: Marked, indexes: list[int]) -> None:
    """A `start` names readings as recovered, which may have come with a batch before: their grades change."""
    values = {"journal_id": marked.journal_id, "indexes": indexes}
    rows = connection.execute(_SQL.list_readings_at, values).fetchall()
    touches = sorted({(*channel, day) for *channel, start_ms, end_ms in rows for day in days_decided(start_ms, end_ms)})
    if touches:
        agents, watchers, channels, days = map(list, zip(*touches, strict=True))
        columns = {"agents": agents, "watchers": watchers, "channels": channels, "days": days, "reason": "recovered"}
        connection.execute(_INGEST.touch_days, columns)


def _checkpoint_of(marked: Marked, receipt_key: VerifierKey) -> Checkpoint | None:
    """The checkpoint of a beacon that we signed."""
    body = marked.entry.body
    if not isinstance(body, Beacon):
        return None
    try:
        return verify_beacon(body, domain=marked.domain, receipt_keys=(receipt_key,))
    except ForeignBytesError:
        return None


def _compare(connection: Connection, marked: Marked, checkpoint: Checkpoint) -> None:
    """A tree larger than ours, or another one of our size, was never signed by this database."""
    body = marked.entry.body
    assert isinstance(body, Beacon)
    values = {
        "log": body.log,
        "size": checkpoint.size,
        "root": checkpoint.root,
        "origin": marked.origin,
        "entry_index": marked.entry.index,
    }
    connection.execute(_SQL.note_unknown_tree, values)


def _row(marked: Marked, checkpoint: Checkpoint | None) -> dict[str, Any]:
    entry = marked.entry
    return {
        "journal_ids": marked.journal_id,
        "entry_indexes": entry.index,
        "kinds": entry.kind,
        "boots": entry.boot,
        "mono_mss": entry.mono_ms,
        "wall_mss": entry.wall_ms,
        "bodies": marked.raw,
        "beacon_ss": entry.body.time_s if checkpoint is not None and isinstance(entry.body, Beacon) else None,
    }
