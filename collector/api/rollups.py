"""Roll-ups of hours and values over a year or a month, and external hours by beneficiary. Sums agree over levels."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from collector.api.access import Given, Lent, ReadsHours
from collector.api.models import Page
from collector.api.paging import FIRST_DAY, LAST_DAY, Cursor, Limit, after, page
from collector.api.problem import responses
from collector.api.rollup_models import Rollup, RollupLine, ServedLine, reference_day, rollup_line, served_line
from collector.rollups.beneficiaries import ServedBy, load_served
from collector.rollups.period import Period
from collector.rollups.rollup import By, Question, load_lines

router = APIRouter(prefix="/rollups", tags=["figures"])

Year = Annotated[int, Query(ge=FIRST_DAY.year, le=LAST_DAY.year, description="A calendar year, local time")]
Month = Annotated[int | None, Query(ge=1, le=12, description="A month of it; the whole year where it is left out")]
_BEFORE_ALL: list[str | int] = [0, ""]
"""Before the first key, which may be ''."""


@router.get("", responses=responses(400))
def list_rollups(
    request: Request,
    given: Given,
    caller: ReadsHours,
    connection: Lent,
    year: Year,
    month: Month = None,
    by: Annotated[By, Query(description="What each line is about")] = "unit",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Rollup:
    """Lines by key: hours, grades, coverage, values and open rates of what the key holds.

    Province, city and county are the first 2, 4 and 6 digits of the owner's division. Whatever nobody registered is
    the line with `key` null, and is never left out.
    """
    period = Period(year, month)
    asked = Question(
        by,
        period,
        given.today(),
        caller.access.scope,
        special=given.config.rollups.special,
        after=_key_after(request, cursor),
        limit=limit + 1,
    )
    rows = load_lines(connection, asked)
    lines: Page[RollupLine] = page(
        request, rows, limit=limit, item=lambda row: rollup_line(row, by), key=lambda item: [1, item.key or ""]
    )
    return Rollup(
        by=by,
        year=year,
        month=month,
        reference_day=reference_day(period, given.today()),
        items=lines.items,
        next_cursor=lines.next_cursor,
    )


@router.get("/served", responses=responses(400))
def list_served(
    request: Request,
    caller: ReadsHours,
    connection: Lent,
    year: Year,
    month: Month = None,
    by: Annotated[ServedBy, Query(description="`place` is seen from the unit that served")] = "place",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[ServedLine]:
    """External seconds by where their beneficiaries are, or by their kind of organisation."""
    rows = load_served(
        connection,
        by,
        Period(year, month),
        scope=caller.access.scope,
        after=_key_after(request, cursor),
        limit=limit + 1,
    )
    return page(request, rows, limit=limit, item=served_line, key=lambda item: [1, item.key or ""])


def _key_after(request: Request, cursor: str | None) -> str | None:
    is_after, key = after(request, cursor, start=_BEFORE_ALL)
    return str(key) if is_after else None
