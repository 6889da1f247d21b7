"""Self-evaluation reports: drafted, confirmed and submitted by units, returned and accepted by the evaluator.

What a report says is read by its unit, and by evaluators once it was submitted; where it stands, by whoever may ask for
hours of the unit.
"""

import tempfile
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from collector.api.access import (
    Given,
    HoldsRounds,
    Lent,
    ReadsHours,
    ReadsReports,
    RecordsFacts,
    Services,
)
from collector.api.models import USCC, Page
from collector.api.paging import Cursor, Limit, after, page
from collector.api.problem import not_found, responses
from collector.api.round_asked import by_of, do, translated
from collector.api.self_evaluation_models import (
    AskedConfirmation,
    AskedDraft,
    AskedDue,
    AskedReportStep,
    Confirmed,
    DueDay,
    ReportDifference,
    ReportStep,
    SelfEvaluation,
    SelfEvaluationDetail,
    UnitTimeliness,
)
from collector.errors import UnknownName
from collector.exports import xlsx_file
from collector.registry.access import EVERYTHING, Scope
from collector.registry.people import Caller
from collector.self_evaluation import document, report_tables, reports, timeliness, versions
from collector.self_evaluation.changes import Difference
from collector.self_evaluation.reports import Doer
from collector.self_evaluation.states import State
from collector.self_evaluation.versions import Standing, Step, Version
from collector.store.database import Connection

router = APIRouter(prefix="/self-evaluations", tags=["self-evaluations"])

Made = TypeVar("Made")
Uscc = Annotated[str, Path(pattern=USCC, description="The unit's code")]
Year = Annotated[int, Path(ge=2000, le=2199)]
YearAsked = Annotated[int, Query(ge=2000, le=2199, description="The year that was evaluated")]
MEDIA_TYPES = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_CONTENT = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES.values()}


@router.get("", responses=responses(400))
def list_self_evaluations(
    request: Request,
    caller: ReadsHours,
    connection: Lent,
    year: YearAsked | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[SelfEvaluation]:
    """Reports with where they stand, the latest year first."""
    place, uscc = after(request, cursor, start=[-10_000, ""])
    found = versions.list_reports(
        connection, caller.access.scope, year=year, after=(int(place), str(uscc)), limit=limit + 1
    )
    return page(request, found, limit=limit, item=_item, key=lambda each: [-each.year, each.uscc])


@router.get("/timeliness", responses=responses(400))
def list_report_timeliness(
    request: Request,
    given: Given,
    caller: ReadsHours,
    connection: Lent,
    year: YearAsked,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[UnitTimeliness]:
    """Units that owe a report of a year, by code: in time, late or missing, and by how many days."""
    [uscc] = after(request, cursor, start=[""])
    found = timeliness.list_timeliness(
        connection, year, scope=caller.access.scope, today=given.today(), after=str(uscc), limit=limit + 1
    )
    return page(
        request, found, limit=limit, item=lambda each: UnitTimeliness(**each._asdict()), key=lambda each: [each.uscc]
    )


@router.post("/due", status_code=HTTPStatus.CREATED, responses=responses(400, 403))
def set_report_due(request: Request, given: Given, caller: HoldsRounds, connection: Lent, asked: AskedDue) -> DueDay:
    """Says until when the reports of a year are submitted; of two the later said one holds."""
    doer = _doer(request, caller, given, asked.why)
    made = do(connection, lambda: timeliness.set_due(connection, asked.year, asked.due_on, doer=doer))
    return DueDay(year=asked.year, **made._asdict())


@router.get("/{uscc}/{year}", responses=responses(404))
def show_self_evaluation(caller: ReadsHours, connection: Lent, uscc: Uscc, year: Year) -> SelfEvaluationDetail:
    """One report, with how it came where it is."""
    held = _find(connection, caller, uscc, year)
    steps = [_step(each) for each in versions.list_steps(connection, held)]
    return SelfEvaluationDetail.model_validate({**_members(held), "steps": steps})


@router.get(
    "/{uscc}/{year}/report.{form}",
    response_class=Response,
    responses={200: {"content": _CONTENT, "description": "The file"}, **responses(403, 404)},
)
def show_report(
    given: Given,
    caller: ReadsReports,
    connection: Lent,
    uscc: Uscc,
    year: Year,
    form: Literal["json", "html", "xlsx"],
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="The newest that the caller may read")] = None,
) -> Response:
    """A version as its exact bytes (json), as a page to print (html), or as a workbook (xlsx)."""
    held = _find(connection, caller, uscc, year)
    with translated():
        found = versions.load_version(connection, held, caller.access, number=version)
    headers = {"Content-Disposition": f'attachment; filename="self-evaluation-{uscc}-{year}.{form}"'}
    if form == "html":
        headers["Content-Security-Policy"] = f"{document.CONTENT_POLICY}; frame-ancestors 'none'"
    return Response(
        _written(connection, held, found, form=form, given=given), media_type=MEDIA_TYPES[form], headers=headers
    )


