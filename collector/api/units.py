"""Units: the legal persons that own instruments, as they were on a day, and who speaks for them."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from collector.api.access import Given, Lent, ReadsInstruments
from collector.api.models import Page
from collector.api.paging import AsOf, Cursor, Limit, after, page
from collector.api.problem import not_found, responses
from collector.api.registry_models import Officer, UnitDetail, UnitWithOfficers
from collector.registry import units
from collector.registry.access import Scope
from collector.store.database import Connection
from collector.store.queries import load

router = APIRouter(prefix="/units", tags=["units"])
_SQL = load("api")
_MEMBERS = ("uscc", "name_zh", "name_en", "kind", "department", "division", "described_from", "instruments")


@router.get("", responses=responses(400))
def list_units(
    request: Request,
    given: Given,
    caller: ReadsInstruments,
    connection: Lent,
    limit: Limit = 100,
    cursor: Cursor = None,
    as_of: AsOf | None = None,
) -> Page[UnitDetail]:
    """All units by their code."""
    [after_uscc] = after(request, cursor, start=[""])
    scope, day = caller.access.scope, as_of or given.today()
    rows = _load(connection, day, scope=scope, after_uscc=str(after_uscc), uscc=None, limit=limit + 1)
    return page(request, rows, limit=limit, item=lambda row: UnitDetail(**row), key=lambda unit: [unit.uscc])


@router.get("/{uscc}", responses=responses(404))
def show_unit(
    given: Given,
    caller: ReadsInstruments,
    connection: Lent,
    uscc: Annotated[str, Path(max_length=18, description="Unified social credit code")],
    as_of: AsOf | None = None,
) -> UnitWithOfficers:
    """One unit, with its officers."""
    day = as_of or given.today()
    rows = _load(connection, day, scope=caller.access.scope, after_uscc="", uscc=uscc, limit=1)
    if not rows:
        raise not_found("unit", uscc, remedy="/api/v1/units lists those that there are")
    officers = [Officer(name=name, role=role) for name, role in units.list_officers_on(connection, uscc, day=day)]
    return UnitWithOfficers(**rows[0], officers=officers)


def _load(
    connection: Connection, day: date, *, scope: Scope, after_uscc: str, uscc: str | None, limit: int
) -> list[dict[str, Any]]:
    values = {"after": after_uscc, "day": day, "uscc": uscc, "limit": limit, **scope.values}
    rows = connection.execute(_SQL.list_units, values).fetchall()
    return [dict(zip(_MEMBERS, row, strict=True)) for row in rows]
