"""Sessions: an instrument's runs, each in one piece over midnights, with the way to the readings behind it."""

from datetime import datetime
from urllib.parse import urlencode

from fastapi import APIRouter, Request

from collector.accounts import sessions
from collector.api.access import Given, Lent, ReadsHours
from collector.api.instruments import load_instrument
from collector.api.models import Page, Session
from collector.api.paging import AssetNo, Cursor, FirstDay, LastDay, Limit, after, check_days, page
from collector.api.problem import responses
from collector.clock import utc

router = APIRouter(prefix="/sessions", tags=["sessions"])


@router.get("", responses=responses(400, 404))
def list_sessions(
    request: Request,
    given: Given,
    caller: ReadsHours,
    connection: Lent,
    asset_no: AssetNo,
    first_day: FirstDay,
    last_day: LastDay,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Session]:
    """The sessions that touch a range of local days, by their start; each whole, also beyond the range."""
    check_days(first_day, last_day)
    load_instrument(
        connection, asset_no, given.today(), scope=caller.access.scope, first_day=first_day, last_day=last_day
    )
    [start_ms] = after(request, cursor, start=[-1])
    found = sessions.load_sessions(connection, asset_no, first_day=first_day, last_day=last_day)
    rest = [session for session in found if session.start_ms > int(start_ms)][: limit + 1]
    return page(request, rest, limit=limit, item=lambda each: _item(asset_no, each), key=_key)


def _item(asset_no: str, session: sessions.Session) -> Session:
    start, end = utc(session.start_ms), utc(session.end_ms)
    asked = {"asset_no": asset_no, "start": _text(start), "end": _text(end)}
    return Session(
        asset_no=asset_no,
        start=start,
        end=end,
        run_s=session.seconds,
        is_open=session.is_open,
        days=list(session.days),
        readings=f"/api/v1/readings?{urlencode(asked)}",
    )


def _key(session: Session) -> list[str | int]:
    return [int(session.start.timestamp()) * 1000]


def _text(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
