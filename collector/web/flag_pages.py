"""Flags for people: whom to visit first, and every finding with its figures and the way to its days.

    /flags?from=2026-03-01&to=2026-03-31

The page says what a flag is: a signal for a visit, no verdict, and nothing that changes an hour.
"""

from datetime import date, timedelta
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from collector.api.access import Given, Lent
from collector.api.paging import FIRST_DAY, LAST_DAY
from collector.flags.listing import Kept, list_checks, list_flags
from collector.registry.access import Scope
from collector.store.database import Connection
from collector.web.showing import show
from collector.web.visitor import Speaks, Visitor
from collector.web.words import Language
from protocol.flags.catalogue import RULES, tell

router = APIRouter(include_in_schema=False)
SHOWN_DAYS = 92
MAX_LINES = 500

From = Annotated[date | None, Query(alias="from", ge=FIRST_DAY, le=LAST_DAY)]
To = Annotated[date | None, Query(alias="to", ge=FIRST_DAY, le=LAST_DAY)]


class FlagLine(NamedTuple):
    """One finding as a page shows it."""

    asset_no: str
    first_day: str
    last_day: str
    title: str
    told: str
    weight: int


@router.get("/flags")
def show_flags(
    request: Request,
    given: Given,
    connection: Lent,
    speaks: Speaks,
    visiting: Visitor,
    first_day: From = None,
    last_day: To = None,
) -> HTMLResponse:
    last = last_day or given.today()
    first = min(last, first_day or last - timedelta(days=SHOWN_DAYS))
    scope = visiting.access.scope
    checks = list_checks(connection, scope, first_day=first, last_day=last, limit=MAX_LINES)
    return show(
        request,
        "flags.html",
        speaks,
        person=visiting.person,
        first=first,
        last=last,
        checks=checks,
        titles={name: _title(name, speaks.language) for check in checks for name in check.rules},
        lines=load_lines(connection, scope, first_day=first, last_day=last, language=speaks.language),
    )


def load_lines(
    connection: Connection,
    scope: Scope,
    *,
    first_day: date,
    last_day: date,
    language: Language,
    asset_no: str | None = None,
) -> list[FlagLine]:
    """The findings of a range of days, in the words of a language."""
    found = list_flags(connection, scope, first_day=first_day, last_day=last_day, asset_no=asset_no, limit=MAX_LINES)
    return [_line(each, language) for each in found]


def _line(kept: Kept, language: Language) -> FlagLine:
    flag = kept.flag
    title = _title(flag.rule, language)
    return FlagLine(flag.asset, flag.first_day, flag.last_day, title, tell(flag, language), kept.weight)


def _title(name: str, language: Language) -> str:
    """What a rule is called; one that there is no more keeps its name."""
    rule = RULES.get(name)
    return name if rule is None else rule.title_zh if language == "zh" else rule.title_en
