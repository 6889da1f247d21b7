"""What two people decided of instruments' time: accepted or excluded, with the flags that it answers."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from collector.api.access import Lent, ReadsHours
from collector.api.fact_lists import Day
from collector.api.models import HEX64, Model, Page
from collector.api.paging import AssetNo, Cursor, Limit, after, page
from collector.api.problem import not_found, responses
from collector.clock import utc
from collector.store.queries import load
from protocol import facts
from protocol.facts import Decision

router = APIRouter(prefix="/decisions", tags=["hours"])
_SQL = load("decisions")
Sha256 = Annotated[str, Path(pattern=HEX64, description="Identity of the decision")]


class HeldDecision(Model):
    """A decision as it was recorded; where two are about one instant, the later approved one holds."""

    sha256: str = Field(description="Identity of the fact")
    asset_no: str
    start: datetime
    end: datetime
    verdict: Literal["accept", "exclude"]
    why: str
    flags: list[str] = Field(description="Rules that it answers")
    by: str
    approver: str
    approved_at: datetime
    recorded_at: datetime
    signed_by: str | None = Field(description="Key of the approver; null: recorded before they signed")
    corrected_by: str | None = Field(description="SHA-256 of what took it out of account")


@router.get("", responses=responses(400))
def list_decisions(
    request: Request,
    caller: ReadsHours,
    connection: Lent,
    asset_no: AssetNo | None = None,
    first_day: Day = None,
    last_day: Day = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[HeldDecision]:
    """Decisions in the order in which they were recorded, those that were taken out of account among them."""
    [seq] = after(request, cursor, start=[0])
    values = {"asset_no": asset_no, "first_day": first_day, "last_day": last_day, "after": seq, "limit": limit + 1}
    rows = connection.execute(_SQL.list_decisions, {**values, **caller.access.scope.values}, binary=True).fetchall()
    places = {row[1]: row[0] for row in rows}
    return page(request, rows, limit=limit, item=_item, key=lambda item: [places[item.sha256]])


@router.get(
    "/{sha256}/note",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "The note"}, **responses(404)},
)
def show_decision_note(caller: ReadsHours, connection: Lent, sha256: Sha256) -> Response:
    """The exact bytes that the approver signed, with his signature: `jishi-audit note` verifies them."""
    row = connection.execute(_SQL.load_note, {"sha256": sha256, **caller.access.scope.values}, binary=True).fetchone()
    if row is None:
        raise not_found("signed decision", sha256, remedy="GET /api/v1/decisions lists those that there are")
    return Response(bytes(row[0]), media_type="text/plain; charset=utf-8")


def _item(row: tuple[Any, ...]) -> HeldDecision:
    _, sha256, body, recorded_at, corrected_by, signed_by = row
    fact = facts.decode(bytes(body))
    assert isinstance(fact, Decision), "the query asks for those"
    start, end, approved_at = (utc(ms) for ms in (fact.start, fact.end, fact.approved_at))
    return HeldDecision(
        sha256=sha256,
        asset_no=fact.asset,
        start=start,
        end=end,
        verdict=fact.verdict,
        why=fact.why,
        flags=list(fact.flags),
        by=fact.by,
        approver=fact.approver,
        approved_at=approved_at,
        recorded_at=recorded_at,
        signed_by=signed_by,
        corrected_by=corrected_by,
    )
