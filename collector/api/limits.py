"""What a stranger may cost us before anything looks into his request: its sizes, and how often he asks.

Sizes: the path and the query, the header (cookies are part of it), and the body, which is counted while it is read,
whatever Content-Length claims. The server itself refuses a header over SERVER_HEADER_BYTES before it calls us.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from fastapi import Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.api.problem import Problem
from collector.api.rates import Kind, Rates, network_of, read_address
from collector.config import Api
from protocol.batch import MAX_WIRE_BYTES

MAX_BODY_BYTES = 65_536
MAX_PATH_BYTES = 2_048
MAX_QUERY_BYTES = 4_096
MAX_HEADER_BYTES = 16_384
MAX_HEADERS = 100
SERVER_HEADER_BYTES = 32_768
"""What `serve` lets the HTTP parser hold of one header: above our own limits, so that it is we who answer."""

Draw = Callable[[Request, Problem], Response]


class RequestLimitMiddleware:
    """Turns away what is too large or comes too often; `draw` makes the answer.

    `uplink_prefix` begins the paths of agents: they are counted by agent instead of by address (collector.api.rates),
    and bring what MQTT carries. `bodies` says how many bytes a body may have under other prefixes, where files come.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        rates: Rates,
        settings: Api,
        draw: Draw,
        uplink_prefix: str,
        bodies: Mapping[str, int],
    ) -> None:
        self._app = app
        self._rates = rates
        self._settings = settings
        self._draw = draw
        self._uplink_prefix = uplink_prefix
        self._bodies = {uplink_prefix: MAX_WIRE_BYTES, **bodies}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["address"] = read_address(scope, self._settings)
        if self._settings.public_url.startswith("https:"):
            # The proxy before us speaks it; cookies and headers depend on it.
            scope["scheme"] = "https"
        request = Request(scope)
        found = too_long(scope) or self._too_often(request)
        if found is not None:
            await self._draw(request, found)(scope, receive, send)
            return
        await self._app(scope, _limited(scope, receive, self._most(request.url.path)), send)

    def _most(self, path: str) -> int:
        """The bytes that a body may have under this path."""
        return next((most for prefix, most in self._bodies.items() if path.startswith(prefix)), MAX_BODY_BYTES)

    def _is_uplink(self, request: Request) -> bool:
        return request.url.path.startswith(self._uplink_prefix)

    def _too_often(self, request: Request) -> Problem | None:
        if self._is_uplink(request):
            return None
        wait_s = self._rates.wait_s(Kind.ADDRESS, network_of(request))
        return self._rates.too_many(Kind.ADDRESS, wait_s) if wait_s else None


def too_long(scope: Scope) -> Problem | None:
    """The problem of a path, a query or a header over its limit."""
    sizes = (
        ("path", len(scope["raw_path"]), MAX_PATH_BYTES, HTTPStatus.REQUEST_URI_TOO_LONG),
        ("query", len(scope["query_string"]), MAX_QUERY_BYTES, HTTPStatus.REQUEST_URI_TOO_LONG),
        ("header", _header_bytes(scope), MAX_HEADER_BYTES, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    )
    for part, size, limit, status in sizes:
        if size > limit:
            return Problem(
                "too-large", f"the {part} has {size} bytes, at most {limit} are taken; send less", status=status
            )
    if len(scope["headers"]) > MAX_HEADERS:
        detail = f"the header has {len(scope['headers'])} fields, at most {MAX_HEADERS} are taken; send less"
        return Problem("too-large", detail, status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    return None


def _header_bytes(scope: Scope) -> int:
    return sum(len(name) + len(value) for name, value in scope["headers"])


def _limited(scope: Scope, receive: Receive, most: int) -> Receive:
    """Receives the body, and raises 413 as soon as it is over `most` bytes."""
    length = Headers(scope=scope).get("content-length", "0")
    claimed = int(length) if length.isdecimal() and len(length) < 16 else most + 1
    read = 0

    async def receive_within_limit() -> Message:
        nonlocal read
        if claimed > most:
            raise _too_large(most)
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise _too_large(most)
        return message

    return receive_within_limit


def _too_large(most: int) -> HTTPException:
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request here has at most {most} bytes; send less")
