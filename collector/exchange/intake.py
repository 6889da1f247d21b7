"""Bookings, users, charges, details and effects are recorded: each row whole or refused, all in one transaction.

    what                     is known by           said again otherwise
    bookings                 source and key        another line: it was moved or cancelled; the newest holds
    users                    unit and user         another line
    order-details            unit and order        another line
    effects                  instrument and year   another line
    charges                  source and key        refused: money is told once, and refunded

The same again is nothing new. What lies outside the bringer's scope looks like what is not there. One line of the audit
trail tells of the whole file.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import psycopg

from collector.clock import utc
from collector.exchange.brought import Brought, draft
from collector.facts.importing import AT_ONCE, Taken, Taking
from collector.facts.mapping import SheetMapping
from collector.portions import portions
from collector.registry.audit import record_change
from collector.sheet_report import Refusal, Report
from collector.sheets import Row
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("brought")
_FACTS = load("facts")
_Name = tuple[str, str]
"""By what a row is known; the first member is the source, the unit or the instrument."""


class _Table(NamedTuple):
    """How one kind of rows is kept: the queries, what a row is known by, and whether it may be said otherwise later."""

    list_newest: bytes
    insert: bytes
    known_by: tuple[str, str]
    may_change: bool = True


_TABLES: dict[str, _Table] = {
    "bookings": _Table(_SQL.list_newest_bookings, _SQL.insert_booking, ("source", "key")),
    "users": _Table(_SQL.list_newest_users, _SQL.insert_user, ("unit", "user_hash")),
    "charges": _Table(_SQL.list_newest_charges, _SQL.insert_charge, ("source", "key"), may_change=False),
    "order-details": _Table(_SQL.list_newest_details, _SQL.insert_detail, ("unit", "order_no")),
    "effects": _Table(_SQL.list_newest_effects, _SQL.insert_effect, ("asset_no", "year")),
}
KINDS = tuple(_TABLES)


def take(
    connection: Connection, rows: Iterable[Row], mapping: SheetMapping, *, taking: Taking, report: Report
) -> Taken:
    """Records what is good and reports the rest; `report` is also the one that whoever reads the rows fills."""
    table, new = _TABLES[mapping.kind], 0
    with connection.transaction() as transaction:
        connection.execute(_FACTS.lock_source, {"source": f"brought/{mapping.kind}"})
        for some in portions(rows, AT_ONCE):
            good = [*_drafts(some, mapping, taking=taking, report=report)]
            owned = [*_owned(connection, good, taking=taking, report=report)]
            new += _record(connection, table, owned, taking=taking, report=report)
        is_applied = not taking.dry_run and not (taking.all_or_nothing and report.refused)
        if not is_applied:
            raise psycopg.Rollback(transaction)
        if new:
            told = {"source": taking.bringer.source, "kind": mapping.kind, "new": new, "rows": report.rows}
            record_change(connection, taking.actor, "exchange.take", target=taking.what, new=told)
    return Taken(report, is_applied)


def _drafts(rows: Sequence[Row], mapping: SheetMapping, *, taking: Taking, report: Report) -> Iterator[Brought]:
    for row in rows:
        made, refusals = draft(row, mapping, bringer=taking.bringer)
        for refusal in refusals:
            report.refuse(refusal)
        if not refusals:
            yield made


def _owned(connection: Connection, drafts: Sequence[Brought], *, taking: Taking, report: Report) -> Iterator[Brought]:
    """Those whose unit is known and in the bringer's scope; an instrument's is its owner on those days."""
    owners = _load_owners(connection, [each for each in drafts if "asset_no" in each.members])
    named = sorted({each.members["unit"] for each in drafts if "unit" in each.members})
    units = {row[0] for row in connection.execute(_FACTS.list_units, {"usccs": named})} if named else set()
    for each in drafts:
        if "asset_no" in each.members:
            owner, refusal = _owner(each, owners, taking=taking)
            each.members["unit"] = owner
        else:
            refusal = _refusal_of_unit(each, units, taking=taking)
        if refusal is None:
            yield each
        else:
            report.refuse(refusal)


def _load_owners(connection: Connection, drafts: Sequence[Brought]) -> dict[Any, tuple[str | None, bool]]:
    stays = sorted({each.stay for each in drafts})
    if not stays:
        return {}
    values = dict(zip(("asset_nos", "first_days", "last_days"), map(list, zip(*stays, strict=True)), strict=True))
    rows = connection.execute(_FACTS.list_owners, values)
    return {(asset_no, first, last): (owner, throughout) for asset_no, first, last, owner, throughout in rows}


def _owner(
    each: Brought, owners: Mapping[Any, tuple[str | None, bool]], *, taking: Taking
) -> tuple[str | None, Refusal | None]:
    asset_no, first_day, _ = each.stay
    scope = taking.scope
    owner, _ = owners.get(each.stay, (None, False))
    is_hidden = (scope.kind == "unit" and owner != scope.name) or (
        scope.kind == "instrument" and asset_no != scope.name
    )
    if each.stay not in owners or is_hidden:
        why = f"no instrument {asset_no!a} is registered"
        remedy = "correct the number, or register the instrument first"
        return None, each.row.refused("asset", why=why, remedy=remedy)
    if owner is None:
        why = f"nobody owns {asset_no} on {first_day}"
        return None, each.row.refused("asset", why=why, remedy="correct the time, or register the owner first")
    return owner, None


def _refusal_of_unit(each: Brought, units: set[str], *, taking: Taking) -> Refusal | None:
    unit, scope = each.members["unit"], taking.scope
    if unit in units and (scope.kind == "everything" or (scope.kind, scope.name) == ("unit", unit)):
        return None
    why = f"no unit {unit} is registered"
    return Refusal(each.row.number, "unit", unit, why, "correct the code, or register the unit first")


def _record(connection: Connection, table: _Table, drafts: Sequence[Brought], *, taking: Taking, report: Report) -> int:
    """Inserts those that say anything new; how many."""
    values = [_values(each, taking) for each in drafts]
    names = [_name(table, value) for value in values]
    asked = {"firsts": [first for first, _ in names], "seconds": [second for _, second in names]}
    rows = connection.execute(table.list_newest, asked, binary=True).fetchall() if names else []
    held = {(first, str(second)): bytes(content) for first, second, content in rows}
    inserted = []
    for each, name, value in zip(drafts, names, values, strict=True):
        is_new = held.get(name) != value["content"]
        if is_new and name in held and not table.may_change:
            report.refuse(
                each.row.refused(
                    "key", why=f"{name[0]} sent something else under this key before", remedy="leave it, and refund it"
                )
            )
            continue
        report.accept(is_new=is_new)
        held[name] = value["content"]
        if is_new:
            inserted.append(value)
    with connection.cursor() as cursor:
        cursor.executemany(table.insert, inserted)
    return len(inserted)


def _values(each: Brought, taking: Taking) -> dict[str, Any]:
    said = json.dumps(each.members, ensure_ascii=False, sort_keys=True, default=str).encode("utf-8", "replace")
    at = utc(taking.bringer.at_ms)
    return {
        **each.members,
        **({"starts_at": utc(each.members["start_ms"]), "ends_at": utc(each.members["end_ms"])}
           if "start_ms" in each.members else {}),
        "source": taking.bringer.source,
        "content": sha256(said).digest(),
        "by": taking.bringer.by,
        "now": at,
    }  # fmt: skip


def _name(table: _Table, values: Mapping[str, Any]) -> _Name:
    first, second = table.known_by
    return values[first], str(values[second])
