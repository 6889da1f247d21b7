"""What waits for a unit's information officer."""

from typing import Annotated

from fastapi import APIRouter, Query

from collector.api.access import Given, Lent, ReadsReadings
from collector.api.models import USCC
from collector.api.problem import Fault, bad_request, not_found, responses
from collector.api.self_evaluation_models import Waiting, Worklist
from collector.errors import UnknownName
from collector.registry.access import EVERYTHING
from collector.registry.units import check_unit
from collector.self_evaluation.worklist import Asked, list_waiting

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
    if scope != EVERYTHING and (scope.kind, scope.name) != ("unit", asked_for):
        raise not_found("unit", asked_for, remedy="/api/v1/units lists those that there are")
    try:
        check_unit(connection, asked_for)
    except UnknownName as error:
        raise not_found("unit", asked_for, remedy="/api/v1/units lists those that there are") from error
    asked = Asked(asked_for, given.today())
    with connection.transaction():
        found = list_waiting(connection, asked)
    return Worklist(
        uscc=asked_for,
        as_of=asked.today,
        items=[Waiting(**{**each._asdict(), "about": list(each.about)}) for each in found],
    )
