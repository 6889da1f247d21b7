"""Pages that anybody may look at: a year's hours by unit and instrument, as pages and as CSV. 意见三、四.

    /public?year=2025 → /public/units/USCC?year=2025        /public/units.csv, /public/instruments.csv

They are off unless `[public] figures` says otherwise, and then look like what is not there. They take no cookie and set
none, so that caches may share them: the language is a part of the address. Each has an ETag and may be kept for five
minutes; each address may ask a hundred times in a minute.
"""

import hashlib
from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from collector.api.access import Given, Lent
from collector.api.etag import is_held
from collector.api.exports import MEDIA_TYPES
from collector.api.models import USCC
from collector.api.paging import FIRST_DAY, LAST_DAY
from collector.api.rates import Kind, network_of, rates_of
from collector.evaluation.scheme import RATINGS_ZH
from collector.exports import csv_file, public_figures
from collector.exports.tables import Table
from collector.rollups import public
from collector.rollups.period import Period
from collector.web import visitor
from collector.web.render import page
from collector.web.words import DEFAULT, Language, words

KEPT_S = 300
"""How long a cache may answer without asking."""


def require_public(request: Request, given: Given) -> None:
    """NothingThere where nobody decided to publish; Problem 429 for who asks too often."""
    if not given.config.public.figures:
        raise visitor.NothingThere
    rates_of(request).take(Kind.PUBLIC, network_of(request))


router = APIRouter(prefix="/public", include_in_schema=False, dependencies=[Depends(require_public)])

AskedYear = Annotated[int | None, Query(alias="year", ge=FIRST_DAY.year, le=LAST_DAY.year)]
AskedLanguage = Annotated[Language, Query(alias="lang")]


def shown_year(given: Given, year: AskedYear = None) -> int:
    """The year that was asked for, else the last one that is over. NothingThere for one that is not."""
    today = given.today()
    shown = today.year - 1 if year is None else year
    if not public.is_over(shown, today):
        raise visitor.NothingThere
    return shown


Year = Annotated[int, Depends(shown_year)]


@router.get("")
def show_units(
    request: Request, given: Given, connection: Lent, year: Year, language: AskedLanguage = DEFAULT
) -> Response:
    lines = public.load_units(connection, year)
    result = next((line.result for line in lines if line.result is not None), None)
    return _page(request, given, "public_units.html", language, year=year, here="/public", lines=lines, result=result)


@router.get("/units.csv")
def show_units_csv(request: Request, connection: Lent, year: Year) -> Response:
    lines = public.load_units(connection, year)
    return _csv(request, public_figures.units(lines, year=year, ratings=RATINGS_ZH))


@router.get("/instruments.csv")
def show_instruments_csv(request: Request, connection: Lent, year: Year) -> Response:
    return _csv(request, public_figures.instruments(public.load_instruments(connection, year), year=year))


@router.get("/units/{uscc}")
def show_unit(
    request: Request,
    given: Given,
    connection: Lent,
    year: Year,
    uscc: Annotated[str, Path(pattern=USCC)],
    language: AskedLanguage = DEFAULT,
) -> Response:
    lines = public.load_instruments(connection, year, uscc=uscc)
    names = public.load_names(connection, [uscc], day=Period(year).last_day)
    if uscc not in names:
        raise visitor.NothingThere
    here = f"/public/units/{uscc}"
    return _page(
        request, given, "public_unit.html", language, year=year, here=here, lines=lines, uscc=uscc, names=names[uscc]
    )


def _page(
    request: Request, given: Given, template: str, language: Language, *, year: int, here: str, **values: object
) -> Response:
    shown = {
        **values,
        "person": None,
        "live": False,
        "year": year,
        "is_last": not public.is_over(year + 1, given.today()),
        "here": here,
        "path": f"{here}?year={year}&",
    }
    html = bytes(page(template, words(language), shown).body)
    return _kept(request, [html], media_type="text/html; charset=utf-8")


def _csv(request: Request, table: Table) -> Response:
    response = _kept(request, csv_file.lines(table), media_type=MEDIA_TYPES["csv"])
    response.headers["Content-Disposition"] = f'attachment; filename="{request.url.path.rpartition("/")[2]}"'
    return response


def _kept(request: Request, pieces: Iterable[bytes], *, media_type: str) -> Response:
    """The whole answer with its tag; 304 where the caller holds it."""
    body = b"".join(pieces)
    tag = f'"{hashlib.sha256(body).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={KEPT_S}"}
    if is_held(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
