"""What waits for a unit's information officer."""

from typing import Annotated

from fastapi import APIRouter, Query

from collector.api.access import Given, Lent, ReadsReadings
from collector.api.models import USCC
from collector.api.problem import Fault, bad_request, not_found, responses
from collector.api.self_evaluation_models import Waiting, Worklist
from collector.self_evaluation.worklist import Asked, is_in_scope, list_waiting

router = APIRouter(prefix="/worklist", tags=["self-evaluations"])


@router.get("", responses=responses(400, 404))
def show_worklist(
    given: Given,
    caller: ReadsReadings,
    connection: Lent,
    uscc: Annotated[str | None, Query(pattern=USCC, description="Of this unit; default: the caller's own")] = None,
) -> Worklist:
    """External hours without a document, instruments that are to join, open proposals, reports that are due."""
    scope = caller.access.scope
    asked_for = uscc or (scope.name if scope.kind == "unit" else None)
    if asked_for is None:
        raise bad_request("no-unit", Fault("query.uscc", "no unit is named"), remedy="say whose list is wanted")
    asked = Asked(asked_for, given.today())
    if not is_in_scope(connection, scope, asked):
        raise not_found("unit", asked_for, remedy="/api/v1/units lists those that there are")
    with connection.transaction():
        found = list_waiting(connection, asked)
    return Worklist(
        uscc=asked_for,
        as_of=asked.today,
        items=[Waiting(**{**each._asdict(), "about": list(each.about)}) for each in found],
    )
