"""Which instruments are in the provincial network, since when, by what proof, and which are late."""

from datetime import date
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from collector.api.access import ChangesRegistry, Given, Lent, ReadsInstruments, actor_of
from collector.api.models import Model, Page, WrittenDay
from collector.api.paging import FIRST_DAY, LAST_DAY, AsOf, Cursor, Limit, after, page
from collector.api.problem import Problem, responses
from collector.errors import CalendarUnknown, NetworkError, UnknownName
from collector.monitoring.settings import load_settings
from collector.network.states import MAX_TEXT, State, Step, Warned, Warnings, enter, list_standings
from collector.network.states import Standing as Held
from collector.registry.audit import record_change

router = APIRouter(prefix="/network", tags=["instruments"])


class Standing(Model):
    """How an instrument stands at the end of a local day."""

    asset_no: str
    name_zh: str
    owner: str | None = Field(description="USCC of the unit that owned it")
    state: State
    since: date | None = Field(description="Day of the last step into the network or out of it")
    proof: str
    why: str
    recorded_by: str
    accepted_on: date | None
    due_on: date | None = Field(description="Last day of its term of 30 working days; of those that have to join")
    days_left: int | None = Field(description="Working days that are left of the term; of those in time")
    warned: Warned | None = Field(
        description="Whether these are few: `jishi-collector monitoring settings` says how few"
    )
    problem: str = Field(description="Why no term can be told")


class AskedStep(Model):
    """An instrument joined the network or left it."""

    asset_no: str = Field(min_length=1, max_length=64)
    step: Step
    from_day: WrittenDay = Field(ge=FIRST_DAY, le=LAST_DAY)
    proof: str = Field(default="", max_length=MAX_TEXT, description="Who joins names what shows it")
    why: str = Field(default="", max_length=MAX_TEXT, description="Who leaves says why")


class RecordedStep(Model):
    asset_no: str
    step: Step
    from_day: date


@router.get("", responses=responses(400, 409))
def list_network(
    request: Request,
    given: Given,
    caller: ReadsInstruments,
    connection: Lent,
    state: Annotated[
        State | Warned | None, Query(description="Only these; `due-soon` and `due-last` are among those `pending`")
    ] = None,
    as_of: AsOf | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Standing]:
    """Instruments by asset number, with their state. 409 where the working days of a year are not known."""
    [after_asset] = after(request, cursor, start=[""])
    day = as_of or given.today()
    settings = load_settings(connection, day)
    try:
        rows = list_standings(
            connection,
            day=day,
            scope=caller.access.scope,
            state=state,
            after=str(after_asset),
            limit=limit + 1,
            warnings=Warnings(settings.due_soon_days, settings.due_last_days),
        )
    except CalendarUnknown as error:
        raise Problem("calendar-unknown", str(error), status=HTTPStatus.CONFLICT) from error
    return page(request, rows, limit=limit, item=_item, key=lambda each: [each.asset_no])


@router.post("", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def enter_network_step(
    request: Request, given: Given, caller: ChangesRegistry, connection: Lent, asked: AskedStep
) -> RecordedStep:
    """Keeps that an instrument joined or left. Nothing is deleted: of two steps for one day the later one holds."""
    try:
        with connection.transaction():
            enter(
                connection,
                asked.asset_no,
                asked.step,
                from_day=asked.from_day,
                proof=asked.proof,
                why=asked.why,
                by=caller.person.name,
                today=given.today(),
            )
            new: dict[str, object] = {"from_day": str(asked.from_day), "proof": asked.proof}
            actor = actor_of(request, caller)
            record_change(connection, actor, f"network.{asked.step}", target=asked.asset_no, new=new, reason=asked.why)
    except UnknownName as error:
        raise Problem("not-found", str(error), status=HTTPStatus.NOT_FOUND) from error
    except NetworkError as error:
        raise Problem("cannot-be-so", str(error), status=HTTPStatus.BAD_REQUEST) from error
    return RecordedStep(asset_no=asked.asset_no, step=asked.step, from_day=asked.from_day)


def _item(held: Held) -> Standing:
    return Standing(**held._asdict())
