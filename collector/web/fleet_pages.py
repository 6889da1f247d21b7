"""The agents for whoever keeps them running, with the alarms that are open.

    /fleet?sort=waiting&liveness=silent

Who may see the pages and not the agents is told so, as on every page that is not his.
"""

from collections import Counter
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from collector.accounts.liveness import Liveness
from collector.api.access import Given, Lent, note_refusal
from collector.monitoring import alarms
from collector.monitoring.fleet import FIRST, ORDERS, Agent, Asked, Order, count_fleet, list_fleet
from collector.registry.access import Right, Scope
from collector.registry.people import Caller
from collector.store.database import Connection
from collector.web.showing import show
from collector.web.visitor import NotAllowed, Speaks, Visitor

router = APIRouter(include_in_schema=False)
PAGE_SIZE = 100
MAX_ALARMS = 100


def require_operator(request: Request, connection: Lent, visiting: Visitor) -> Caller:
    """The visitor, who may look at agents; raises NotAllowed."""
    if not visiting.access.allows(Right.AGENTS):
        note_refusal(request, connection, visiting, Right.AGENTS)
        raise NotAllowed(visiting.person)
    return visiting


@router.get("/fleet")
def show_fleet(
    request: Request,
    given: Given,
    connection: Lent,
    speaks: Speaks,
    visiting: Annotated[Caller, Depends(require_operator)],
    sort: Order = "silence",
    liveness: Liveness | None = None,
    waiting: bool = False,
    key: Annotated[int, Query(ge=FIRST[0], le=2**62)] = FIRST[0],
    after: Annotated[str, Query(max_length=40)] = "",
) -> HTMLResponse:
    now, today, scope = given.now(), given.today(), visiting.access.scope
    place = (key, after)
    asked = Asked(now, today, scope, sort, liveness, only_waiting=waiting, after=place, limit=PAGE_SIZE + 1)
    found = list_fleet(connection, asked)
    totals: Counter[str] = Counter()
    for each in count_fleet(connection, asked):
        totals[each.liveness] += each.agents
        totals["waiting"] += each.waiting
    return show(
        request,
        "fleet.html",
        speaks,
        person=visiting.person,
        now=now,
        agents=found[:PAGE_SIZE],
        totals=totals,
        alarms=_open_alarms(connection, scope, today),
        orders=ORDERS,
        sort=sort,
        liveness=liveness,
        waiting=waiting,
        address=_address,
        following=_following(found, sort, liveness, waiting=waiting),
    )


def _open_alarms(connection: Connection, scope: Scope, today: date) -> list[alarms.Alarm]:
    return alarms.list_alarms(connection, alarms.Asked(scope, limit=MAX_ALARMS), today=today)


def _following(found: list[Agent], sort: Order, liveness: Liveness | None, *, waiting: bool) -> str | None:
    """Where the page goes on; None on the last one."""
    if len(found) <= PAGE_SIZE:
        return None
    last = found[PAGE_SIZE - 1]
    return _address(sort=sort, liveness=liveness, waiting=waiting, key=last.key, after=last.agent_id)


def _address(**wanted: object) -> str:
    """This page with other choices; what is None or False is left out."""
    given = {name: value for name, value in wanted.items() if value is not None and value is not False}
    return f"/fleet?{urlencode(given)}"
