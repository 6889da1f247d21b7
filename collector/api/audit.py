"""The audit trail: who changed what, when, from where and why, oldest first."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from collector.api.access import Lent, ReadsAudit
from collector.api.models import Change, Page, WrittenInstant
from collector.api.paging import Cursor, Limit, after, page
from collector.api.problem import responses
from collector.registry import audit

router = APIRouter(prefix="/audit", tags=["audit"])

Since = Annotated[WrittenInstant | None, Query(description="Only from this instant on, RFC 3339 with an offset")]


@router.get("", responses=responses(400))
def list_changes(
    request: Request,
    _caller: ReadsAudit,
    connection: Lent,
    since: Since = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Change]:
    """What people changed, and what was refused to them; for inspectors over everything."""
    [seq] = after(request, cursor, start=[0])
    found = audit.list_changes(connection, since=since, after=int(seq), limit=limit + 1)
    return page(request, found, limit=limit, item=_item, key=lambda change: [change.seq])


def _item(change: audit.Change) -> Change:
    members: dict[str, Any] = change._asdict()
    return Change(**members)
