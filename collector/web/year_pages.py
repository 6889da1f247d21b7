"""The year's figures for people: units, a unit's instruments, an instrument's days, and one entry with its proof.

    /figures?year=2026 → /figures/unit/USCC → /figures/instrument/ASSET → the day → /entries/ORIGIN/INDEX

So five pages lead from a total to the bytes of one reading and the receipt over them. What adds up is shown with it.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from collector.accounts.year import Question, YearFigures, load_instrument_figures, load_unit_figures
from collector.api.access import Given, Lent
from collector.api.entries import load_entry
from collector.api.paging import FIRST_DAY, LAST_DAY, AssetNoInPath
from collector.store.database import Connection
from collector.store.queries import load
from collector.web import visitor
from collector.web.render import day_path
from collector.web.showing import show
from collector.web.visitor import Speaks, Visitor
from protocol import hours
from protocol.hours import HourRecord

router = APIRouter(include_in_schema=False)
_SQL = load("web")
MAX_LINES = 1000

Year = Annotated[int | None, Query(ge=FIRST_DAY.year, le=LAST_DAY.year)]


class Line(NamedTuple):
    """One line of a table of hours: what it is about, where it leads, and its seconds; observed of `until_s`."""

    name: str
    note: str
    path: str
    effective_s: int
    counted_s: int
    a_s: int
    b_s: int
    c_s: int
    d_s: int
    x_s: int
    verified_s: int
    claimed_s: int
    internal_s: int
    unresolved_s: int
    observed_s: int
    until_s: int


class Total(NamedTuple):
    """What the lines add up to."""

    effective_s: int
    counted_s: int
    a_s: int
    b_s: int
    c_s: int
    d_s: int
    x_s: int
    verified_s: int
    claimed_s: int
    internal_s: int
    unresolved_s: int


@router.get("/figures")
def show_units(
    request: Request, given: Given, connection: Lent, speaks: Speaks, visiting: Visitor, year: Year = None
) -> HTMLResponse:
    asked = Question(year or given.today().year, given.today(), visiting.access.scope, MAX_LINES)
    found = load_unit_figures(connection, asked, after="")
    lines = [
        _of_figures(each, f"/figures/unit/{each.uscc}?year={asked.year}", language=speaks.language) for each in found
    ]
    return _table(request, speaks, visiting, lines=lines, year=asked.year, kind="units", here="/figures")


@router.get("/figures/unit/{uscc}")
def show_unit(
    request: Request, given: Given, connection: Lent, speaks: Speaks, visiting: Visitor, uscc: str, year: Year = None
) -> HTMLResponse:
    asked = Question(year or given.today().year, given.today(), visiting.access.scope, MAX_LINES, uscc[:18])
    found = load_instrument_figures(connection, asked, after=("", ""))
    if not found:
        raise visitor.NothingThere
    lines = [
        _of_figures(
            each,
            f"/figures/instrument/{quote(each.asset_no or '', safe='')}?year={asked.year}",
            language=speaks.language,
        )
        for each in found
    ]
    return _table(
        request, speaks, visiting, lines=lines, year=asked.year, kind="instruments", here=f"/figures/unit/{uscc[:18]}"
    )


@router.get("/figures/instrument/{asset_no:path}")
def show_instrument(
    request: Request,
    given: Given,
    connection: Lent,
    speaks: Speaks,
    visiting: Visitor,
    asset_no: AssetNoInPath,
    year: Year = None,
) -> HTMLResponse:
    shown = year or given.today().year
    lines = _load_days(connection, asset_no, shown, visiting=visiting)
    if not lines:
        raise visitor.NothingThere
    here = f"/figures/instrument/{quote(asset_no, safe='')}"
    return _table(request, speaks, visiting, lines=lines, year=shown, kind="days", here=here, subject=asset_no)


@router.get("/entries/{origin:path}/{index}")
def show_entry(
    request: Request, connection: Lent, speaks: Speaks, visiting: Visitor, origin: str, index: int
) -> HTMLResponse:
    found = load_entry(connection, origin, index, scope=visiting.access.scope)
    if found is None:
        raise visitor.NothingThere
    return show(request, "entry.html", speaks, person=visiting.person, entry=found)


def _table(
    request: Request,
    speaks: Speaks,
    visiting: Visitor,
    *,
    lines: Sequence[Line],
    year: int,
    kind: str,
    here: str,
    subject: str = "",
) -> HTMLResponse:
    total = Total(*(sum(getattr(line, name) for line in lines) for name in Total._fields))
    return show(
        request,
        "year.html",
        speaks,
        person=visiting.person,
        lines=lines,
        total=total,
        year=year,
        kind=kind,
        here=here,
        subject=subject,
    )


def _of_figures(figures: YearFigures, path: str, *, language: str) -> Line:
    name = figures.name_en if language == "en" and figures.name_en else figures.name_zh
    return Line(
        name=name,
        note=figures.asset_no or figures.uscc,
        path=path,
        effective_s=figures.effective_s,
        counted_s=figures.counted_s,
        a_s=figures.a_s,
        b_s=figures.b_s,
        c_s=figures.c_s,
        d_s=figures.d_s,
        x_s=figures.x_s,
        verified_s=figures.verified_s,
        claimed_s=figures.claimed_s,
        internal_s=figures.internal_s,
        unresolved_s=figures.unresolved_s,
        observed_s=figures.observed_s,
        until_s=figures.in_network_s,
    )


def _of_record(record: HourRecord, counted_s: int | None, by_grade: Sequence[int | None]) -> Line:
    a_s, b_s, c_s, d_s, x_s = (seconds or 0 for seconds in by_grade)
    return Line(
        name=record.day,
        note=" ".join(record.flags),
        path=day_path(record.asset, record.day),
        effective_s=record.effective_s,
        counted_s=counted_s or 0,
        a_s=a_s,
        b_s=b_s,
        c_s=c_s,
        d_s=d_s,
        x_s=x_s,
        verified_s=record.verified_s,
        claimed_s=record.claimed_s,
        internal_s=record.internal_s,
        unresolved_s=record.unresolved_s,
        observed_s=record.observed_s,
        until_s=record.until,
    )


def _load_days(connection: Connection, asset_no: str, year: int, *, visiting: Visitor) -> list[Line]:
    values = {
        "asset_no": asset_no,
        "first_day": date(year, 1, 1),
        "last_day": date(year, 12, 31),
        **visiting.access.scope.values,
    }
    rows = connection.execute(_SQL.list_year_of_instrument, values, binary=True)
    return [_of_record(hours.decode(body), counted_s, by_grade) for body, counted_s, *by_grade in rows]
