"""What a stranger may cost us: the size of a request's body, checked before and while it is read."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 65_536


class BodyLimitMiddleware:
    """Answers 413 to a body over the limit, whatever its Content-Length claims."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        claimed = int(length) if length.isdecimal() and len(length) < 16 else MAX_BODY_BYTES + 1
        read = 0

        async def receive_within_limit() -> Message:
            nonlocal read
            if claimed > MAX_BODY_BYTES:
                raise _too_large()
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY_BYTES:
                raise _too_large()
            return message

        await self._app(scope, receive_within_limit, send)


def _too_large() -> HTTPException:
    return HTTPException(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request has a body of at most {MAX_BODY_BYTES} bytes; send less"
    )
