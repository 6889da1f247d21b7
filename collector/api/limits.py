"""What a stranger may cost us: the size of a request's body, checked before and while it is read."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 65_536


class BodyLimitMiddleware:
    """Answers 413 to a body over the limit, whatever its Content-Length claims."""

    def __init__(self, app: ASGIApp, *, wider: Mapping[str, int]) -> None:
        """`wider`: other limits in bytes, by the beginning of the path."""
        self._app = app
        self._wider = wider

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        most = next((most for prefix, most in self._wider.items() if scope["path"].startswith(prefix)), MAX_BODY_BYTES)
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

        await self._app(scope, receive_within_limit, send)


def _too_large(most: int) -> HTTPException:
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request here has at most {most} bytes; send less")
