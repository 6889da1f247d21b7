"""Innovation vouchers 创新券 that orders name, one by one and by issuer."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from collector.api.access import Lent, ReadsHours, ReadsReadings
from collector.api.models import Page
from collector.api.paging import FIRST_DAY, LAST_DAY, Cursor, Limit, after, page
from collector.api.problem import responses
from collector.api.rollup_models import HeldVoucher, Issuer, held_voucher
from collector.registry.access import EVERYTHING
from collector.rollups import vouchers
from collector.rollups.period import Period

router = APIRouter(prefix="/vouchers", tags=["facts"])

Year = Annotated[
    int | None, Query(ge=FIRST_DAY.year, le=LAST_DAY.year, description="Only of orders of that year; else of all")
]


@router.get("", responses=responses(400))
def list_vouchers(
    request: Request,
    caller: ReadsReadings,
    connection: Lent,
    year: Year = None,
    issuer: Annotated[str | None, Query(min_length=1, max_length=200, description="Only of this issuer")] = None,
    repeated: Annotated[bool, Query(description="Only those that two orders or more name")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[HeldVoucher]:
    """Vouchers of the orders that stand, in the order in which these were recorded."""
    [seq] = after(request, cursor, start=[0])
    scope = caller.access.scope
    rows = vouchers.load_vouchers(
        connection,
        period=None if year is None else Period(year),
        issuer=issuer,
        repeated=repeated,
        scope=scope,
        after=int(seq),
        limit=limit + 1,
    )
    return page(
        request,
        rows,
        limit=limit,
        item=lambda row: held_voucher(row, sees_all=scope == EVERYTHING),
        key=lambda item: [item.seq],
    )


@router.get("/issuers", responses=responses(400))
def list_voucher_issuers(
    request: Request,
    caller: ReadsHours,
    connection: Lent,
    year: Year = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Issuer]:
    """How many vouchers of each issuer paid how many orders, how much together, and how often one was used again."""
    [seq] = after(request, cursor, start=[0])
    rows = vouchers.load_issuers(
        connection,
        period=None if year is None else Period(year),
        scope=caller.access.scope,
        after=int(seq),
        limit=limit + 1,
    )
    return page(request, rows, limit=limit, item=lambda row: Issuer(**row._asdict()), key=lambda item: [item.first_seq])
