"""The fleet: agents in the order in which somebody ought to look at them. One agent's details are at /agents."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from collector.accounts.liveness import Liveness
from collector.api.access import Given, Lent, ReadsAgents
from collector.api.cursor import encode
from collector.api.models import USCC, Page
from collector.api.monitoring_models import FleetAgent, FleetCount, FleetSummary
from collector.api.paging import Cursor, Limit, after, scope_of
from collector.api.problem import responses
from collector.monitoring import fleet
from collector.monitoring.fleet import FIRST, Asked, Order, Standing

router = APIRouter(prefix="/fleet", tags=["agents"])


@router.get("", responses=responses(400))
def list_fleet(
    request: Request,
    given: Given,
    caller: ReadsAgents,
    connection: Lent,
    sort: Annotated[
        Order, Query(description="The longest silent, the longest waiting, the oldest receipt; or by id")
    ] = "silence",
    liveness: Liveness | None = None,
    standing: Annotated[Standing | None, Query(description="Of the newest journal")] = None,
    version: Annotated[str | None, Query(max_length=200, description="Only agents that run it")] = None,
    uscc: Annotated[str | None, Query(pattern=USCC, description="Only agents at what this unit owns")] = None,
    waiting: Annotated[bool, Query(description="Only those that have entries that are not here")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[FleetAgent]:
    """Agents with what they measure, when they were heard, what waits, which version, which grade."""
    key, agent_id = after(request, cursor, start=list(FIRST))
    place = (int(key), str(agent_id))
    asked = Asked(
        given.now(),
        given.today(),
        caller.access.scope,
        sort,
        liveness,
        standing,
        version,
        uscc,
        waiting,
        place,
        limit + 1,
    )
    found = fleet.list_fleet(connection, asked)
    shown = found[:limit]
    following = None
    if len(found) > limit:
        following = encode([shown[-1].key, shown[-1].agent_id], scope=scope_of(request))
    return Page(items=[_item(each) for each in shown], next_cursor=following)


@router.get("/summary")
def count_fleet(given: Given, caller: ReadsAgents, connection: Lent) -> FleetSummary:
    """How many agents are live, silent or never seen, by version, and how many entries wait with them."""
    found = fleet.count_fleet(connection, Asked(given.now(), given.today(), caller.access.scope))
    return FleetSummary(items=[FleetCount(**each._asdict()) for each in found])


def _item(agent: fleet.Agent) -> FleetAgent:
    return FleetAgent(**{name: value for name, value in agent._asdict().items() if name != "key"})
