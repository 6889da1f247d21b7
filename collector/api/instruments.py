"""Instruments: which there are, who owns them, what measures them, which policy holds for them. As of today."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from collector.api.access import Given, Lent, ReadsInstruments
from collector.api.models import Instrument, InstrumentDetail, MeasuringChannel, Page, PolicyInForce, Unit
from collector.api.paging import AssetNoInPath, Cursor, Limit, after, page
from collector.api.problem import not_found, responses
from collector.registry.access import Scope
from collector.store.database import Connection
from collector.store.queries import load

router = APIRouter(prefix="/instruments", tags=["instruments"])
_SQL = load("api")


@router.get("", responses=responses(400))
def list_instruments(
    request: Request,
    given: Given,
    caller: ReadsInstruments,
    connection: Lent,
    limit: Limit = 100,
    cursor: Cursor = None,
    uscc: Annotated[str | None, Query(max_length=18, description="Only what this unit owns today")] = None,
) -> Page[Instrument]:
    """All instruments by asset number."""
    [asset_no] = after(request, cursor, start=[""])
    values = {"after": asset_no, "day": given.today(), "uscc": uscc, "limit": limit + 1, **caller.access.scope.values}
    rows = connection.execute(_SQL.list_instruments, values).fetchall()
    return page(request, rows, limit=limit, item=lambda row: Instrument(**_members(row)), key=lambda i: [i.asset_no])


@router.get("/{asset_no:path}", responses=responses(404))
def show_instrument(
    given: Given, caller: ReadsInstruments, connection: Lent, asset_no: AssetNoInPath
) -> InstrumentDetail:
    """One instrument, with the channels that measure it and the policy that holds for it today."""
    today = given.today()
    values = {"asset_no": asset_no, "day": today}
    row = load_instrument(connection, asset_no, today, scope=caller.access.scope, first_day=today, last_day=today)
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
    connection: Connection, asset_no: str, today: date, *, scope: Scope, first_day: date, last_day: date
) -> tuple[Any, ...]:
    """The instrument's row as of today; Problem 404 where nobody registered it, and where it was not in the scope on
    every day of the range."""
    values = {"asset_no": asset_no, "day": today, "first_day": first_day, "last_day": last_day, **scope.values}
    row = connection.execute(_SQL.load_instrument, values).fetchone()
    if row is None:
        raise not_found("instrument", asset_no, remedy="/api/v1/instruments lists those that there are")
    return row


def _members(row: tuple[Any, ...]) -> dict[str, Any]:
    asset_no, name_zh, name_en, model, registered_at, uscc, unit_zh, unit_en = row
    return {
        "asset_no": asset_no,
        "name_zh": name_zh,
        "name_en": name_en,
        "model": model,
        "registered_at": registered_at,
        "unit": None if uscc is None else Unit(uscc=uscc, name_zh=unit_zh, name_en=unit_en),
    }
