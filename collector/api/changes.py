"""What changed since somebody asked last: the feed for a platform that keeps copies."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query

from collector.api import cursor
from collector.api.access import Lent, ReadsHours
from collector.api.monitoring_models import Change, Changes
from collector.api.paging import Limit
from collector.api.problem import Problem, responses
from collector.errors import ForeignCursor
from collector.monitoring import changes
from collector.monitoring.changes import Place

router = APIRouter(prefix="/changes", tags=["monitoring"])
_SCOPE = "changes"

Since = Annotated[
    str | None,
    Query(max_length=cursor.MAX_CURSOR_CHARS, description="`cursor` of the last answer; left out: from the beginning"),
]


@router.get("", responses=responses(400, 409))
def list_latest_changes(caller: ReadsHours, connection: Lent, since: Since = None, limit: Limit = 100) -> Changes:
    """Changes in an order in which they could be seen: none is missing and none comes twice.

    409 where the cursor is of another history of the database; then begin without one.
    """
    place = Place()
    if since is not None:
        position, noted_us = cursor.decode(since, scope=_SCOPE, types=(int, int))
        place = Place(int(position), int(noted_us))
    try:
        found = changes.list_changes(connection, place, scope=caller.access.scope, limit=limit)
    except ForeignCursor as error:
        raise Problem("foreign-cursor", str(error), status=HTTPStatus.CONFLICT) from error
    until = cursor.encode([*found.until], scope=_SCOPE)
    return Changes(items=[_item(each) for each in found.items], cursor=until, has_more=found.has_more)


def _item(change: changes.Change) -> Change:
    return Change(
        kind=change.kind,
        subject=change.subject,
        day=change.day,
        revision=change.number,
        noted_at=change.noted_at,
        href=_href(change),
    )


def _href(change: changes.Change) -> str | None:
    """Where what changed is told as it is now."""
    subject = quote(change.subject, safe="")
    as_of = f"?as_of={change.day}"
    match change.kind:
        case "hours":
            return f"/api/v1/hours/{subject}/{change.day}"
        case "unit":
            return f"/api/v1/units/{subject}{as_of}"
        case "network":
            return f"/api/v1/network{as_of}"
        case "round":
            return f"/api/v1/rounds/{subject}"
        case "facility":
            return None
        case "instrument" | "owner" | "membership":
            return f"/api/v1/instruments/{subject}{as_of}"
