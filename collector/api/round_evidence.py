"""What units show of the indicators that experts judge: a unit its own, an expert those of his indicators."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from collector.api.access import Given, HoldsRounds, Lent, ReadsHours, RecordsFacts
from collector.api.documents import ANYTHING, answer_file
from collector.api.models import USCC, Page
from collector.api.paging import Cursor, Limit, after, page
from collector.api.problem import not_found, responses
from collector.api.reply_models import AskedItem, AskedTerm, Item
from collector.api.round_asked import by_of, do, find, translated
from collector.api.round_models import AskedStep
from collector.api.rounds import Name
from collector.evaluation import evidence
from collector.evaluation.evidence import HeldItem, Sight
from collector.evaluation.experts import OF_EXPERTS

router = APIRouter(prefix="/rounds", tags=["rounds"])
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of an item")]


@router.get("/{name}/evidence", responses=responses(400, 404))
def list_round_evidence(
    request: Request,
    caller: ReadsHours,
    connection: Lent,
    name: Name,
    uscc: Annotated[str | None, Query(pattern=USCC, description="Of this unit")] = None,
    indicator: Annotated[int | None, Query(ge=1, le=8)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Item]:
    """Items by number, withdrawn ones among them."""
    held = find(connection, name)
    [place] = after(request, cursor, start=[0])
    sight = evidence.sight_of(connection, held, caller.person, caller.access)
    found = (
        []
        if sight is None
        else evidence.list_items(
            connection, held, sight=sight, uscc=uscc, indicator=indicator, after=int(place), limit=limit + 1
        )
    )
    return page(request, found, limit=limit, item=_item, key=lambda each: [each.item])


@router.post("/{name}/evidence", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def enter_round_evidence(
    request: Request, given: Given, caller: RecordsFacts, connection: Lent, name: Name, asked: AskedItem
) -> Item:
    """Enters an item for one's own unit, until the term is over or the round closes."""
    by = by_of(request, caller, given, "-")
    item = evidence.Item(**asked.model_dump())
    number = do(
        connection,
        lambda: evidence.enter_item(connection, name, item, person=caller.person, access=caller.access, by=by),
    )
    everything = Sight(None, OF_EXPERTS)
    return _item(evidence.find_item(connection, find(connection, name), number, sight=everything))


@router.post("/{name}/evidence-term", responses=responses(400, 403, 404))
def set_evidence_term(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, name: Name, asked: AskedTerm
) -> AskedTerm:
    """Says until when evidence is taken."""
    by = by_of(request, caller, given, asked.why)
    do(connection, lambda: evidence.set_term(connection, name, last_day=asked.last_day, by=by))
    return asked


@router.post("/{name}/evidence/{number}/withdrawal", responses=responses(400, 403, 404))
def withdraw_round_evidence(
    request: Request, given: Given, caller: RecordsFacts, connection: Lent, name: Name, number: Number, asked: AskedStep
) -> Item:
    """Withdraws an item of one's own unit; it stays, with the reason."""
    by = by_of(request, caller, given, asked.why)
    do(
        connection,
        lambda: evidence.withdraw_item(connection, name, number, person=caller.person, access=caller.access, by=by),
    )
    return _item(evidence.find_item(connection, find(connection, name), number, sight=Sight(None, OF_EXPERTS)))


@router.get(
    "/{name}/evidence/{number}/document",
    response_class=Response,
    responses={200: {"content": {ANYTHING: {}}, "description": "The file"}, **responses(404, 500)},
)
def show_evidence_document(given: Given, caller: ReadsHours, connection: Lent, name: Name, number: Number) -> Response:
    """The file that an item names, to whoever sees the item; as a download."""
    held = find(connection, name)
    sight = evidence.sight_of(connection, held, caller.person, caller.access) or Sight(None, ())
    with translated():
        item = evidence.find_item(connection, held, number, sight=sight).item
    if item.document is None:
        raise not_found("document", number, remedy="this item names none")
    return answer_file(given, evidence.find_document(connection, item.document))


def _item(held: HeldItem) -> Item:
    return Item(
        **held.item._asdict(),
        item=held.item_id,
        made_by=held.made_by,
        made_at=held.made_at,
        withdrawn_why=held.withdrawn_why,
        withdrawn_by=held.withdrawn_by,
        withdrawn_at=held.withdrawn_at,
    )
