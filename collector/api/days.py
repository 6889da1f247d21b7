"""What lies behind the record of a day: why a second counted, and the revisions that a closed day went through."""

from datetime import date, time
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from collector.accounts.closing import list_revisions, load_revision
from collector.accounts.explaining import explain_second
from collector.api.access import Given, Lent, ReadsHours, ReadsReadings
from collector.api.day_models import Explanation, Revision, Revisions, Step
from collector.api.instruments import load_instrument
from collector.api.paging import AssetNoInPath, DayInPath
from collector.api.problem import Problem, not_found, responses
from collector.errors import DerivationError, ReadingsDropped
from collector.registry.access import Scope
from collector.store.database import Connection

router = APIRouter(prefix="/hours", tags=["hours"])
MAX_REVISION = 2**31 - 1


@router.get("/{asset_no:path}/{day}/explain", responses=responses(404, 410))
def explain_hours(
    given: Given,
    caller: ReadsReadings,
    connection: Lent,
    asset_no: AssetNoInPath,
    day: DayInPath,
    at: Annotated[time, Query(description="Local time of the day (UTC+8), as 10:15:30")],
) -> Explanation:
    """Why a second of the day counts or does not: readings, thresholds, dwell, watchers, declarations, policy."""
    _check_scope(connection, asset_no, given.today(), scope=caller.access.scope, day=day)
    second = at.hour * 3600 + at.minute * 60 + at.second
    try:
        found = explain_second(connection, asset_no, day=day, second=second)
    except ReadingsDropped as error:
        raise Problem("readings-dropped", str(error), status=HTTPStatus.GONE) from error
    except DerivationError as error:
        raise Problem("not-derived", str(error), status=HTTPStatus.NOT_FOUND) from error
    return Explanation(
        asset_no=found.asset,
        day=day,
        at=found.at,
        state=found.state,
        operating_state=found.operating_state,
        is_effective=found.is_effective,
        standings=list(found.standings),
        grade=found.grade,
        owner=found.owner,
        policy_sha256=found.policy,
        steps=[Step(rule=step.rule, text=step.text, refs=list(step.refs)) for step in found.steps],
    )


@router.get("/{asset_no:path}/{day}/revisions", responses=responses(404))
def list_record_revisions(
    given: Given, caller: ReadsHours, connection: Lent, asset_no: AssetNoInPath, day: DayInPath
) -> Revisions:
    """The closed records of a day, the first one first; none while it is open. Each cites the one before."""
    _check_scope(connection, asset_no, given.today(), scope=caller.access.scope, day=day)
    found = list_revisions(connection, asset_no, day=day)
    return Revisions(items=[Revision(**each._asdict()) for each in found])


@router.get(
    "/{asset_no:path}/{day}/revisions/{revision}",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}, "description": "The bytes"}, **responses(404)},
)
def show_revision_bytes(
    given: Given, caller: ReadsHours, connection: Lent, asset_no: AssetNoInPath, day: DayInPath, revision: int
) -> Response:
    """The exact bytes of one closed record; their SHA-256 is in the list."""
    _check_scope(connection, asset_no, given.today(), scope=caller.access.scope, day=day)
    body = load_revision(connection, asset_no, day=day, revision=revision) if 0 < revision <= MAX_REVISION else None
    if body is None:
        raise not_found("revision", f"{asset_no} {day} {revision}", remedy="…/revisions lists those that there are")
    return Response(body, media_type="application/json")


def _check_scope(connection: Connection, asset_no: str, today: date, *, scope: Scope, day: date) -> None:
    load_instrument(connection, asset_no, today, scope=scope, first_day=day, last_day=day)
