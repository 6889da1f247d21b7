"""Agents: whether they are heard, how far their journals reach, and the newest receipt of each."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from starlette.responses import PlainTextResponse

from collector.accounts.liveness import liveness
from collector.api.access import Given, Lent, ReadsAgents
from collector.api.agent_models import Agent, Epoch, Epochs, Fork, Forks, Hint, Journal, Showing
from collector.api.models import Page
from collector.api.paging import Cursor, Limit, after, page
from collector.api.problem import Problem, not_found, responses
from collector.clock import utc
from collector.evidence.forks import find_proof, list_doubts
from collector.registry import epochs
from collector.registry.people import Caller
from collector.store.queries import load
from protocol.entry import MAX_WALL_MS
from protocol.topics import MAX_EPOCH

router = APIRouter(prefix="/agents", tags=["agents"])
_SQL = load("api")
_REMEDY = "/api/v1/agents lists those that there are"
AgentId = Annotated[str, Path(max_length=40)]


@router.get("", responses=responses(400))
def list_agents(
    request: Request, given: Given, caller: ReadsAgents, connection: Lent, limit: Limit = 100, cursor: Cursor = None
) -> Page[Agent]:
    """All agents by id, each with its newest journal."""
    [agent_id] = after(request, cursor, start=[""])
    rows = connection.execute(_SQL.list_agents, _values(given, caller, after=agent_id, limit=limit + 1)).fetchall()
    now = given.now()
    return page(request, rows, limit=limit, item=lambda row: _item(row, now), key=lambda agent: [agent.agent_id])


@router.get("/{agent_id}", responses=responses(404))
def show_agent(given: Given, caller: ReadsAgents, connection: Lent, agent_id: AgentId) -> Agent:
    """One agent with its newest journal."""
    values = _values(given, caller, agent_id=agent_id)
    row = connection.execute(_SQL.load_agent, values).fetchone()
    if row is None:
        raise not_found("agent", agent_id, remedy=_REMEDY)
    return _item(row, given.now())


@router.get("/{agent_id}/receipt", response_class=PlainTextResponse, responses=responses(404))
def show_receipt(given: Given, caller: ReadsAgents, connection: Lent, agent_id: AgentId) -> PlainTextResponse:
    """The newest receipt: the agent's signed checkpoint with the collector's cosignature (C2SP tlog-cosignature)."""
    values = _values(given, caller, agent_id=agent_id)
    row = connection.execute(_SQL.load_newest_receipt, values).fetchone()
    if row is not None:
        return PlainTextResponse(bytes(row[0]))
    if connection.execute(_SQL.load_agent, values).fetchone() is None:
        raise not_found("agent", agent_id, remedy=_REMEDY)
    detail = f"nothing was received from agent {agent_id!r} yet; ask again later"
    raise Problem("no-receipt", detail, status=HTTPStatus.NOT_FOUND)


@router.get("/{agent_id}/epochs", responses=responses(404))
def list_epochs(given: Given, caller: ReadsAgents, connection: Lent, agent_id: AgentId) -> Epochs:
    """All journals of one agent, by epoch: why each began, what is missing, who has looked, who revoked its key."""
    if connection.execute(_SQL.load_agent, _values(given, caller, agent_id=agent_id)).fetchone() is None:
        raise not_found("agent", agent_id, remedy=_REMEDY)
    found = epochs.list_epochs(connection, agent_id=agent_id)
    return Epochs(items=[_epoch(each) for each in found])


@router.get("/{agent_id}/forks", responses=responses(404))
def list_forks(given: Given, caller: ReadsAgents, connection: Lent, agent_id: AgentId) -> Forks:
    """The journals of one agent that are or were in doubt, by epoch: what was asked, how it ended, what is kept."""
    if connection.execute(_SQL.load_agent, _values(given, caller, agent_id=agent_id)).fetchone() is None:
        raise not_found("agent", agent_id, remedy=_REMEDY)
    found = list_doubts(connection, agent_id=agent_id)
    return Forks(items=[Fork(**{n: v for n, v in each._asdict().items() if n != "agent_id"}) for each in found])


@router.get("/{agent_id}/forks/{epoch}/proof", response_class=Response, responses=responses(404))
def show_fork_proof(
    given: Given,
    caller: ReadsAgents,
    connection: Lent,
    agent_id: AgentId,
    epoch: Annotated[int, Path(ge=1, le=MAX_EPOCH)],
) -> Response:
    """The file that proves a fork to whoever has the journal's key (jishi-fork/v1, docs/forks.md)."""
    if connection.execute(_SQL.load_agent, _values(given, caller, agent_id=agent_id)).fetchone() is None:
        raise not_found("agent", agent_id, remedy=_REMEDY)
    found = next((each for each in list_doubts(connection, agent_id=agent_id) if each.epoch == epoch), None)
    proof = find_proof(connection, found.origin) if found else None
    if proof is None:
        detail = f"no fork of epoch {epoch} of agent {agent_id!r} is proved; /api/v1/agents/{agent_id}/forks lists them"
        raise Problem("no-proof", detail, status=HTTPStatus.NOT_FOUND)
    name = f"{agent_id}-{epoch}.jishi-fork"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(proof.raw, media_type="application/octet-stream", headers=headers)


def _epoch(found: epochs.Epoch) -> Epoch:
    members = {name: value for name, value in found._asdict().items() if name != "agent_id"}
    return Epoch(**members, missing=found.missing, unreviewed=found.unreviewed)


def _values(given: Given, caller: Caller, **asked: object) -> dict[str, object]:
    return {**asked, "day": given.today(), **caller.access.scope.values}


def _item(row: tuple[Any, ...], now: datetime) -> Agent:
    agent_id, registered_at, last_seen_at, reported_size, unreviewed, *others = row
    return Agent(
        agent_id=agent_id,
        registered_at=registered_at,
        liveness=liveness(last_seen_at, now),
        last_seen_at=last_seen_at,
        reported_size=reported_size,
        unreviewed_epochs=unreviewed,
        hint=_hint(others[:4]),
        journal=_journal(others[4:]),
    )


def _hint(members: list[Any]) -> Hint | None:
    at_ms, received_at, waiting, showing = members
    if received_at is None:
        return None
    at = utc(at_ms) if at_ms <= MAX_WALL_MS else None
    return Hint(at=at, received_at=received_at, waiting=waiting, showing=[Showing(**each) for each in showing])


def _journal(members: list[Any]) -> Journal | None:
    origin, epoch, standing, size, receipted_at, revoked_at = members
    if origin is None:
        return None
    return Journal(
        origin=origin,
        epoch=epoch,
        standing=standing,
        size=size,
        receipted_at=receipted_at,
        revoked_at=revoked_at,
    )
