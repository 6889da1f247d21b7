"""Alarms: what is wrong with agents and with the coverage of instruments, since when, and who knows of it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from collector.api.access import Given, Lent, ReadsAgents
from collector.api.models import Page
from collector.api.monitoring import by_of
from collector.api.monitoring_models import Alarm, AskedAcknowledgement
from collector.api.paging import Cursor, Limit, after, page
from collector.api.problem import responses
from collector.api.round_asked import do
from collector.monitoring import alarms
from collector.monitoring.alarms import Asked, Kind, acknowledge

router = APIRouter(prefix="/alarms", tags=["monitoring"])

Number = Annotated[int, Path(ge=1, lt=2**63, description="The alarm's number")]


@router.get("", responses=responses(400))
def list_alarms(
    request: Request,
    given: Given,
    caller: ReadsAgents,
    connection: Lent,
    kind: Annotated[Kind | None, Query(description="Only these")] = None,
    with_closed: Annotated[bool, Query(description="Those that are over, too")] = False,
    only_new: Annotated[bool, Query(description="Only those that nobody has acknowledged")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Alarm]:
    """Alarms as of the last look (`account` looks once a minute), the latest opened first."""
    [before] = after(request, cursor, start=[2**62])
    asked = Asked(caller.access.scope, with_closed, kind, only_new, int(before), limit + 1)
    found = alarms.list_alarms(connection, asked, today=given.today())
    return page(request, found, limit=limit, item=_item, key=lambda each: [each.alarm_id])


@router.post("/{number}/acknowledgement", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def acknowledge_alarm(
    request: Request,
    given: Given,
    caller: ReadsAgents,
    connection: Lent,
    number: Number,
    asked: AskedAcknowledgement,
) -> Alarm:
    """Somebody knows of it, and says what he does. It stays open until it is over."""
    by = by_of(request, caller, given, asked.why)
    return _item(do(connection, lambda: acknowledge(connection, number, by)))


def _item(held: alarms.Alarm) -> Alarm:
    members = {name: value for name, value in held._asdict().items() if name not in ("agent_id", "asset_no")}
    return Alarm(**members, subject=held.subject)
