"""What every route may ask for: a connection from the pool, the time, and who is calling.

The application's lifespan puts one `Services` on the application; routes receive its parts as dependencies.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from psycopg_pool import ConnectionPool

from collector.api.problem import Problem
from collector.config import Config
from collector.registry.agent_certificates import Issuer
from collector.registry.people import Person, find_person_of_key
from collector.store.database import Connection
from protocol.interval import local_day

REMEDY = "send a key as `Authorization: Bearer jk_…` or `X-API-Key: jk_…`; the collector's operator makes one"

POOL_SIZE = 8
"""Connections that requests share. As many requests may hold one; the others wait without a thread, so that
those who hold one always find a thread to go on."""


@dataclass(frozen=True)
class Services:
    """What the application was given; `receipt_vkey` is the public half of the key that signs receipts.

    `issuer` signs agents' certificates; None where the broker admits whoever comes.
    """

    config: Config
    pool: ConnectionPool[Connection] = field(repr=False)
    now: Callable[[], datetime]
    receipt_vkey: str
    issuer: Issuer | None = field(default=None, repr=False)

    def today(self) -> date:
        """The local day at the collector."""
        return local_day(round(self.now().timestamp() * 1000))


def services(request: Request) -> Services:
    held = request.app.state.services
    assert isinstance(held, Services)
    return held


Given = Annotated[Services, Depends(services)]


def lend_connection(given: Given) -> Iterator[Connection]:
    """One connection for one request; it goes back to the pool when the answer is made."""
    with given.pool.connection() as connection:
        yield connection


Lent = Annotated[Connection, Depends(lend_connection, scope="function", max_concurrency=POOL_SIZE)]

_bearer = HTTPBearer(auto_error=False, description="An API key: `jk_…`")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same key, for tools without bearer tokens")


def require_key(
    given: Given,
    connection: Lent,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    header: Annotated[str | None, Security(_header)],
) -> Person:
    """Who is calling; Problem 401 where the key is missing, unknown, expired or revoked."""
    key = bearer.credentials if bearer is not None else header
    if not key:
        raise _unauthorized("an API key is needed")
    person = find_person_of_key(connection, key, now=given.now())
    if person is None:
        raise _unauthorized("this API key is unknown, expired or revoked")
    return person


def _unauthorized(what: str) -> Problem:
    return Problem(
        "key-needed",
        f"{what}; {REMEDY}",
        status=HTTPStatus.UNAUTHORIZED,
        headers={"WWW-Authenticate": 'Bearer realm="jishi"'},
    )
