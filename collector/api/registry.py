"""Files that fill the registry, as the body of a request: what `import-registry` does, for other systems."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Literal

import anyio.to_thread
from fastapi import APIRouter, Query, Request

from collector.api.access import ChangesRegistry, Given, Lent, actor_of
from collector.api.models import WrittenDay
from collector.api.paging import FIRST_DAY, LAST_DAY
from collector.api.problem import Problem, responses
from collector.api.registry_models import ImportReport, RefusedRow
from collector.errors import SheetError
from collector.registry.sheet_import import Outcome, Terms, import_sheet

router = APIRouter(prefix="/registry", tags=["registry"])

MAX_SHEET_BYTES = 16 * 1024 * 1024
"""A province of 16 000 instruments takes some 3 MB."""
BODY_WITHIN_S = 60.0
MEDIA_TYPE = "application/octet-stream"

FileKind = Literal["units", "facilities", "instruments", "memberships"]
FromDay = Annotated[
    WrittenDay,
    Query(ge=FIRST_DAY, le=LAST_DAY, description="From when rows hold that do not say so; today where left out"),
]
DryRun = Annotated[bool, Query(description="Say what would become of each row, and change nothing")]
AllOrNothing = Annotated[bool, Query(description="Register nothing where a row is refused")]


@router.post(
    "/{kind}",
    responses=responses(400, 408, 413),
    openapi_extra={"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": {"format": "binary"}}}}},
)
async def import_registry(
    request: Request,
    given: Given,
    caller: ChangesRegistry,
    connection: Lent,
    kind: FileKind,
    from_day: FromDay | None = None,
    dry_run: DryRun = False,
    all_or_nothing: AllOrNothing = False,
) -> ImportReport:
    """Registers the rows of a CSV or XLSX file; the columns are described in docs/registry.md.

    Rows that do not say from which day they hold do so from `from_day`, else from today. Answers 200 also where rows
    were refused; 400 where the file as a whole cannot be read.
    """
    raw = await _read_body(request)
    actor, day = actor_of(request, caller), from_day or given.today()
    terms = Terms(dry_run=dry_run, all_or_nothing=all_or_nothing)

    def take() -> Outcome:
        return import_sheet(connection, kind, raw, actor=actor, from_day=day, terms=terms)

    try:
        outcome = await anyio.to_thread.run_sync(take)
    except SheetError as error:
        raise Problem("no-sheet", f"nothing was registered: {error}", status=HTTPStatus.BAD_REQUEST) from error
    return _told(outcome)


async def _read_body(request: Request) -> bytes:
    """The file; its size was checked while it came (limits.py)."""
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            return await request.body()
    except TimeoutError as error:
        detail = f"the body did not come within {BODY_WITHIN_S:.0f} s; send it again, or divide the file"
        raise Problem("too-slow", detail, status=HTTPStatus.REQUEST_TIMEOUT) from error


def _told(outcome: Outcome) -> ImportReport:
    report = outcome.report
    return ImportReport(
        is_applied=outcome.is_applied,
        rows=report.rows,
        accepted=report.accepted,
        unchanged=report.unchanged,
        refused=report.refused,
        refusals=[RefusedRow(**refusal._asdict()) for refusal in report.by_row()],
    )
