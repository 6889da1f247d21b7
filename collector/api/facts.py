"""Orders, uses and documents of orders are recorded, one by one or many at once; fact_lists.py shows them.

The rules are those of files (collector.facts): a request's members become the cells of a row. A caller's keys are his
own: two systems may use the same numbers.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel

from collector.api.access import Given, Lent, RecordsFacts, Services, actor_of
from collector.api.fact_models import (
    FactsReport,
    NewOrder,
    NewOrderDocument,
    NewRows,
    NewUse,
    RecordedFacts,
    RecordedRow,
)
from collector.api.problem import Fault, Problem, responses
from collector.api.registry_models import RefusedRow
from collector.facts.drafts import Bringer
from collector.facts.importing import Taken, Taking, take_rows
from collector.facts.lines import as_texts
from collector.facts.mapping import own_mapping
from collector.facts.salt import open_salt
from collector.facts.store import Recorded
from collector.registry.people import Caller
from collector.sheet_report import Report
from collector.sheets import Row
from collector.store.database import Connection

router = APIRouter(tags=["facts"])
MAX_BATCH_BYTES = 4 * 1024 * 1024
BATCH = "/batch"

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=200, description="As the member `key`, for callers of HTTP"
    ),
]
DryRun = Annotated[bool, Query(description="Say what would become of each item, and change nothing")]
AllOrNothing = Annotated[bool, Query(description="Record nothing where an item is refused")]


@router.post("/uses", status_code=HTTPStatus.CREATED, responses=responses(409))
def record_use(
    request: Request, response: Response, given: Given, caller: RecordsFacts, connection: Lent, said: NewUse,
    idempotency_key: Key = None,
) -> RecordedFacts:  # fmt: skip
    """Records who had an instrument. Sent again it is 200 and nothing new; something else under its key is 409."""
    if idempotency_key is not None:
        said = said.model_copy(update={"key": said.key or idempotency_key})
    return _record_one(connection, response, taking=_taking(request, given, caller, what="uses"), said=said)


@router.post("/orders", status_code=HTTPStatus.CREATED, responses=responses(409))
def record_order(
    request: Request, response: Response, given: Given, caller: RecordsFacts, connection: Lent, said: NewOrder
) -> RecordedFacts:
    """Records a service order. Its number is its key: sent again it is 200, with other members 409."""
    return _record_one(connection, response, taking=_taking(request, given, caller, what="orders"), said=said)


@router.post("/order-documents", status_code=HTTPStatus.CREATED, responses=responses(409))
def record_order_document(
    request: Request, response: Response, given: Given, caller: RecordsFacts, connection: Lent, said: NewOrderDocument
) -> RecordedFacts:
    """Records one more document of an order; the file is stored before (POST /documents)."""
    return _record_one(connection, response, taking=_taking(request, given, caller, what="order-documents"), said=said)


@router.post("/uses" + BATCH, responses=responses(413))
def record_uses(
    request: Request, given: Given, caller: RecordsFacts, connection: Lent, said: NewRows[NewUse],
    dry_run: DryRun = False, all_or_nothing: AllOrNothing = False,
) -> FactsReport:  # fmt: skip
    """Records many uses, each on its own: 200 also where some are refused."""
    taking = _taking(request, given, caller, what="uses")._replace(dry_run=dry_run, all_or_nothing=all_or_nothing)
    return _record_many(connection, taking, items=said.items)


@router.post("/orders" + BATCH, responses=responses(413))
def record_orders(
    request: Request, given: Given, caller: RecordsFacts, connection: Lent, said: NewRows[NewOrder],
    dry_run: DryRun = False, all_or_nothing: AllOrNothing = False,
) -> FactsReport:  # fmt: skip
    """Records many orders, each on its own: 200 also where some are refused."""
    taking = _taking(request, given, caller, what="orders")._replace(dry_run=dry_run, all_or_nothing=all_or_nothing)
    return _record_many(connection, taking, items=said.items)


@router.post("/order-documents" + BATCH, responses=responses(413))
def record_order_documents(
    request: Request, given: Given, caller: RecordsFacts, connection: Lent, said: NewRows[NewOrderDocument],
    dry_run: DryRun = False, all_or_nothing: AllOrNothing = False,
) -> FactsReport:  # fmt: skip
    """Records many documents of orders, each on its own: 200 also where some are refused."""
    taking = _taking(request, given, caller, what="order-documents")._replace(
        dry_run=dry_run, all_or_nothing=all_or_nothing
    )
    return _record_many(connection, taking, items=said.items)


# Recording


def _taking(request: Request, given: Services, caller: Caller, *, what: str) -> Taking:
    at_ms, scope = round(given.now().timestamp() * 1000), caller.access.scope
    unit = scope.name if scope.kind == "unit" else None
    name = caller.person.name
    bringer = Bringer(name, at_ms, f"api/{name}", open_salt(given.config.data_dir), unit)
    return Taking(bringer, actor_of(request, caller), what, scope)


def _take(connection: Connection, taking: Taking, *, items: Sequence[BaseModel]) -> tuple[Taken, list[RecordedRow]]:
    """`taking.what` is the kind of the rows."""
    recorded: list[RecordedRow] = []

    def tell(row: Row, made: Sequence[Recorded]) -> None:
        identities = [each.sha256 for each in made]
        recorded.append(RecordedRow(row=row.number, facts=identities, is_new=any(each.is_new for each in made)))

    rows = [Row(number, as_texts(item.model_dump(mode="json"))) for number, item in enumerate(items, 1)]
    taking = taking._replace(tell=tell)
    return take_rows(connection, rows, own_mapping(taking.what), taking=taking, report=Report()), recorded


def _record_one(connection: Connection, response: Response, *, taking: Taking, said: BaseModel) -> RecordedFacts:
    taken, recorded = _take(connection, taking, items=[said])
    if taken.report.refused:
        faults = [Fault(f"body.{each.field}", f"{each.why}; {each.remedy}") for each in taken.report.refusals]
        detail = "; ".join(f"{fault.place}: {fault.problem}" for fault in faults)
        raise Problem("refused", detail, status=HTTPStatus.CONFLICT, title="It cannot be recorded", faults=faults)
    [row] = recorded
    if not row.is_new:
        response.status_code = HTTPStatus.OK
    return RecordedFacts(facts=row.facts, is_new=row.is_new)


def _record_many(connection: Connection, taking: Taking, *, items: Sequence[BaseModel]) -> FactsReport:
    taken, recorded = _take(connection, taking, items=items)
    report = taken.report
    return FactsReport(
        is_applied=taken.is_applied,
        rows=report.rows,
        accepted=report.accepted,
        unchanged=report.unchanged,
        refused=report.refused,
        recorded=recorded if taken.is_applied else [],
        refusals=[RefusedRow(**refusal._asdict()) for refusal in report.by_row()],
    )
