"""On-site checks of an instrument, for people: what was signed, beside what agents sent."""

from typing import NamedTuple

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from collector.api.access import Given, Lent
from collector.api.instruments import load_instrument
from collector.api.paging import AssetNoInPath
from collector.api.problem import Problem
from collector.evidence.confirming import Confirmation, compare_live_test, confirm
from collector.evidence.findings import StoredFinding, find_findings, list_findings
from collector.web import visitor
from collector.web.showing import show
from collector.web.visitor import Speaks, Visitor
from protocol.findings import Findings
from protocol.live_test import Compared

router = APIRouter(include_in_schema=False)


class Shown(NamedTuple):
    """One note with what was compared."""

    stored: StoredFinding
    findings: Findings
    nonce: Confirmation
    steps: list[Compared]


@router.get("/findings/{sha256}/note")
def show_note(connection: Lent, visiting: Visitor, sha256: str) -> Response:
    found = find_findings(connection, sha256[:64], scope=visiting.access.scope)
    if found is None:
        raise visitor.NothingThere
    return Response(found.body, media_type="text/plain; charset=utf-8")


@router.get("/findings/{asset_no:path}")
def show_findings(
    request: Request, given: Given, connection: Lent, speaks: Speaks, visiting: Visitor, asset_no: AssetNoInPath
) -> HTMLResponse:
    scope, today = visiting.access.scope, given.today()
    try:
        load_instrument(connection, asset_no, today, scope=scope, first_day=today, last_day=today)
    except Problem as problem:
        raise visitor.NothingThere from problem
    listed = [
        Shown(each, each.findings, confirm(connection, each.findings), compare_live_test(connection, each.findings))
        for each in list_findings(connection, asset_no=asset_no, scope=scope, limit=20)
    ]
    return show(request, "findings.html", speaks, person=visiting.person, asset_no=asset_no, listed=listed)
