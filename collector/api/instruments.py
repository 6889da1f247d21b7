"""Instruments: which there are, who owns them, what measures them, which policy holds for them. As of a day."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from collector.api.access import Given, Lent, ReadsInstruments
from collector.api.models import Page
from collector.api.paging import AsOf, AssetNoInPath, Cursor, Limit, after, page
from collector.api.problem import not_found, responses
from collector.api.registry_models import Instrument, InstrumentDetail, MeasuringChannel, PolicyInForce, Unit
from collector.registry.access import Scope
from collector.store.database import Connection
from collector.store.queries import load

router = APIRouter(prefix="/instruments", tags=["instruments"])
_SQL = load("api")
_NAMED = ("asset_no", "name_zh", "name_en", "model", "registered_at")
_DESCRIBED = (
    "class_code", "value_fen", "funding", "government_fen", "maker", "origin", "country", "accepted_on", "shareable",
    "exempt_document", "exempt_reason", "bookable", "fee", "location", "facility_no", "centre_no", "described_from",
)  # fmt: skip
"""What follows the owner in a row of the queries."""


@router.get("", responses=responses(400))
def list_instruments(
    request: Request,
    given: Given,
    caller: ReadsInstruments,
    connection: Lent,
    limit: Limit = 100,
    cursor: Cursor = None,
    uscc: Annotated[str | None, Query(max_length=18, description="Only what this unit owned on that day")] = None,
    as_of: AsOf | None = None,
) -> Page[Instrument]:
    """All instruments by asset number."""
    [asset_no] = after(request, cursor, start=[""])
    day = as_of or given.today()
    values = {"after": asset_no, "day": day, "uscc": uscc, "limit": limit + 1, **caller.access.scope.values}
    rows = connection.execute(_SQL.list_instruments, values).fetchall()
    return page(request, rows, limit=limit, item=lambda row: Instrument(**_members(row)), key=lambda i: [i.asset_no])


@router.get("/{asset_no:path}", responses=responses(404))
def show_instrument(
    given: Given, caller: ReadsInstruments, connection: Lent, asset_no: AssetNoInPath, as_of: AsOf | None = None
) -> InstrumentDetail:
    """One instrument, with the channels that measured it and the policy that held for it on that day."""
    day = as_of or given.today()
    values = {"asset_no": asset_no, "day": day}
    row = load_instrument(connection, asset_no, day, scope=caller.access.scope, first_day=day, last_day=day)
    channels = connection.execute(_SQL.list_channels, values).fetchall()
    policy = connection.execute(_SQL.find_policy_in_force, values).fetchone()
    return InstrumentDetail(
        **_members(row),
        channels=[MeasuringChannel(agent_id=a, watcher=w, channel=c, from_day=day) for a, w, c, day in channels],
        policy=None
        if policy is None
        else PolicyInForce(sha256=policy[0], name=policy[1], from_day=policy[2], is_default=policy[3]),
    )


def load_instrument(
    connection: Connection, asset_no: str, as_of: date, *, scope: Scope, first_day: date, last_day: date
) -> tuple[Any, ...]:
    """The instrument's row as of a day; Problem 404 where nobody registered it, and where it was not in the scope on
    every day of the range."""
    values = {"asset_no": asset_no, "day": as_of, "first_day": first_day, "last_day": last_day, **scope.values}
    row = connection.execute(_SQL.load_instrument, values).fetchone()
    if row is None:
        raise not_found("instrument", asset_no, remedy="/api/v1/instruments lists those that there are")
    return row


def _members(row: tuple[Any, ...]) -> dict[str, Any]:
    names, (uscc, unit_zh, unit_en), described = row[:5], row[5:8], row[8:]
    unit = None if uscc is None else Unit(uscc=uscc, name_zh=unit_zh, name_en=unit_en)
    return {**dict(zip(_NAMED, names, strict=True)), "unit": unit, **dict(zip(_DESCRIBED, described, strict=True))}
