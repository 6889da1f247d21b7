"""What agents send, by HTTPS: the messages of MQTT, one in a request and its answer in the response.

No API key is needed: the note that the agent signed is the right, and who has no enrolled key is told so and nothing
else. What many agents at once may take from everybody else is bounded here: connections that write, requests that
are under way, and the time for which a request may hold its place while its body comes.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, Path, Request, Response
from psycopg_pool import ConnectionPool

from collector.api.access import Given
from collector.api.problem import Problem, responses
from collector.api.rates import take_uplink
from collector.ingest.intake import Intake
from collector.ingest.writer import DatabaseLost
from collector.store.database import Connection
from protocol.batch import MAX_WIRE_BYTES
from protocol.errors import MalformedName
from protocol.note import SigningKey
from protocol.topics import check_agent_id

router = APIRouter(prefix="/up", tags=["delivery"])

MEDIA_TYPE = "application/octet-stream"
WRITERS = 2
"""Connections of their own, so that readers never wait for a backlog and it never waits for them."""
PLACES = 64
"""Requests under way: each may hold a message of a MiB, so this is memory, too."""
BODY_WITHIN_S = 20.0
RETRY_AFTER_S = 5


@dataclass
class Deliveries:
    """What the application lends to this road."""

    pool: ConnectionPool[Connection] = field(repr=False)
    receipt_key: SigningKey = field(repr=False)
    places: int = PLACES
    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(WRITERS))

    @contextmanager
    def a_place(self) -> Iterator[None]:
        """Hold a place for one request; Problem 503 where all are taken."""
        if self.places == 0:
            raise _busy("many agents deliver at this moment; send it again later")
        self.places -= 1
        try:
            yield
        finally:
            self.places += 1


def deliveries(request: Request) -> Deliveries:
    held = request.app.state.deliveries
    assert isinstance(held, Deliveries)
    return held


@router.post(
    "/{agent_id}",
    response_class=Response,
    responses={
        200: {"content": {MEDIA_TYPE: {}}, "description": "The collector's answer: welcome, receipt or refusal"},
        **responses(400, 404, 408, 413, 429, 503),
    },
    openapi_extra={"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": {"format": "binary"}}}}},
)
async def deliver(
    request: Request,
    given: Given,
    lent: Annotated[Deliveries, Depends(deliveries)],
    agent_id: Annotated[str, Path(description="The agent in whose name it comes.")],
) -> Response:
    """Takes one hello or batch as it would go over MQTT, and answers once what the answer promises is stored."""
    try:
        check_agent_id(agent_id)
    except MalformedName as error:
        detail = f"{error}; an agent posts under its own name, as it was enrolled"
        raise Problem("unknown-agent", detail, status=HTTPStatus.NOT_FOUND) from error
    take_uplink(request, agent_id)
    with lent.a_place():
        raw = await _read_body(request)

        def take() -> bytes:
            with lent.pool.connection() as connection:
                now_ms = round(given.now().timestamp() * 1000)
                return Intake(connection, lent.receipt_key, clock_ms=lambda: now_ms).take(agent_id, raw)

        try:
            answer = await anyio.to_thread.run_sync(take, limiter=lent.threads)
        except DatabaseLost as error:
            raise _busy("the database went away; send it again later") from error
    return Response(answer, media_type=MEDIA_TYPE)


async def _read_body(request: Request) -> bytes:
    """The message; its size was checked while it came (limits.py)."""
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            raw = await request.body()
    except TimeoutError as error:
        detail = f"the body did not come within {BODY_WITHIN_S:.0f} s; send it again, or less at once"
        raise Problem("too-slow", detail, status=HTTPStatus.REQUEST_TIMEOUT) from error
    if not raw:
        detail = f"an agent's message of at most {MAX_WIRE_BYTES} bytes is expected as the body, found none"
        raise Problem("no-message", detail, status=HTTPStatus.BAD_REQUEST)
    return raw


def _busy(detail: str) -> Problem:
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return Problem("busy", detail, status=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)
