"""ETag and If-None-Match (RFC 9110 section 8.8) for everything that is read under one prefix.

The tag is the SHA-256 of the body that would be sent, so it is right for every route without a rule of its own;
what it saves is the transfer. Answers are held in memory to be hashed: pages are bounded by their limit.
"""

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TAG_CHARS = 43


class EtagMiddleware:
    """Adds the tag to 200 answers of GET under `prefix`, and answers 304 where the caller holds it."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        held = Headers(scope=scope).get("if-none-match", "")
        await self._app(scope, receive, _Tagging(send, held).send)


class _Tagging:
    def __init__(self, send: Send, held: str) -> None:
        self._send = send
        self._held = held
        self._start: Message | None = None
        self._parts: list[bytes] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            self._start = message
        elif message["type"] == "http.response.body" and self._start is not None:
            self._parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                await self._finish(self._start)
        else:
            await self._send(message)

    async def _finish(self, start: Message) -> None:
        body = b"".join(self._parts)  # no copy where there is one part, as of nearly every answer
        tag = f'"{hashlib.sha256(body).hexdigest()[:_TAG_CHARS]}"'
        headers = MutableHeaders(raw=start["headers"])
        headers["ETag"] = tag
        # Answers depend on the key and may change at any time: keep them, but ask each time.
        headers["Cache-Control"] = "private, no-cache"
        headers["Vary"] = "Authorization, X-API-Key"
        if is_held(self._held, tag):
            start["status"] = 304
            del headers["content-length"], headers["content-type"]
            body = b""
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def is_held(if_none_match: str, tag: str) -> bool:
    """Whether the caller's list names this tag; compared weakly, as RFC 9110 section 13.1.2 asks."""
    named = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in named or tag in named
