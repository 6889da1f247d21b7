"""What was said at instruments, out of the entries: one row each, and the days that it may change.

Ingest does it in the transaction that stores the entries, `rebuild-readings` once more from the stored bytes. A row is
derived and holds nothing that the entry does not say; an entry of another shape has none.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from collector.store.database import DIRTY_DAY_CHANNEL, Connection
from collector.store.queries import load
from protocol.entry import Declaration, Entry

_SQL = load("said")
_INGEST = load("ingest")


class Declared(NamedTuple):
    """A declaration at its place."""

    journal_id: int
    entry: Entry


def store_declarations(connection: Connection, declared: Sequence[Declared]) -> None:
    """Adds the rows of these declarations and marks their days, in the caller's transaction; again is harmless."""
    if not declared:
        return
    columns = _columns(declared)
    connection.execute(_SQL.insert_declarations, columns)
    if connection.execute(_SQL.touch_declared_days, columns).rowcount:
        connection.execute(_INGEST.notify, {"channel": DIRTY_DAY_CHANNEL})


def _columns(declared: Sequence[Declared]) -> dict[str, list[Any]]:
    rows = [_row(each) for each in declared]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _row(declared: Declared) -> dict[str, Any]:
    said = declared.entry.body
    assert isinstance(said, Declaration), "only declarations are gathered"
    return {
        "journal_ids": declared.journal_id,
        "entry_indexes": declared.entry.index,
        "asset_nos": said.asset,
        "operators": said.operator,
        "actions": said.action,
        "hows": said.how,
        "purposes": said.purpose,
        "order_nos": said.order,
        "wall_mss": declared.entry.wall_ms,
        "until_mss": said.until_ms,
        "boots": declared.entry.boot,
        "mono_mss": declared.entry.mono_ms,
    }
