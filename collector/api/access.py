"""What every route may ask for: a connection from the pool, the time, and who is calling with which right.

The application's lifespan puts one `Services` on the application; routes receive its parts as dependencies. A route
under `/api/v1` names the right that it needs by the type of its `caller`; the scope is then a matter of its query, so
that what lies outside looks like what is not there.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from psycopg_pool import ConnectionPool
from starlette.concurrency import run_in_threadpool

from collector.api.held_lines import HeldLines
from collector.api.problem import Problem
from collector.api.rates import Kind, address_of, rates_of
from collector.clock import day_of
from collector.config import Config
from collector.registry.access import Right
from collector.registry.agent_certificates import Issuer
from collector.registry.api_keys import find_caller_of_key
from collector.registry.audit import Actor, record_refusal
from collector.registry.people import Caller
from collector.store.database import Connection

REMEDY = "send a key as `Authorization: Bearer jk_…` or `X-API-Key: jk_…`; the collector's operator makes one"

POOL_SIZE = 8
"""Connections that requests share. As many requests may hold one; the others wait without a thread, so that
those who hold one always find a thread to go on."""


@dataclass(frozen=True)
class Services:
    """What the application was given; `receipt_vkey` is the public half of the key that signs receipts.

    `issuer` signs agents' certificates; None where the broker admits whoever comes. `lines` are those of hour records
    that were shown before.
    """

    config: Config
    pool: ConnectionPool[Connection] = field(repr=False)
    now: Callable[[], datetime]
    receipt_vkey: str
    issuer: Issuer | None = field(default=None, repr=False)
    lines: HeldLines = field(default_factory=HeldLines, repr=False)

    def today(self) -> date:
        """The local day at the collector."""
        return day_of(self.now())


async def services(request: Request) -> Services:
    held = request.app.state.services
    assert isinstance(held, Services)
    return held


Given = Annotated[Services, Depends(services)]


class Loan:
    """At most one connection for one request, taken from the pool when it is first needed.

    Taking may wait for the network, so it belongs into a thread, and into the one that asks the first question:
    each way into a thread and back costs as much as a short question does.
    """

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool
        self.taken: Connection | None = None

    def take(self) -> Connection:
        """The connection of this request; raises PoolTimeout where the database is away."""
        if self.taken is None:
            self.taken = self._pool.getconn()
        return self.taken

    def give_back(self) -> None:
        """Waits for nobody: the pool itself ends what was left open."""
        if self.taken is not None:
            self._pool.putconn(self.taken)
            self.taken = None


async def lend(given: Given) -> AsyncIterator[Loan]:
    """The request's loan; what it took goes back to the pool when the answer is made."""
    loan = Loan(given.pool)
    try:
        yield loan
    finally:
        loan.give_back()


Lending = Annotated[Loan, Depends(lend, scope="function", max_concurrency=POOL_SIZE)]


async def take_connection(loan: Lending) -> Connection:
    """One connection for one request."""
    return await run_in_threadpool(loan.take) if loan.taken is None else loan.taken


Lent = Annotated[Connection, Depends(take_connection)]

_bearer = HTTPBearer(auto_error=False, description="An API key: `jk_…`")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same key, for tools without bearer tokens")


async def identify(
    request: Request,
    given: Given,
    loan: Lending,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    header: Annotated[str | None, Security(_header)],
) -> Caller:
    """Who is calling; Problem 401 where the key is missing or not good (any more), 429 where it asks too often."""
    key = bearer.credentials if bearer is not None else header
    if not key:
        raise _unauthorized("an API key is needed")
    caller = await run_in_threadpool(lambda: find_caller_of_key(loan.take(), key, now=given.now()))
    if caller is None:
        raise _unauthorized("this API key is unknown, expired or revoked")
    rates_of(request).take(Kind.KEY, str(caller.key_id))
    return caller


def permit(right: Right) -> Callable[[Request, Lent, Caller], Awaitable[Caller]]:
    """The dependency of a route that needs this right: its caller, or Problem 403."""

    async def check(request: Request, connection: Lent, caller: Annotated[Caller, Depends(identify)]) -> Caller:
        if not caller.access.allows(right):
            await run_in_threadpool(note_refusal, request, connection, caller, right)
            raise _forbidden(caller, right)
        return caller

    return check


def permit_by_scope(own: Right, others: Right) -> Callable[[Request, Lent, Caller], Awaitable[Caller]]:
    """The same for what is a unit's own: a scope of a unit needs the one right, every other scope the other one."""
    of_own, of_others = permit(own), permit(others)

    async def check(request: Request, connection: Lent, caller: Annotated[Caller, Depends(identify)]) -> Caller:
        is_unit = caller.access.scope.kind == "unit"
        return await (of_own if is_unit else of_others)(request, connection, caller)

    return check


ReadsInstruments = Annotated[Caller, Depends(permit(Right.INSTRUMENTS))]
ReadsHours = Annotated[Caller, Depends(permit(Right.HOURS))]
ReadsPolicies = Annotated[Caller, Depends(permit(Right.POLICIES))]
ReadsReadings = Annotated[Caller, Depends(permit(Right.READINGS))]
ReadsAgents = Annotated[Caller, Depends(permit(Right.AGENTS))]
ReadsAudit = Annotated[Caller, Depends(permit(Right.AUDIT))]
RecordsFacts = Annotated[Caller, Depends(permit(Right.FACTS))]
BringsBookings = Annotated[Caller, Depends(permit(Right.BOOKINGS))]
Rules = Annotated[Caller, Depends(permit(Right.RULINGS))]
ChangesRegistry = Annotated[Caller, Depends(permit(Right.REGISTRY))]
HandsInFindings = Annotated[Caller, Depends(permit(Right.FINDINGS))]
Freezes = Annotated[Caller, Depends(permit(Right.FREEZE))]
HoldsRounds = Annotated[Caller, Depends(permit(Right.ROUNDS))]
GivesPoints = Annotated[Caller, Depends(permit(Right.POINTS))]
Monitors = Annotated[Caller, Depends(permit(Right.MONITORING))]
ReadsScores = Annotated[Caller, Depends(permit(Right.SCORES))]
ReadsReports = Annotated[Caller, Depends(permit_by_scope(Right.READINGS, Right.SCORES))]


def actor_of(request: Request, caller: Caller) -> Actor:
    """Whom the audit trail names for what this request does."""
    return Actor(caller.person.name, "page" if caller.key_id is None else "api", address_of(request))


def note_refusal(request: Request, connection: Connection, caller: Caller, right: Right) -> None:
    """Adds the refusal to the audit trail, unless so many were added that more would only fill the disk."""
    rates = rates_of(request)
    if rates.wait_s(Kind.REFUSAL, caller.person.name) or rates.wait_s(Kind.REFUSALS, "all"):
        return
    reason = f"{caller.access} has no right to {right}"
    done = "read" if request.method in ("GET", "HEAD") else "change"
    record_refusal(connection, actor_of(request, caller), f"{right}.{done}", target=request.url.path, reason=reason)


def _forbidden(caller: Caller, right: Right) -> Problem:
    return Problem(
        "not-allowed",
        f"this key is {caller.access}, which has no right to {right}; ask the collector's operator for a key that has",
        status=HTTPStatus.FORBIDDEN,
    )


def _unauthorized(what: str) -> Problem:
    return Problem(
        "key-needed",
        f"{what}; {REMEDY}",
        status=HTTPStatus.UNAUTHORIZED,
        headers={"WWW-Authenticate": 'Bearer realm="jishi"'},
    )
