"""Every error of the API is one problem document (RFC 9457): what is wrong, where, and what to do.

    {"type": "urn:jishi:problem:bad-cursor", "title": "…", "status": 400, "detail": "…", "instance": "/api/v1/hours",
     "errors": [{"place": "query.cursor", "problem": "…"}]}

`errors` names single members where the request itself is at fault. What a caller sent is repeated only from the
path and the query: a body may hold a token. Internal causes go to the log, never into a document.
"""

import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
"""What a caller is told to wait while the database is away."""


class Fault(NamedTuple):
    """One member of the request that cannot be taken: `place` as in `query.limit` or `body.vkey`."""

    place: str
    problem: str


class Problem(Exception):
    """Raised by a route to answer with a problem document; `detail` ends with the remedy."""

    def __init__(
        self,
        slug: str,
        detail: str,
        *,
        status: int,
        title: str = "",
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.slug = slug
        self.detail = detail
        self.status = status
        self.title = title or HTTPStatus(status).phrase
        self.faults = tuple(faults)
        self.headers = dict(headers or {})


class FaultDocument(BaseModel):
    """One member at fault."""

    place: str = Field(examples=["query.limit"])
    problem: str


class ProblemDocument(BaseModel):
    """RFC 9457 problem details, as the OpenAPI description shows them."""

    type: str = Field(examples=["urn:jishi:problem:unknown-instrument"])
    title: str
    status: int
    detail: str = Field(description="What was found, what was expected, and the remedy.")
    instance: str = Field(description="The path that was asked.")
    errors: list[FaultDocument] | None = None


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route: these statuses answer with a problem document."""
    return {int(status): {"model": ProblemDocument, "description": HTTPStatus(status).phrase} for status in statuses}


def not_found(what: str, name: object, *, remedy: str) -> Problem:
    """404 for a thing that a caller named: `what` is its word, as in `instrument`."""
    return Problem(
        f"unknown-{what.replace(' ', '-')}", f"there is no {what} {str(name)!r}; {remedy}", status=HTTPStatus.NOT_FOUND
    )


def bad_request(slug: str, fault: Fault, *, remedy: str) -> Problem:
    """400 for one member that has the right type and no possible meaning."""
    return Problem(
        slug,
        f"{fault.place}: {fault.problem}; {remedy}",
        status=HTTPStatus.BAD_REQUEST,
        faults=[fault],
    )


def answer(request: Request, problem: Problem) -> Response:
    """The document as a response."""
    document: dict[str, Any] = {
        "type": f"urn:jishi:problem:{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.url.path,
    }
    if problem.faults:
        document["errors"] = [fault._asdict() for fault in problem.faults]
    return Response(
        json.dumps(document, ensure_ascii=False),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )


async def refuse_repeated(request: Request) -> None:
    """422 for a parameter of the query that is given twice: no route takes a list, and one of the values would be
    dropped without a word."""
    counted = Counter(name for name, _ in request.query_params.multi_items())
    faults = [Fault(f"query.{name[:80]}", "given more than once") for name, times in counted.items() if times > 1]
    if faults:
        raise Problem(
            "invalid-request",
            f"{'; '.join(f'{fault.place}: {fault.problem}' for fault in faults)}; give each parameter once",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            title="The request does not fit its description",
            faults=faults,
        )


Draw = Callable[[Request, Problem], Response]


def install(app: FastAPI, draw: Draw = answer) -> None:
    """Every way in which a request can fail ends in a problem; `draw` makes the response of it."""

    def handle(translate: Callable[[Request, Exception], Problem]) -> Callable[[Request, Exception], Response]:
        return lambda request, error: draw(request, translate(request, error))

    app.add_exception_handler(Problem, handle(lambda _, error: _checked(error, Problem)))
    app.add_exception_handler(HTTPException, handle(_from_http_exception))
    app.add_exception_handler(RequestValidationError, handle(_from_invalid_request))
    app.add_exception_handler(PoolTimeout, handle(_from_lost_database))
    app.add_exception_handler(psycopg.OperationalError, handle(_from_lost_database))
    app.add_exception_handler(psycopg.DataError, handle(_from_impossible_value))
    app.add_exception_handler(Exception, handle(_from_bug))


_SLUGS = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}


def _from_http_exception(request: Request, error: Exception) -> Problem:
    """What the framework raises by itself: an unknown path, a method that a path does not have."""
    error = _checked(error, HTTPException)
    path = request.url.path
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"there is nothing at {path}; the paths of this interface are listed at /docs"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"{path} does not take this method; use {allowed}"
    elif isinstance(error.__cause__, ValueError | RecursionError):  # the framework's word for what json.loads raised
        return Problem("no-json", "the body is no JSON in UTF-8; send one object", status=error.status_code)
    else:
        detail = str(error.detail)
    slug = _SLUGS.get(error.status_code, "http-error")
    return Problem(slug, detail, status=error.status_code, headers=error.headers)


def _from_invalid_request(_: Request, error: Exception) -> Problem:
    """What does not fit the description of a route, member by member."""
    faults = [_fault(found) for found in _checked(error, RequestValidationError).errors()]
    places = "; ".join(f"{fault.place}: {fault.problem}" for fault in faults)
    return Problem(
        "invalid-request",
        f"{places}; the members and their types are described at /docs",
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="The request does not fit its description",
        faults=faults,
    )


def _fault(found: Mapping[str, Any]) -> Fault:
    loc = [str(part) for part in found["loc"]]
    problem = str(found["msg"])
    if loc[0] in ("query", "path") and found["type"] != "missing":
        problem += f" (it was {str(found.get('input'))[:80]!r})"
    return Fault(".".join(loc), problem)


def _from_lost_database(request: Request, error: Exception) -> Problem:
    log.warning("database did not answer path=%s: %s", request.url.path, error)
    return Problem(
        "database-away",
        f"the database did not answer; nothing was changed, try again in {RETRY_AFTER_S} s",
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def _from_impossible_value(request: Request, error: Exception) -> Problem:
    """A value that no check of ours foresaw and that the database cannot even compare: NUL in a text, for one."""
    log.warning("database refused a value path=%a: %s", request.url.path, error)
    return Problem(
        "impossible-value",
        "a value in the request is impossible (a NUL character, or a number beyond all limits); correct it",
        status=HTTPStatus.BAD_REQUEST,
    )


def _from_bug(request: Request, error: Exception) -> Problem:
    log.error("request failed path=%a", request.url.path, exc_info=error)
    return Problem(
        "internal",
        "the collector failed to answer; its log says why, under this path and time",
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
    )


Wanted = TypeVar("Wanted", bound=Exception)


def _checked(error: Exception, wanted: type[Wanted]) -> Wanted:
    """Handlers are registered by type and typed by Exception; this says what we know."""
    assert isinstance(error, wanted)
    return error
