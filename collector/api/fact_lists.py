"""Orders and uses as they were recorded, beside what corrects them, and the exact bytes of every fact."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from collector.api.access import Lent, ReadsReadings
from collector.api.fact_models import CorrectedBy, HeldDocument, HeldOrder, HeldUse, HeldVoucher
from collector.api.models import HEX64, Page, WrittenDay
from collector.api.paging import FIRST_DAY, LAST_DAY, AssetNo, Cursor, Limit, after, page
from collector.api.problem import not_found, responses
from collector.clock import utc
from collector.store.database import Connection
from collector.store.queries import load
from protocol import facts
from protocol.facts import Correction, Order, OrderDocument, Use

router = APIRouter(tags=["facts"])
_SQL = load("facts")

Sha256InPath = Annotated[str, Path(pattern=HEX64, description="SHA-256 of a fact's bytes")]
OrderNo = Annotated[str | None, Query(min_length=1, max_length=64, description="Only of this order")]
UnitCode = Annotated[str | None, Query(max_length=18, description="Only of this unit")]
Day = Annotated[WrittenDay | None, Query(ge=FIRST_DAY, le=LAST_DAY)]

_Listed = tuple[int, str, bytes, datetime]
"""seq, identity, bytes and when it was recorded."""


def filters(
    asset_no: AssetNo | None = None,
    unit: UnitCode = None,
    order: OrderNo = None,
    first_day: Day = None,
    last_day: Day = None,
) -> dict[str, Any]:
    """What is asked for, as the queries take it; all that is left out is any."""
    return {"asset_no": asset_no, "unit": unit, "order_no": order, "first_day": first_day, "last_day": last_day}


Filters = Annotated[dict[str, Any], Depends(filters)]


@router.get("/uses", responses=responses(400))
def list_uses(
    request: Request,
    caller: ReadsReadings,
    connection: Lent,
    asked: Filters,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[HeldUse]:
    """Uses as they were recorded, those that corrections put in among them, each with what corrects it."""
    [seq] = after(request, cursor, start=[0])
    values = {**asked, "after": seq, "limit": limit + 1, **caller.access.scope.values}
    rows = connection.execute(_SQL.list_uses, values, binary=True).fetchall()
    return _page_of_uses(request, connection, rows=rows, limit=limit)


@router.get("/orders", responses=responses(400))
def list_orders(
    request: Request,
    caller: ReadsReadings,
    connection: Lent,
    asked: Filters,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[HeldOrder]:
    """Orders as they were recorded, with their documents.

    `asset_no` and the days are those of the uses that name them.
    """
    [seq] = after(request, cursor, start=[0])
    values = {**asked, "after": seq, "limit": limit + 1, **caller.access.scope.values}
    rows = connection.execute(_SQL.list_orders, values, binary=True).fetchall()
    return _page_of_orders(request, connection, rows=rows, limit=limit)


@router.get(
    "/facts/{sha256}/bytes",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}, "description": "The bytes"}, **responses(404)},
)
def show_fact_bytes(caller: ReadsReadings, connection: Lent, sha256: Sha256InPath) -> Response:
    """The exact bytes of a fact of any kind; their SHA-256 is its identity."""
    row = connection.execute(_SQL.load_fact, {"sha256": sha256, **caller.access.scope.values}, binary=True).fetchone()
    if row is None:
        raise not_found("fact", sha256, remedy="/api/v1/uses and /api/v1/orders list some; hour records name theirs")
    return Response(row[0], media_type="application/json")


def _page_of_uses(request: Request, connection: Connection, *, rows: Sequence[_Listed], limit: int) -> Page[HeldUse]:
    corrections = _load_corrections(connection, rows[:limit])
    items = {sha256: seq for seq, sha256, _, _ in rows}

    def item(row: _Listed) -> HeldUse:
        fact = facts.decode(row[2])
        use = fact.use if isinstance(fact, Correction) else fact
        assert isinstance(use, Use)
        members = {
            name: getattr(use, name) for name in ("asset", "purpose", "order", "user", "samples", "run_s", "share")
        }
        return HeldUse(start=utc(use.start), end=utc(use.end), **members, **_held(row, fact, corrections))

    return page(request, rows, limit=limit, item=item, key=lambda use: [items[use.sha256]])


def _page_of_orders(
    request: Request, connection: Connection, *, rows: Sequence[_Listed], limit: int
) -> Page[HeldOrder]:
    corrections = _load_corrections(connection, rows[:limit])
    added = _load_added(connection, rows[:limit])
    items = {sha256: seq for seq, sha256, _, _ in rows}

    def item(row: _Listed) -> HeldOrder:
        fact = facts.decode(row[2])
        order = fact.order if isinstance(fact, Correction) else fact
        assert isinstance(order, Order)
        documents = [*order.documents, *added.get((order.unit, order.order), ())]
        names = (
            "unit",
            "order",
            "beneficiary",
            "beneficiary_name",
            "content",
            "way",
            "first_day",
            "last_day",
            "fee_fen",
        )
        return HeldOrder(
            **{name: getattr(order, name) for name in names},
            voucher=_voucher(order),
            documents=[HeldDocument(kind=each.kind, sha256=each.sha256) for each in documents],
            **_held(row, fact, corrections),
        )

    return page(request, rows, limit=limit, item=item, key=lambda order: [items[order.sha256]])


def _voucher(order: Order) -> HeldVoucher | None:
    held = order.voucher
    return None if held is None else HeldVoucher(issuer=held.issuer, number=held.number, amount_fen=held.amount_fen)


def _held(row: _Listed, fact: facts.Fact, corrections: dict[str, list[CorrectedBy]]) -> dict[str, Any]:
    _, sha256, _, recorded_at = row
    corrects = fact.target if isinstance(fact, Correction) else None
    return {
        "sha256": sha256,
        "recorded_at": recorded_at,
        "by": fact.by,
        "corrects": corrects,
        "corrected_by": corrections.get(sha256, []),
    }


def _load_corrections(connection: Connection, rows: Sequence[_Listed]) -> dict[str, list[CorrectedBy]]:
    """By the identity of what is listed: its corrections and theirs, as they were recorded."""
    found: dict[str, list[CorrectedBy]] = {}
    for of, sha256, body in connection.execute(_SQL.list_corrections_of, {"sha256s": [row[1] for row in rows]}):
        fact = facts.decode(bytes(body))
        assert isinstance(fact, Correction)
        found.setdefault(of, []).append(
            CorrectedBy(
                sha256=sha256,
                target=fact.target or "",
                by=fact.by,
                approver=fact.approver,
                approved_at=utc(fact.approved_at),
                reason=fact.reason,
                puts_in="use" if fact.use else "order" if fact.order else None,
            )
        )
    return found


def _load_added(connection: Connection, rows: Sequence[_Listed]) -> dict[tuple[str, str], list[facts.Document]]:
    """Documents that were added to orders, by unit and number; those that a correction took out are left out."""
    found: dict[tuple[str, str], list[facts.Document]] = {}
    for _, body in connection.execute(_SQL.list_added_documents, {"sha256s": [row[1] for row in rows]}):
        fact = facts.decode(bytes(body))
        assert isinstance(fact, OrderDocument)
        found.setdefault((fact.unit, fact.order), []).append(fact.document)
    return found
