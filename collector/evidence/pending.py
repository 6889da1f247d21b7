"""What is not in the collector's log yet, as leaves: facts, statements of the registry, closed records.

What was recorded lately is looked at again and again and compared with the log, because a transaction may commit later
than one with a higher number. What is older than SETTLED_AFTER is left to a cursor: no transaction of ours takes so
long. Portions are bounded, so that a log which begins over years of facts catches up step by step.
"""

from collections.abc import Callable, Iterable, Iterator
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


class Source(NamedTuple):
    """A table of what is logged by its hash: its name, which is that of its cursor and refs, its leaf, its queries."""

    name: str
    leaf: Callable[[str], log_leaf.Leaf]
    list_fresh: bytes
    find_settled: bytes


SOURCES = (Source("fact", lambda sha256: log_leaf.Fact(sha256=sha256), _SQL.list_facts, _SQL.find_settled_fact),)


class Portion(NamedTuple):
    """Leaves in an order in which they can stand; `has_more`: others wait behind them."""

    leaves: list[Pending]
    has_more: bool


def list_pending(connection: Connection, *, now: datetime, most: int = PORTION) -> Portion:
    """At most `most` leaves or records of each source; moves the cursors. In a transaction."""
    before = now - SETTLED_AFTER
    portions = [
        *(_hashed(connection, source, before=before, most=most) for source in SOURCES),
        _registered(connection, before=before, most=most),
        _closed(connection, before=before, most=most),
        Portion(list(_findings(connection)), has_more=False),
    ]
    return Portion([leaf for each in portions for leaf in each.leaves], any(each.has_more for each in portions))


def group_closed(rows: Iterable[_Row]) -> Iterator[tuple[log_leaf.Closed, tuple[log_leaf.ClosedRecord, ...]]]:
    """A leaf for each day and unit of rows that are sorted by them."""
    for (day, unit), group in groupby(rows, key=lambda row: row[:2]):
        records = tuple(sorted((record for _, _, record in group), key=lambda each: (each.asset, each.revision)))
        root = merkle.root(merkle.leaf_hash(log_leaf.closed_leaf(record)) for record in records)
        yield log_leaf.Closed(day=day.isoformat(), unit=unit, records=len(records), root=root.hex()), records


def _hashed(connection: Connection, source: Source, *, before: datetime, most: int) -> Portion:
    key = _load_cursor(connection, source.name)
    rows = connection.execute(source.list_fresh, {"key": key, "limit": most}).fetchall()
    leaves = [Pending(source.leaf(sha256), f"{source.name}:{sha256}") for _, _, sha256 in rows]
    if len(rows) == most:
        # Those behind them are not in the log yet, those before them are, or come now.
        if rows[0][1] < before:
            _move_cursor(connection, source.name, rows[0][0] - 1)
        return Portion(leaves, has_more=True)
    settled = connection.execute(source.find_settled, {"key": key, "before": before}).fetchone()
    if settled is not None and settled[0] is not None:
        _move_cursor(connection, source.name, settled[0])
    return Portion(leaves, has_more=False)


def _registered(connection: Connection, *, before: datetime, most: int) -> Portion:
    keys = {kind: _load_cursor(connection, kind) for kind in _KINDS}
    said = list(list_registered(connection, None, keys=keys))
    named = {f"registered:{registered.identity(each.raw)}": each for each in said}
    held = {ref for (ref,) in connection.execute(_SQL.find_refs, {"refs": list(named)})}
    fresh = [ref for ref in named if ref not in held]
    if len(fresh) <= most:
        for kind, settled in _settled(said, before):
            _move_cursor(connection, kind, settled)
    leaves = [Pending(log_leaf.Registered(sha256=ref.partition(":")[2]), ref) for ref in fresh[:most]]
    return Portion(leaves, has_more=len(fresh) > most)


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


def _closed(connection: Connection, *, before: datetime, most: int) -> Portion:
    since = datetime.fromtimestamp(_load_cursor(connection, "closed") / 1_000_000, UTC)
    rows = connection.execute(_SQL.list_closed, {"since": since, "limit": most}).fetchall()
    found = [
        (day, unit, log_leaf.ClosedRecord(asset_no, day.isoformat(), revision, sha256, grades))
        for day, unit, asset_no, revision, sha256, grades, _ in rows
    ]
    leaves = []
    for leaf, records in group_closed(found):
        prefix = f"closed:{leaf.day}:{leaf.unit}:"
        count = connection.execute(_SQL.count_closed_leaves, {"prefix": prefix}).fetchone()
        assert count is not None
        leaves.append(Pending(leaf, f"{prefix}{count[0] + 1}", records))
    # Where the portion is full, what is older than all of it is in the log; else everything that is old enough.
    has_more = len(rows) == most
    settled = min([before, *(row[-1] for row in rows if has_more)])
    _move_cursor(connection, "closed", int(settled.timestamp() * 1_000_000) - 1)
    return Portion(leaves, has_more)


def _load_cursor(connection: Connection, source: str) -> int:
    row = connection.execute(_SQL.load_cursor, {"source": source}).fetchone()
    return 0 if row is None else int(row[0])


def _move_cursor(connection: Connection, source: str, key: int) -> None:
    connection.execute(_SQL.move_cursor, {"source": source, "key": key})
