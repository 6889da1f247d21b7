"""Cases of units that were rated poor: what they did within the year, and what an evaluator says of it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from collector.api.access import Given, HoldsRounds, Lent, ReadsHours, RecordsFacts, Services
from collector.api.case_models import AskedCaseRuling, AskedEntry, CaseDetail, CaseEntry, CaseRuling, PoorCase
from collector.api.documents import ANYTHING, Sha256InPath, answer_file
from collector.api.models import Page
from collector.api.paging import Cursor, Limit, after, page
from collector.api.problem import not_found, responses
from collector.api.round_asked import by_of, do, seen_scope, translated
from collector.cases import poor
from collector.evaluation import evidence
from collector.registry.access import EVERYTHING, Scope
from collector.store.database import Connection

router = APIRouter(prefix="/cases", tags=["cases"])
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of a case")]


@router.get("", responses=responses(400))
def list_poor_cases(
    request: Request,
    given: Given,
    caller: ReadsHours,
    connection: Lent,
    is_closed: Annotated[bool | None, Query(description="Only those that are closed, or only the others")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[PoorCase]:
    """Cases by number: of one's own unit or division, or all for those who may see scores."""
    [place] = after(request, cursor, start=[0])
    found = poor.list_cases(
        connection, scope=seen_scope(caller), is_closed=is_closed, after=int(place), limit=limit + 1
    )
    return page(request, found, limit=limit, item=lambda each: _item(each, given), key=lambda each: [each.case])


@router.get("/{number}", responses=responses(404))
def show_poor_case(given: Given, caller: ReadsHours, connection: Lent, number: Number) -> CaseDetail:
    """One case, with all that was entered and ruled."""
    return _detail(connection, given, number, scope=seen_scope(caller))


@router.post("/{number}/entries", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def enter_in_case(
    request: Request, given: Given, caller: RecordsFacts, connection: Lent, number: Number, asked: AskedEntry
) -> CaseDetail:
    """Enters what one's own unit did, or a document that shows it."""
    by = by_of(request, caller, given, asked.why)

    def make() -> None:
        poor.enter(
            connection,
            number,
            kind=asked.kind,
            document=asked.document,
            person=caller.person,
            access=caller.access,
            by=by,
        )

    do(connection, make)
    return _detail(connection, given, number, scope=EVERYTHING)


@router.post("/{number}/ruling", responses=responses(400, 403, 404))
def rule_on_case(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, number: Number, asked: AskedCaseRuling
) -> CaseDetail:
    """Accepts, which closes the case for good, or refuses, and it goes on."""
    by = by_of(request, caller, given, asked.why)
    do(connection, lambda: poor.rule(connection, number, verdict=asked.verdict, by=by))
    return _detail(connection, given, number, scope=EVERYTHING)


@router.get(
    "/{number}/documents/{sha256}",
    response_class=Response,
    responses={200: {"content": {ANYTHING: {}}, "description": "The file"}, **responses(404, 500)},
)
def show_case_document(
    given: Given, caller: ReadsHours, connection: Lent, number: Number, sha256: Sha256InPath
) -> Response:
    """A file that an entry names, to whoever sees the case; as a download."""
    with translated():
        case = poor.find_case(connection, number, scope=seen_scope(caller))
    if sha256 not in {entry.document for entry in poor.list_entries(connection, case)}:
        raise not_found("document", sha256, remedy="the entries name those that there are")
    return answer_file(given, evidence.find_document(connection, sha256))


def _detail(connection: Connection, given: Services, number: int, *, scope: Scope) -> CaseDetail:
    with translated():
        case = poor.find_case(connection, number, scope=scope)
    entries, rulings = poor.list_entries(connection, case), poor.list_rulings(connection, case)
    return CaseDetail(
        **_item(case, given).model_dump(),
        entries=[CaseEntry(kind=kind, told=told, document=sha256, made_by=by, made_at=at)
                 for _, kind, told, sha256, by, at in entries],
        rulings=[CaseRuling(verdict=verdict, why=why, made_by=by, made_at=at) for _, verdict, why, by, at in rulings],
    )  # fmt: skip


def _item(case: poor.PoorCase, given: Services) -> PoorCase:
    said = case._asdict()
    return PoorCase(case=said.pop("case_id"), state=case.state(given.today()), **said)
