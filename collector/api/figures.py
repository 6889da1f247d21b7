"""Figures of a year, by unit or by instrument, and the order of units: from sums that are kept up with the records.

Each figure says where what it is summed from is: of a unit its instruments, of an instrument its hour records, whose
bytes, readings and entries follow from there.
"""

from math import floor
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request

from collector.accounts import year as years
from collector.accounts.year import Question, RankedBy, load_instrument_figures, load_unit_figures
from collector.api.access import Given, Lent, ReadsHours
from collector.api.models import USCC, Page, RankedUnit, Ranking, YearFigures
from collector.api.paging import FIRST_DAY, LAST_DAY, Cursor, Limit, after, page
from collector.api.problem import responses

router = APIRouter(prefix="/figures", tags=["figures"])

Year = Annotated[int, Query(ge=FIRST_DAY.year, le=LAST_DAY.year, description="A calendar year, local time")]


@router.get("", responses=responses(400))
def list_figures(
    request: Request,
    given: Given,
    caller: ReadsHours,
    connection: Lent,
    year: Year,
    by: Annotated[Literal["unit", "instrument"], Query(description="What each line is about")] = "unit",
    uscc: Annotated[str | None, Query(pattern=USCC, description="Only what this unit owned")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[YearFigures]:
    """Figures of a year: whoever owned anything in it has a line, with zero hours, too.

    An instrument that changed its owner has a line for each. A year under way counts up to now.
    """
    asset_no, code = (str(part) for part in after(request, cursor, start=["", ""]))
    asked = Question(year, given.today(), caller.access.scope, limit + 1, uscc)
    if by == "unit":
        rows = load_unit_figures(connection, asked, after=code)
    else:
        rows = load_instrument_figures(connection, asked, after=(asset_no, code))
    return page(request, rows, limit=limit, item=lambda row: _item(row, year), key=_key)


@router.get("/ranking", responses=responses(400))
def rank_units(
    given: Given,
    caller: ReadsHours,
    connection: Lent,
    year: Year,
    by: Annotated[RankedBy, Query(description="What decides the order")] = "effective",
    limit: Limit = 100,
) -> Ranking:
    """Units in the order of their effective hours, their external hours, or the share of these in those.

    A unit without effective hours has no sharing rate and no place by it.
    """
    rows = years.rank_units(connection, Question(year, given.today(), caller.access.scope, limit), by=by)
    return Ranking(items=[RankedUnit(**row._asdict(), sharing_rate_hours=_rate(row)) for row in rows])


def _item(row: years.YearFigures, year: int) -> YearFigures:
    return YearFigures(
        **row._asdict(),
        year=year,
        external_s=row.external_s,
        in_network_s=row.in_network_s,
        coverage=_rounded(row.coverage, 4),
        average_effective_h=None if row.average_effective_s is None else _rounded(row.average_effective_s / 3600, 1),
        sharing_rate_hours=_rounded(row.sharing_rate_hours, 4),
        sharing_rate_verified=_rounded(row.sharing_rate_verified, 4),
        flags=[] if row.effective_s else ["sharing-rate-undefined"],
        details=_details(row, year),
    )


def _details(row: years.YearFigures, year: int) -> str:
    """The next step down: from a unit to its instruments, from an instrument to its days."""
    if row.asset_no is None:
        return f"/api/v1/figures?{urlencode({'year': year, 'by': 'instrument', 'uscc': row.uscc})}"
    days = {"asset_no": row.asset_no, "first_day": f"{year}-01-01", "last_day": f"{year}-12-31", "limit": 400}
    return f"/api/v1/hours?{urlencode(days)}"


def _rate(row: years.RankedUnit) -> float | None:
    return _rounded(row.external_s / row.effective_s, 4) if row.effective_s else None


def _rounded(value: float | None, digits: int) -> float | None:
    """Halves up, as everywhere on output (protocol.hours.in_tenths); `round` would make them even."""
    return None if value is None else floor(value * 10**digits + 0.5) / 10**digits


def _key(item: YearFigures) -> list[str | int]:
    return [item.asset_no or "", item.uscc]
