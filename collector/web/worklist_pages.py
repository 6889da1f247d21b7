"""The information officer's page: what waits for the unit, and its self-evaluation reports to read and to print.

    /worklist?unit=91610131MA6TYUUC74 → /self-evaluations/91610131MA6TYUUC74/2025

The report is the document itself (self_evaluation/document.py), with its own style and a policy that lets it have one.
"""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import HTMLResponse

from collector.api.access import Given, Lent
from collector.api.models import USCC
from collector.errors import NotAllowed, UnknownName
from collector.registry.access import Scope
from collector.self_evaluation import document, versions, worklist
from collector.self_evaluation.worklist import Asked, Waiting
from collector.web import visitor
from collector.web.showing import show
from collector.web.visitor import Speaks, Visitor

router = APIRouter(include_in_schema=False)
_OF_HOURS = ("claimed", "unresolved")


class Line(NamedTuple):
    """Something that waits, and the page that leads on from it ("" where there is none)."""

    waiting: Waiting
    path: str
    is_late: bool


@router.get("/worklist")
def show_worklist(
    request: Request,
    given: Given,
    connection: Lent,
    speaks: Speaks,
    visiting: Visitor,
    unit: Annotated[str, Query(max_length=18)] = "",
) -> HTMLResponse:
    scope = visiting.access.scope
    uscc = unit or (scope.name if scope.kind == "unit" else "")
    asked = Asked(uscc, given.today())
    lines: list[Line] = []
    if uscc:
        if not worklist.is_in_scope(connection, scope, asked):
            raise visitor.NothingThere
        with connection.transaction():
            lines = [_line(each, asked) for each in worklist.list_waiting(connection, asked)]
    held = versions.list_reports(connection, scope if not uscc else Scope("unit", uscc), limit=100)
    return show(
        request,
        "worklist.html",
        speaks,
        person=visiting.person,
        uscc=uscc,
        today=asked.today,
        lines=lines,
        reports=held,
    )


@router.get("/self-evaluations/{uscc}/{year}")
def show_report(
    connection: Lent,
    visiting: Visitor,
    uscc: Annotated[str, Path(pattern=USCC)],
    year: Annotated[int, Path(ge=2000, le=2199)],
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> HTMLResponse:
    try:
        held = versions.find_report(connection, uscc, year, scope=visiting.access.scope)
        found = versions.load_version(connection, held, visiting.access, number=version)
    except UnknownName as error:
        raise visitor.NothingThere from error
    except NotAllowed as error:
        raise visitor.NotAllowed(visiting.person) from error
    headers = {
        "Content-Security-Policy": f"{document.CONTENT_POLICY}; frame-ancestors 'none'",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(document.render(found, versions.list_steps(connection, held)), headers=headers)


def _line(waiting: Waiting, asked: Asked) -> Line:
    path = ""
    if waiting.kind in _OF_HOURS and waiting.since is not None:
        path = f"/figures/unit/{asked.uscc}?year={waiting.since.year}"
    elif waiting.kind == "report" and waiting.what != "none":
        path = f"/self-evaluations/{asked.uscc}/{waiting.about[0]}"
    return Line(waiting, path, waiting.due_on is not None and waiting.due_on < asked.today)
