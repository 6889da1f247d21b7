"""Which requests the local page answers: only those that a person at this machine sent from our own page, and ours.

Any web site that somebody opens in a browser here can send requests to 127.0.0.1. What each guard stops:

- *host*: a foreign name that was made to point here (DNS rebinding) is in `Host`, and is refused for every request;
- *own page*: whatever changes something must come from our own page, by `Origin` and `Sec-Fetch-Site`, which no script
  can choose (Fetch standard); where neither is sent there is no browser, or one too old to tell, and it is refused;
- *form token*: and must carry a token that stood in a page that we made lately: it can be read only by whoever can read
  our pages, and no other site can (no CORS here, and no frames);
- *bearer*: programs carry the token of `state_dir`/desk.token instead, and are no browsers.

Pure, but for the secrets drawn at the start.
"""

from __future__ import annotations

import hmac
from http import HTTPStatus

from agent.desk.exchange import Rejection, Request

FORM_LASTS_MS = 12 * 3_600_000


class Guard:
    """Knows our own names and secrets."""

    def __init__(self, port: int, *, secret: bytes, token: str) -> None:
        """`secret` makes form tokens; `token` is what programs carry."""
        self._port = port
        self._hosts = frozenset(f"{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]"))
        self._origins = frozenset(f"http://{host}" for host in self._hosts)
        self._secret = secret
        self._token = token

    def check_host(self, request: Request) -> None:
        """Raise Rejection unless the request was meant for this page by one of its own names."""
        if request.headers.get("host", "").lower() not in self._hosts:
            raise Rejection(HTTPStatus.MISDIRECTED_REQUEST, "wrong_host", port=self._port)

    def check_own_page(self, request: Request) -> None:
        """Raise Rejection unless the browser says that our own page sent this."""
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        is_told = site is not None or origin is not None
        if not is_told or site not in (None, "same-origin") or (origin is not None and origin not in self._origins):
            raise Rejection(HTTPStatus.FORBIDDEN, "foreign")

    def check_program(self, request: Request) -> None:
        """Raise Rejection unless the request carries the token of desk.token, and no browser sent it."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token.encode()):
            raise Rejection(HTTPStatus.UNAUTHORIZED, "no_token")
        if "origin" in request.headers or "sec-fetch-site" in request.headers:
            raise Rejection(HTTPStatus.FORBIDDEN, "foreign")

    def form_token(self, now_ms: int) -> str:
        """A token for the forms of a page that is made now (monotonic ms)."""
        return f"{now_ms}.{self._sign(str(now_ms))}"

    def check_form_token(self, token: str, now_ms: int) -> None:
        """Raise Rejection unless the token stood in a page of the last hours."""
        made, _, signature = token.partition(".")
        is_ours = hmac.compare_digest(signature.encode("utf-8", "replace"), self._sign(made).encode())
        if not is_ours or not 0 <= now_ms - int(made) <= FORM_LASTS_MS:
            raise Rejection(HTTPStatus.FORBIDDEN, "stale_form")

    def _sign(self, text: str) -> str:
        return hmac.digest(self._secret, b"form " + text.encode("utf-8", "replace"), "sha256").hex()