@router.get("/{uscc}/{year}/differences", responses=responses(400, 403, 404))
def list_report_differences(
    given: Given, caller: ReadsReports, connection: Lent, uscc: Uscc, year: Year
) -> list[ReportDifference]:
    """What the records say otherwise now than the newest version does that the caller may read."""
    held = _find(connection, caller, uscc, year)

    def compare() -> list[Difference]:
        version = versions.load_version(connection, held, caller.access)
        return reports.compare(connection, version, today=given.today())

    return [ReportDifference(**each._asdict()) for each in do(connection, compare)]


@router.post("/{uscc}/{year}/drafts", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def draft_self_evaluation(
    request: Request, given: Given, caller: RecordsFacts, connection: Lent, uscc: Uscc, year: Year, asked: AskedDraft
) -> SelfEvaluation:
    """Makes the next version: the figures of now, and the unit's texts."""
    _check_scope(caller, uscc)
    doer = _doer(request, caller, given, asked.why)
    texts: dict[str, object] = {**asked.texts}
    return _item(do(connection, lambda: reports.draft(connection, uscc, year, given=texts, doer=doer)))


@router.post("/{uscc}/{year}/confirmation", responses=responses(400, 403, 404, 409))
def confirm_self_evaluation(
    request: Request,
    given: Given,
    caller: RecordsFacts,
    connection: Lent,
    uscc: Uscc,
    year: Year,
    asked: AskedConfirmation,
) -> Confirmed:
    """Confirms the newest version; 409 where the records say otherwise by now and its figures are not kept on
    purpose."""
    _check_scope(caller, uscc)
    doer = _doer(request, caller, given, asked.why)
    made, found = do(
        connection, lambda: reports.confirm(connection, uscc, year, keep_figures=asked.keep_figures, doer=doer)
    )
    changed = [ReportDifference(**each._asdict()) for each in found]
    return Confirmed.model_validate({**_members(made), "differences": changed})


@router.post("/{uscc}/{year}/submission", responses=responses(400, 403, 404))
def submit_self_evaluation(
    request: Request,
    given: Given,
    caller: RecordsFacts,
    connection: Lent,
    uscc: Uscc,
    year: Year,
    asked: AskedReportStep,
) -> SelfEvaluation:
    """Submits what was confirmed."""
    _check_scope(caller, uscc)
    return _go_on(connection, uscc, year, "submitted", doer=_doer(request, caller, given, asked.why))


@router.post("/{uscc}/{year}/return", responses=responses(400, 403, 404))
def return_self_evaluation(
    request: Request,
    given: Given,
    caller: HoldsRounds,
    connection: Lent,
    uscc: Uscc,
    year: Year,
    asked: AskedReportStep,
) -> SelfEvaluation:
    """The evaluator sends what was submitted back, with the reason."""
    return _go_on(connection, uscc, year, "returned", doer=_doer(request, caller, given, asked.why))


@router.post("/{uscc}/{year}/acceptance", responses=responses(400, 403, 404))
def accept_self_evaluation(
    request: Request,
    given: Given,
    caller: HoldsRounds,
    connection: Lent,
    uscc: Uscc,
    year: Year,
    asked: AskedReportStep,
) -> SelfEvaluation:
    """The evaluator accepts what was submitted."""
    return _go_on(connection, uscc, year, "accepted", doer=_doer(request, caller, given, asked.why))


def _go_on(connection: Connection, uscc: str, year: int, state: State, *, doer: Doer) -> SelfEvaluation:
    return _item(do(connection, lambda: reports.go_on(connection, uscc, year, state, doer=doer)))


def _written(connection: Connection, held: Standing, found: Version, *, form: str, given: Services) -> bytes:
    if form == "json":
        return found.body
    steps = versions.list_steps(connection, held)
    if form == "html":
        return document.render(found, steps).encode()
    tables = report_tables.tables_of(found, steps)
    with tempfile.TemporaryDirectory() as directory:
        path = FilePath(directory) / "report.xlsx"
        xlsx_file.write(path, tables, made_at=given.now())
        return path.read_bytes()


def _find(connection: Connection, caller: Caller, uscc: str, year: int) -> Standing:
    try:
        return versions.find_report(connection, uscc, year, scope=caller.access.scope)
    except UnknownName as error:
        remedy = "/api/v1/self-evaluations lists those that there are"
        raise not_found("self-evaluation", f"{uscc}/{year}", remedy=remedy) from error


def _check_scope(caller: Caller, uscc: str) -> None:
    """What lies outside of the caller's scope looks like what is not there."""
    if caller.access.scope not in (EVERYTHING, Scope("unit", uscc)):
        raise not_found("unit", uscc, remedy="/api/v1/units lists those that there are")


def _doer(request: Request, caller: Caller, given: Services, why: str) -> Doer:
    return Doer(by_of(request, caller, given, why), caller.access)


def _members(held: Standing) -> dict[str, object]:
    return {name: value for name, value in held._asdict().items() if name != "report_id"}


def _item(held: Standing) -> SelfEvaluation:
    return SelfEvaluation.model_validate(_members(held))


def _step(step: Step) -> ReportStep:
    state, version, sha256, differences, why, by, at = step
    return ReportStep(state=state, version=version, sha256=sha256, differences=differences, why=why, by=by, at=at)
