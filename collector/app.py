"""The application: the API under /api/v1, its description, health, the collector's own log, and the pages for people.

`create_app` puts the parts together and holds no rule of its own. The pool is opened in the lifespan, so that a
database that is away at the start makes the collector not ready instead of dead.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import BaseRoute

from collector.api import (
    agents,
    alarms,
    audit,
    brought,
    bundles,
    cases,
    census,
    certificates,
    changes,
    contradictions,
    days,
    decisions,
    deliveries,
    docs,
    documents,
    enrolments,
    entries,
    exchange,
    exports,
    fact_lists,
    facts,
    figures,
    findings,
    flags,
    fleet,
    frozen,
    health,
    idle,
    instruments,
    monitoring,
    network,
    notices,
    own_log,
    policies,
    problem,
    proposals,
    readings,
    records,
    registry,
    reported,
    rollup_exports,
    rollups,
    round_evidence,
    round_points,
    round_replies,
    rounds,
    self_evaluations,
    sessions,
    signed_cases,
    units,
    vouchers,
    worklist,
)
from collector.api.access import POOL_SIZE, Services, identify
from collector.api.deliveries import WRITERS, Deliveries
from collector.api.etag import EtagMiddleware
from collector.api.headers import SECURITY_HEADERS, SecurityHeadersMiddleware
from collector.api.limits import RequestLimitMiddleware
from collector.api.problem import MEDIA_TYPE, Problem, ProblemDocument
from collector.api.rates import Rates
from collector.config import Config
from collector.facts.headings import SHEETS
from collector.keys import load_receipt_key
from collector.registry.agent_certificates import load_issuer
from collector.store.database import make_pool
from collector.web import pages

PREFIX = "/api/v1"
_TOO_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
_OF_MACHINES = ("/api/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/static/", "/log")

_KEYED = (
    units,
    bundles,  # before instruments, whose number would else take the last part of its path
    instruments,
    figures,
    flags,
    days,  # before records, whose day would else take the last part of its paths
    records,
    contradictions,
    decisions,
    exports,
    rollup_exports,
    sessions,
    readings,
    entries,
    agents,
    policies,
    frozen,
    proposals,
    reported,
    audit,
    registry,
    facts,
    fact_lists,
    documents,
    findings,
    network,
    exchange,
    brought,
    rounds,
    round_points,
    monitoring,
    idle,
    alarms,
    fleet,
    changes,
    notices,
    self_evaluations,
    worklist,
    census,
    rollups,
    vouchers,
    round_evidence,
    round_replies,
    signed_cases,  # before cases, whose number would else take the first part of its paths
    cases,
)

_DESCRIPTION = """What the collector knows of instruments and their hours.

An API key is needed for everything under `/api/v1` but enrolment and what agents deliver. What lies outside the key's
scope is not there; what its role has no right to is refused with 403. Too many requests are answered by 429 with
`Retry-After`. Errors are problem documents (RFC 9457). Lists come in pages: follow `next_cursor`. Every answer to a GET
has an `ETag`; send it back in `If-None-Match` to be told 304.
"""


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(config: Config, *, now: Callable[[], datetime] = utc_now) -> FastAPI:
    """The application for uvicorn and tests; its lifespan raises ConfigError where it cannot serve."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = make_pool(config.dsn, application="serve", max_size=POOL_SIZE)
        receipt_key = load_receipt_key(config.data_dir, config.domain)
        issuer = load_issuer(config.data_dir) if config.broker.tls else None
        delivering = make_pool(config.dsn, application="deliver", max_size=WRITERS)
        pool.open()
        delivering.open()
        try:
            app.state.services = Services(config, pool, now, str(receipt_key.verifier), issuer)
            app.state.deliveries = Deliveries(delivering, receipt_key)
            yield
        finally:
            delivering.close()
            pool.close()

    app = FastAPI(
        title="jishi",
        version=version("jishi"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.rates = Rates(config.api)
    app.router.routes.extend(_routes())
    pages.install(app)
    problem.install(app, _draw)
    app.add_middleware(EtagMiddleware, prefix=PREFIX)
    app.add_middleware(
        RequestLimitMiddleware,
        rates=app.state.rates,
        settings=config.api,
        draw=_draw,
        uplink_prefix=f"{PREFIX}{deliveries.router.prefix}/",
        bodies={
            f"{PREFIX}{registry.router.prefix}/": registry.MAX_SHEET_BYTES,
            f"{PREFIX}{findings.router.prefix}": findings.MAX_BODY_BYTES,
            f"{PREFIX}{documents.router.prefix}": config.documents.max_bytes,
            **{f"{PREFIX}/{kind}{facts.BATCH}": facts.MAX_BATCH_BYTES for kind in SHEETS},
        },
    )
    app.add_middleware(SecurityHeadersMiddleware)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]
    return app


@cache
def _routes() -> list[BaseRoute]:
    """What is asked for by a path; it holds nothing of a configuration.

    Once for a process: `serve` makes one application, the tests hundreds, and at the first request of each the
    framework would read again what two hundred functions take and give, for half a second.
    """
    made = APIRouter(generate_unique_id_function=_name_of_route)
    _include_api(made)
    for router in (health.router, own_log.router, docs.router, *pages.ROUTERS):
        made.include_router(router)
    return made.routes


def _include_api(made: APIRouter) -> None:
    """Each router by itself: the framework searches one inside another again for each that it is in."""
    keyed = [Depends(identify), Depends(problem.refuse_repeated)]
    for part in _KEYED:
        refused = problem.responses(400, 401, 403, 414, 422, 429, 431)
        made.include_router(part.router, prefix=PREFIX, dependencies=keyed, responses=refused)
    for part in (enrolments, certificates, deliveries):
        made.include_router(part.router, prefix=PREFIX, responses=problem.responses(400, 414, 422, 429, 431))


def _draw(request: Request, found: Problem) -> Response:
    """Machines get the problem document, people a page."""
    is_machine = request.url.path.startswith(_OF_MACHINES)
    response = problem.answer(request, found) if is_machine else pages.draw_error(request, found.status)
    for name, value in found.headers.items():
        # When to ask again, which a page has to say as well.
        response.headers.setdefault(name, value)
    for name, value in SECURITY_HEADERS.items():
        # An answer to a bug is sent outside of all middleware.
        response.headers.setdefault(name, value)
    return response


def _name_of_route(route: APIRoute) -> str:
    return route.name


def _describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, in which problem documents have their own media type."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for methods in schema["paths"].values():
            for operation in methods.values():
                for response in operation["responses"].values():
                    _name_media_type(response.get("content", {}))
                if "requestBody" in operation:  # limits.py refuses what is too large before any route is asked
                    too_large = {**operation["responses"]["414"], "description": _TOO_LARGE.phrase}
                    operation["responses"].setdefault(str(_TOO_LARGE.value), too_large)
        app.openapi_schema = schema
    return app.openapi_schema


def _name_media_type(content: dict[str, Any]) -> None:
    """The framework names the media type of a route's good answers, whatever that is, for its problems, too."""
    for media_type, held in list(content.items()):
        if held.get("schema", {}).get("$ref", "").endswith(f"/{ProblemDocument.__name__}"):
            content[MEDIA_TYPE] = content.pop(media_type)
