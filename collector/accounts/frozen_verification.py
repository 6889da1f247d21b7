"""A frozen period held against its root, its figures, and what its evidence gave: whatever came later plays no part.

1 the leaves that are stored, records by the hash of their bytes, lead to the root of the manifest
2 the figures are the sums of the records
3 each record is what its evidence and facts give as they were known then (recompute.py, under the period's cut)
"""

import hashlib
from collections.abc import Iterator
from datetime import date

import msgspec
from psycopg import IsolationLevel

from collector.accounts.freezing import Frozen, find_frozen
from collector.accounts.recompute import Held, chain, load_held
from collector.accounts.verification import Difference, Tell, Verification, difference
from collector.store.database import Connection, connect
from collector.store.queries import load
from protocol import frozen, hours
from protocol.frozen import Figure, Tree
from protocol.hours import HourRecord
from protocol.interval import DAY_S

_SQL = load("freezing")
_ROWS_AT_ONCE = 500
Sums = dict[tuple[str, str], dict[str, int]]


def verify_frozen(dsn: str, name: str, *, tell: Tell = lambda _done, _of: None) -> Verification:
    """Verifies the frozen period of that name. FreezingError where there is none."""
    with connect(dsn, application="verify") as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            held = find_frozen(connection, name)
            found = Verification(0, [], list(_sealed(connection, held)))
            assets = _list_instruments(connection, held)
            for done, asset_no in enumerate(assets):
                tell(done, len(assets))
                equal = _compare(connection, held, asset_no, found=found)
                found = found._replace(equal=found.equal + equal)
            return found


def _sealed(connection: Connection, held: Frozen) -> Iterator[Difference]:
    """Steps 1 and 2, for the period as a whole."""
    tree, stated, summed = Tree(), Sums(), Sums()
    values = {"frozen_id": held.frozen_id, "asset_no": None}
    for kind, body in connection.execute(_SQL.list_frozen_leaves, values, binary=True):
        tree.add(kind, [body])
        if kind == Figure.kind:
            figure = msgspec.json.decode(body, type=Figure)
            stated[figure.asset, figure.owner] = figure.sums
    for asset_no, day, body in _records(connection, held, None):
        leaf = frozen.Record(asset_no, day.isoformat(), hashlib.sha256(body).hexdigest())
        tree.add(leaf.kind, [frozen.encode_leaf(leaf)])
        record = hours.decode(body)
        _add(summed.setdefault((asset_no, record.owner), {}), record)
    if (tree.root, tree.counts) != (held.manifest.root, held.manifest.leaves):
        yield _of_all(held, f"the leaves lead to the root {tree.root}, and {held.manifest.root} was frozen")
    for key in sorted({*stated, *summed}):
        sums = {name: seconds for name, seconds in stated.get(key, {}).items() if name != "network" and seconds}
        if sums != {name: seconds for name, seconds in summed.get(key, {}).items() if seconds}:
            yield _of_all(held, f"the figures of {key[0]} under {key[1] or 'nobody'} are not the sums of its records")


def _of_all(held: Frozen, what: str) -> Difference:
    return Difference(held.manifest.name, held.period.first_day, what)


def _add(sums: dict[str, int], record: HourRecord) -> None:
    seconds = {name: getattr(record, name) for name in record.__struct_fields__ if name.endswith("_s")}
    for name, each in {"days": 1, "until_s": record.until, **seconds}.items():
        sums[name] = sums.get(name, 0) + each


def _compare(connection: Connection, held: Frozen, asset_no: str, *, found: Verification) -> int:
    """Step 3 for one instrument; returns how many days are equal."""
    # Of days outside the period only that they had a record matters here; of those inside, what was frozen.
    days = load_held(connection, asset_no)
    inside = {day: hashlib.sha256(body).digest() for _, day, body in _records(connection, held, asset_no)}
    days = {day: each for day, each in days.items() if not held.period.first_day <= day <= held.period.last_day}
    days |= {day: Held(has_record=True, until_s=DAY_S) for day in inside}
    equal = 0
    for day, record, _ in chain(connection, asset_no, held=days, last_day=held.period.last_day, cut=held.cut):
        if day not in inside:
            continue
        if isinstance(record, HourRecord) and hashlib.sha256(hours.encode(record)).digest() == inside[day]:
            equal += 1
            continue
        [(_, _, body)] = _records(connection, held, asset_no, day)
        what = difference(body, record) or "no record can be derived from what was known then"
        found.differences.append(Difference(asset_no, day, what))
    return equal


def _list_instruments(connection: Connection, held: Frozen) -> list[str]:
    rows = connection.execute(_SQL.list_frozen_instruments, {"frozen_id": held.frozen_id})
    return [asset_no for (asset_no,) in rows]


def _records(
    connection: Connection, held: Frozen, asset_no: str | None, day: date | None = None
) -> Iterator[tuple[str, date, bytes]]:
    values = {"frozen_id": held.frozen_id, "asset_no": asset_no, "day": day}
    with connection.cursor(name="frozen", binary=True) as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(_SQL.list_frozen_records, values)
        for asset, on_day, body in cursor:
            yield asset, on_day, bytes(body)
