"""What is not in the collector's log yet, as leaves: facts, statements of the registry, closed records.

What was recorded lately is looked at again and again and compared with the log, because a transaction may commit later
than one with a higher number. What is older than SETTLED_AFTER is left to a cursor: no transaction of ours takes so
long. Portions are bounded, so that a log which begins over years of facts catches up step by step.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from collector.evidence.registered import Said, list_registered
from collector.store.database import Connection
from collector.store.queries import load
from protocol import log_leaf, merkle, registered

SETTLED_AFTER = timedelta(hours=1)
PORTION = 5_000
_SQL = load("log")
_ONSITE = load("onsite")
_Row = tuple[date, str, log_leaf.ClosedRecord]
_KINDS = tuple(kind for kind in registered.KINDS if kind != "unit")


class Pending(NamedTuple):
    """A leaf that is to be appended, and what it commits to; `records` of a closed leaf, in the order of its tree."""

    leaf: log_leaf.Leaf
    ref: str | None
    records: tuple[log_leaf.ClosedRecord, ...] = ()


def list_pending(connection: Connection, *, now: datetime) -> list[Pending]:
    """At most some thousands of leaves, in an order in which they can stand; moves the cursors. In a transaction."""
    return [
        *_facts(connection, before=now - SETTLED_AFTER),
        *_registered(connection, before=now - SETTLED_AFTER),
        *_findings(connection),
        *_closed(connection, before=now - SETTLED_AFTER),
    ]


def group_closed(rows: Iterable[_Row]) -> Iterator[tuple[log_leaf.Closed, tuple[log_leaf.ClosedRecord, ...]]]:
    """A leaf for each day and unit of rows that are sorted by them."""
    for (day, unit), group in groupby(rows, key=lambda row: row[:2]):
        records = tuple(sorted((record for _, _, record in group), key=lambda each: (each.asset, each.revision)))
        root = merkle.root(merkle.leaf_hash(log_leaf.closed_leaf(record)) for record in records)
        yield log_leaf.Closed(day=day.isoformat(), unit=unit, records=len(records), root=root.hex()), records


def _facts(connection: Connection, *, before: datetime) -> Iterator[Pending]:
    key = _load_cursor(connection, "fact")
    rows = connection.execute(_SQL.list_facts, {"key": key, "limit": PORTION}).fetchall()
    for _, _, sha256 in rows:
        yield Pending(log_leaf.Fact(sha256=sha256), f"fact:{sha256}")
    if len(rows) == PORTION:
        return  # those behind them are not in the log yet
    settled = connection.execute(_SQL.find_settled_fact, {"key": key, "before": before}).fetchone()
    if settled is not None and settled[0] is not None:
        _move_cursor(connection, "fact", settled[0])


def _registered(connection: Connection, *, before: datetime) -> Iterator[Pending]:
    keys = {kind: _load_cursor(connection, kind) for kind in _KINDS}
    said = list(list_registered(connection, None, keys=keys))
    named = {f"registered:{registered.identity(each.raw)}": each for each in said}
    held = {ref for (ref,) in connection.execute(_SQL.find_refs, {"refs": list(named)})}
    fresh = [ref for ref in named if ref not in held]
    for ref in fresh[:PORTION]:
        yield Pending(log_leaf.Registered(sha256=ref.partition(":")[2]), ref)
    if len(fresh) <= PORTION:
        for kind, settled in _settled(said, before):
            _move_cursor(connection, kind, settled)


def _findings(connection: Connection) -> Iterator[Pending]:
    """Findings of on-site checks; so few that all are looked at each time."""
    for (sha256,) in connection.execute(_ONSITE.list_unlogged, {"limit": PORTION}).fetchall():
        yield Pending(log_leaf.Finding(sha256=sha256), f"finding:{sha256}")


def _settled(said: Iterable[Said], before: datetime) -> Iterator[tuple[str, int]]:
    """The last key of each kind that is old enough."""
    found: dict[str, int] = {}
    for each in said:
        if each.at is not None and each.at < before:
            found[each.kind] = max(found.get(each.kind, 0), each.key)
    yield from found.items()


def _closed(connection: Connection, *, before: datetime) -> Iterator[Pending]:
    since = datetime.fromtimestamp(_load_cursor(connection, "closed") / 1_000_000, UTC)
    rows = connection.execute(_SQL.list_closed, {"since": since, "limit": PORTION}).fetchall()
    found = [
        (day, unit, log_leaf.ClosedRecord(asset_no, day.isoformat(), revision, sha256, grades))
        for day, unit, asset_no, revision, sha256, grades in ((*row, "") for row in rows)
    ]
    for leaf, records in group_closed(found):
        prefix = f"closed:{leaf.day}:{leaf.unit}:"
        count = connection.execute(_SQL.count_closed_leaves, {"prefix": f"{prefix}%"}).fetchone()
        assert count is not None
        yield Pending(leaf, f"{prefix}{count[0] + 1}", records)
    if len(rows) < PORTION:
        _move_cursor(connection, "closed", int(before.timestamp() * 1_000_000))


def _load_cursor(connection: Connection, source: str) -> int:
    row = connection.execute(_SQL.load_cursor, {"source": source}).fetchone()
    return 0 if row is None else int(row[0])


def _move_cursor(connection: Connection, source: str, key: int) -> None:
    connection.execute(_SQL.move_cursor, {"source": source, "key": key})
