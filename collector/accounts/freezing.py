"""Freezing: fixes the records, figures and facts of a range of days at one instant, under one hash.

A frozen period is inserted in one transaction on one snapshot, and nothing of it is ever changed: its records are
revisions that the database refuses to alter, everything else is kept as the leaves of protocol/frozen.py. Whatever
comes later (late data, corrections, a policy, an owner) makes further revisions; those are the period's *amendments*,
listed beside it and in none of its figures.

A period can be frozen when it is over and every day of it is closed and waits for nothing.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import NamedTuple

from psycopg import IsolationLevel

from collector.accounts.history import Cut
from collector.clock import day_of
from collector.errors import FreezingError, PeriodFrozen
from collector.registry.audit import Actor, record_change
from collector.registry.units import check_unit
from collector.store.database import Connection
from collector.store.queries import load
from protocol import frozen
from protocol.frozen import Leaf, Manifest, Tree

_SQL = load("freezing")
_ROWS_AT_ONCE = 2000
MAX_NAMED = 20
"""How many days a refusal names."""


class Period(NamedTuple):
    """What is to be frozen: local days, both included; `unit` None: every unit."""

    name: str
    first_day: date
    last_day: date
    unit: str | None = None

    @property
    def values(self) -> dict[str, object]:
        return {"first_day": self.first_day, "last_day": self.last_day, "unit": self.unit}


class Frozen(NamedTuple):
    """A frozen period as it is stored; `sha256` is the identity of its manifest."""

    frozen_id: int
    manifest: Manifest
    sha256: str
    cut: Cut

    @property
    def period(self) -> Period:
        first, last = (date.fromisoformat(day) for day in (self.manifest.first_day, self.manifest.last_day))
        return Period(self.manifest.name, first, last, self.manifest.unit or None)


@contextmanager
def one_snapshot(connection: Connection) -> Iterator[None]:
    """A transaction that sees one instant, and in which nobody else records dated facts; for `freeze`."""
    before = connection.isolation_level
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with connection.transaction():
            connection.execute(_SQL.hold_facts)  # before the snapshot, which the first query takes
            yield
    finally:
        connection.isolation_level = before


def freeze(connection: Connection, period: Period, *, by: str, now: datetime) -> Frozen:
    """Freezes a period inside `one_snapshot`. Raises FreezingError, UnknownName; then nothing was frozen."""
    if period.unit is not None:
        check_unit(connection, period.unit)
    if list_frozen(connection, period.name):
        raise FreezingError(f"{period.name!a} is frozen already, and what is frozen never changes: choose another name")
    if period.last_day >= day_of(now):
        raise FreezingError(f"{period.last_day} is not over yet: freeze up to a day that is")
    _check_closed(connection, period)
    ownership, measurement, policy, description, fact = _one_row(connection, _SQL.load_cut)
    cut = Cut(ownership, measurement, policy, description, fact)
    tree, leaves = Tree(), list(_leaves(connection, period))
    for kind in frozen.KINDS:
        tree.add(kind, (frozen.encode_leaf(leaf) for leaf in leaves if leaf.kind == kind))
    tree.add("record", _record_leaves(connection, period))
    manifest = _manifest(period, tree, by=by, now=now)
    raw = frozen.encode(manifest)
    made = Frozen(_insert(connection, period, raw=raw, cut=cut, by=by, now=now), manifest, frozen.identity(raw), cut)
    _insert_leaves(connection, made.frozen_id, leaves)
    return made


def freeze_and_record(connection: Connection, period: Period, *, actor: Actor, now: datetime) -> Frozen:
    """The same, with its line in the audit trail."""
    made = freeze(connection, period, by=actor.name, now=now)
    stated = {"sha256": made.sha256, "first_day": made.manifest.first_day, "last_day": made.manifest.last_day}
    record_change(connection, actor, "period.freeze", target=period.name, new={**stated, **made.manifest.leaves})
    return made


def list_frozen(connection: Connection, name: str | None = None) -> list[Frozen]:
    """The frozen periods, the latest first; of that name, where one is given."""
    rows = connection.execute(_SQL.list_frozen, {"name": name}, binary=True).fetchall()
    return [Frozen(row[0], frozen.decode(row[1]), row[2], Cut(*row[3:])) for row in rows]


def find_frozen(connection: Connection, name: str) -> Frozen:
    """The period of that name, with the sizes of its journals; FreezingError where there is none."""
    found = list_frozen(connection, name)
    if not found:
        names = ", ".join(each.manifest.name for each in list_frozen(connection)) or "none"
        raise FreezingError(f"nothing is frozen under the name {name[:40]!a}; there are: {names}")
    [held] = found
    sizes: dict[int, int] = dict(connection.execute(_SQL.list_frozen_sizes, {"frozen_id": held.frozen_id}).fetchall())
    return held._replace(cut=held.cut._replace(sizes=sizes))


def check_not_frozen(connection: Connection, asset_no: str | None, *, from_day: date, amends: bool = False) -> None:
    """Raises PeriodFrozen where what begins on `from_day` reaches into a frozen period and does not say so.

    `asset_no` None: for every instrument. With `amends` it may: frozen figures stay, and it shows as an amendment.
    """
    values = {"asset_no": asset_no, "from_day": from_day}
    rows = connection.execute(_SQL.list_frozen_after, values).fetchall()
    if rows and not amends:
        named = ", ".join(f"{name} ({first} to {last})" for name, first, last in rows)
        raise PeriodFrozen(
            f"what begins on {from_day} reaches into what is frozen: {named}. Begin it after the last of these days, "
            "or say that it amends them: the frozen figures stay as they are, and the difference is listed beside them"
        )


def _check_closed(connection: Connection, period: Period) -> None:
    open_days = connection.execute(_SQL.list_unclosed, {**period.values, "limit": MAX_NAMED + 1}).fetchall()
    if not open_days:
        return
    named = "".join(f"\n  {asset_no} {day}: {what}" for asset_no, day, what in open_days[:MAX_NAMED])
    more = "\n  and more" if len(open_days) > MAX_NAMED else ""
    raise FreezingError(
        f"{period.first_day} to {period.last_day} cannot be frozen: these days are not closed or wait for something; "
        f"let `jishi-collector account` run until they are, and remove what holds them up:{named}{more}"
    )


def _leaves(connection: Connection, period: Period) -> Iterator[Leaf]:
    """Everything but records, in the order of the tree."""

    def rows(query: bytes) -> Iterable[tuple[object, ...]]:
        return connection.execute(query, period.values).fetchall()

    yield from _figures(connection, period)
    yield from (frozen.KnownFact(str(sha256)) for (sha256,) in rows(_SQL.list_known_facts))
    yield from _described(connection, period)
    for _, origin, size in rows(_SQL.list_known_journals):
        yield frozen.Known(str(origin), int(str(size)))
    for asset_no, uscc, begins, ends in rows(_SQL.list_owners):
        yield frozen.Owner(str(asset_no), str(uscc), str(begins), str(ends))
    for asset_no, model, from_day, sha256 in rows(_SQL.list_in_force):
        yield frozen.InForce(str(asset_no), str(model), str(from_day), str(sha256))


def _figures(connection: Connection, period: Period) -> Iterator[Leaf]:
    cursor = connection.execute(_SQL.list_figures, period.values)
    names = [column.name for column in cursor.description or ()][2:]
    for asset_no, owner, *sums in cursor:
        yield frozen.Figure(asset_no, owner, {name: int(each or 0) for name, each in zip(names, sums, strict=True)})


def _described(connection: Connection, period: Period) -> Iterator[Leaf]:
    cursor = connection.execute(_SQL.list_described, period.values)
    names = [column.name for column in cursor.description or ()][1:]
    for asset_no, *members in cursor:
        said = zip(names, members, strict=True)
        yield frozen.Described(asset_no, {name: _plain(each) for name, each in said if each not in (None, "")})


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _record_leaves(connection: Connection, period: Period) -> Iterator[bytes]:
    with connection.cursor(name="closed") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(_SQL.list_closed, period.values)
        for asset_no, day, sha256 in cursor:
            yield frozen.encode_leaf(frozen.Record(asset_no, day.isoformat(), sha256))


def _manifest(period: Period, tree: Tree, *, by: str, now: datetime) -> Manifest:
    try:
        return Manifest(
            v=1,
            name=period.name,
            first_day=period.first_day.isoformat(),
            last_day=period.last_day.isoformat(),
            unit=period.unit or "",
            at=round(now.timestamp() * 1000),
            by=by,
            leaves=tree.counts,
            root=tree.root,
        )
    except ValueError as error:
        raise FreezingError(f"this cannot be frozen: {error}") from error


def _insert(connection: Connection, period: Period, *, raw: bytes, cut: Cut, by: str, now: datetime) -> int:
    known = {name: getattr(cut, name) for name in ("ownership", "measurement", "policy", "description", "fact")}
    values = {
        **period.values,
        **known,
        "name": period.name,
        "manifest": raw,
        "sha256": frozen.identity(raw),
        "by": by,
        "at": now.astimezone(UTC),
    }
    [frozen_id] = _one_row(connection, _SQL.insert_frozen, values)
    connection.execute(_SQL.insert_frozen_records, {**period.values, "frozen_id": frozen_id})
    connection.execute(_SQL.insert_frozen_journals, {"frozen_id": frozen_id})
    return frozen_id


def _insert_leaves(connection: Connection, frozen_id: int, leaves: Iterable[Leaf]) -> None:
    with connection.cursor().copy(_SQL.copy_frozen_leaves) as copy:
        copy.set_types(["int4", "int4", "text", "text", "bytea"])
        for place, leaf in enumerate(leaves):
            copy.write_row((frozen_id, place, leaf.kind, leaf.asset_no, frozen.encode_leaf(leaf)))


def _one_row(connection: Connection, query: bytes, values: dict[str, object] | None = None) -> tuple[int, ...]:
    row = connection.execute(query, values).fetchone()
    assert row is not None, "this query gives one row always"
    return row
