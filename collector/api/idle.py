"""Instruments that are long not powered on, or long not seen: the counters, and the cases about them."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from collector.api.access import Given, Lent, Monitors, ReadsHours, ReadsReadings, RecordsFacts, Services
from collector.api.models import USCC, Page
from collector.api.monitoring import by_of
from collector.api.monitoring_models import (
    AskedAnswer,
    AskedIdleStep,
    AskedReminders,
    IdleCase,
    IdleCaseDetail,
    IdleCases,
    IdleCounter,
    IdleStep,
)
from collector.api.paging import AsOf, AssetNo, Cursor, Limit, after, page
from collector.api.problem import not_found, responses
from collector.api.round_asked import do
from collector.errors import UnknownName
from collector.monitoring import cases, idle
from collector.monitoring.case_states import State
from collector.monitoring.cases import Case, Wanted
from collector.monitoring.idle import Idleness
from collector.monitoring.settings import load_settings
from collector.registry.people import Caller
from collector.store.database import Connection

router = APIRouter(prefix="/idle", tags=["monitoring"])

Number = Annotated[int, Path(ge=1, lt=2**63, description="The case's number")]


@router.get("", responses=responses(400))
def list_idle_counters(
    request: Request,
    given: Given,
    caller: ReadsHours,
    connection: Lent,
    state: Annotated[Idleness | None, Query(description="Only these")] = None,
    uscc: Annotated[str | None, Query(pattern=USCC, description="Only what this unit owned")] = None,
    as_of: AsOf | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[IdleCounter]:
    """Days since each instrument was powered on, at the end of a local day (yesterday where it is left out)."""
    [asset_no] = after(request, cursor, start=[""])
    day = as_of or given.today() - timedelta(days=1)
    asked = idle.Asked(day, caller.access.scope, state, uscc, str(asset_no), limit + 1)
    found = idle.list_counters(connection, asked, load_settings(connection, day))
    return page(
        request,
        found,
        limit=limit,
        item=lambda each: IdleCounter(**each._asdict(), days=each.days),
        key=lambda each: [each.asset_no],
    )


@router.get("/cases", responses=responses(400))
def list_idle_cases(
    request: Request,
    given: Given,
    caller: ReadsReadings,
    connection: Lent,
    state: Annotated[State | None, Query(description="Only these")] = None,
    asset_no: AssetNo | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[IdleCase]:
    """Reminders and where their cases stand, the newest first; a unit sees its own."""
    [before] = after(request, cursor, start=[2**62])
    found = cases.list_cases(
        connection,
        scope=caller.access.scope,
        today=given.today(),
        state=state,
        asset_no=asset_no,
        before=int(before),
        limit=limit + 1,
    )
    return page(request, found, limit=limit, item=_item, key=lambda each: [each.case_id])


@router.get("/cases/{number}", responses=responses(404))
def show_idle_case(given: Given, caller: ReadsReadings, connection: Lent, number: Number) -> IdleCaseDetail:
    """One case with its steps."""
    held = _find(connection, caller, given, number)
    steps = [IdleStep(**each._asdict()) for each in cases.list_steps(connection, number)]
    return IdleCaseDetail(**held._asdict(), steps=steps)


@router.post("/reminders", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404, 413))
def send_idle_reminders(
    request: Request, given: Given, caller: Monitors, connection: Lent, asked: AskedReminders
) -> IdleCases:
    """Begins a case for each instrument that is idle or silent at the end of yesterday."""
    by = by_of(request, caller, given, asked.why)
    made = do(connection, lambda: cases.remind(connection, by, assets=asked.assets))
    return IdleCases(items=[_item(each) for each in made])


@router.post("/cases/{number}/answer", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def answer_idle_case(
    request: Request, given: Given, caller: RecordsFacts, connection: Lent, number: Number, asked: AskedAnswer
) -> IdleCase:
    """A person of the unit says why."""
    _find(connection, caller, given, number)
    by = by_of(request, caller, given, asked.why)
    return _item(do(connection, lambda: cases.answer(connection, number, by, document=asked.document)))


@router.post("/cases/{number}/steps", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def take_idle_step(
    request: Request, given: Given, caller: Monitors, connection: Lent, number: Number, asked: AskedIdleStep
) -> IdleCase:
    """Judges the reason, opens the transfer, closes the case with its outcome, or withdraws it."""
    by = by_of(request, caller, given, asked.why)
    wanted = Wanted(asked.state, until_day=asked.until_day, outcome=asked.outcome)
    return _item(do(connection, lambda: cases.take(connection, number, wanted, by)))


def _find(connection: Connection, caller: Caller, given: Services, number: int) -> Case:
    try:
        return cases.find_case(connection, number, today=given.today(), scope=caller.access.scope)
    except UnknownName as error:
        raise not_found("case", number, remedy="/api/v1/idle/cases lists those that there are") from error


def _item(held: Case) -> IdleCase:
    return IdleCase(**held._asdict())
