"""The HTTPS road: a link whose every message is one POST, and what comes down is the response to it.

For sites whose network lets nothing but the web out. The connection stays open between messages; that a server closed
an idle one is noticed at the next message, which then goes over a new one: repeating costs nothing, the collector
takes every entry once. What says no before the collector does (a proxy, a limit) is put in the collector's words, and
where it asks for a pause (Retry-After), nothing is sent until that is over.
"""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from agent.clock import Clock
from agent.errors import NotEnrolledError
from agent.exchange import Connected, Event, Lost, Received
from agent.proxy import find_proxy
from agent.roads.link import Standing
from agent.version import VERSION
from protocol.message import MAX_DOWN_BYTES, Refusal, RefusalCode, pack

PATH = "/api/v1/up/"
MEDIA_TYPE = "application/octet-stream"
TIMEOUT_S = 10.0
LONGEST_PAUSE_S = 3600
_IN_OUR_WORDS: dict[int, RefusalCode] = {408: "busy", 413: "too-large", 429: "busy", 503: "busy"}


class Way(NamedTuple):
    """How requests to a collector travel: a connection that is not open yet, what to ask for, and with what."""

    connection: HTTPConnection
    target: str
    headers: dict[str, str]


class Answer(NamedTuple):
    """One response; `pause_s` is how long it asks not to be asked again."""

    status: int
    body: bytes
    is_ours: bool
    pause_s: int


class HttpsLink:
    """A `Link` to the collector's own address. `http://` works too, for a trial on one machine.

    `trust` makes the context of a TLS connection; it is asked at each, so that a changed file is read.
    """

    standing = Standing("https", "")
    socket = None  # nothing comes down but in `send`
    wants_write = False

    def __init__(self, agent_id: str, url: str, *, trust: Callable[[], ssl.SSLContext], clock: Clock) -> None:
        self.events: deque[Event] = deque()
        self._url = url.rstrip("/")
        self._path = PATH + agent_id
        self._trust = trust
        self._clock = clock
        self._quiet_until_ms = 0
        self._way: Way | None = None
        self._is_worn = False  # it answered once and may have been closed since

    def connect(self) -> None:
        try:
            self._way, self._is_worn = plan(self._url, self._path, trust=self._trust), False
            if not self._pause_s():  # else the connection is made with the first request
                self._way.connection.connect()
        except (OSError, HTTPException) as problem:
            self.close()
            self.events.append(Lost(f"the collector at {self._url} cannot be reached ({problem})"))
        except NotEnrolledError as problem:
            self.events.append(Lost(str(problem)))
        else:
            self.events.append(Connected())

    def send(self, raw: bytes) -> None:
        if self._way is None:
            return
        if pause_s := self._pause_s():
            self._refuse("busy", f"asked to wait {pause_s} s more")
            return
        try:
            answer = self._post(self._way, raw)
        except (OSError, HTTPException) as problem:
            self.drop(f"the collector at {self._url} did not answer ({problem or type(problem).__name__})")
            return
        if answer.status == 200 and answer.is_ours:
            self.events.extend([Received(answer.body)] if answer.body else [])  # a hint gets an empty one
        elif answer.status in _IN_OUR_WORDS:
            self._quiet_until_ms = self._clock.now().mono_ms + 1000 * answer.pause_s
            self._refuse(_IN_OUR_WORDS[answer.status], f"HTTP status {answer.status} on the way to the collector")
        else:
            found = f"what answers at {self._url} takes no deliveries (HTTP status {answer.status})"
            self.drop(f"{found}: check [collector] url")

    def serve(self, *, read: bool, write: bool) -> None:
        pass

    def drop(self, reason: str) -> None:
        if self._way is not None:
            self.close()
            self.events.append(Lost(reason))

    def close(self) -> None:
        way, self._way = self._way, None
        self.events.clear()
        if way is not None:
            way.connection.close()

    def _refuse(self, code: RefusalCode, detail: str) -> None:
        self.events.append(Received(pack(Refusal(code, 0, detail, None))))

    def _pause_s(self) -> int:
        """Seconds for which nothing is to be sent yet."""
        return max(0, -(-(self._quiet_until_ms - self._clock.now().mono_ms) // 1000))

    def _post(self, way: Way, raw: bytes) -> Answer:
        try:
            answer = _ask(way, raw)
        except TimeoutError:
            raise
        except (OSError, HTTPException):
            if not self._is_worn:
                raise
            self._is_worn = False
            way.connection.close()  # and http.client opens a new one for the next request
            answer = _ask(way, raw)
        self._is_worn = True
        return answer


def plan(url: str, path: str, *, trust: Callable[[], ssl.SSLContext]) -> Way:
    """How to post to a path under the collector's address, through this machine's proxy where it has one."""
    parts, proxy = urlsplit(url), find_proxy(url)
    host, target = parts.hostname or "", parts.path.rstrip("/") + path
    headers = {"Content-Type": MEDIA_TYPE, "User-Agent": f"jishi-agent/{VERSION}"}
    if parts.scheme == "https":
        connection = HTTPSConnection(*_dial(proxy or parts), timeout=TIMEOUT_S, context=trust())
        if proxy:
            connection.set_tunnel(host, parts.port, headers=_credentials(proxy))
        return Way(connection, target, headers)
    if proxy:
        return Way(_plain(proxy), f"{parts.scheme}://{parts.netloc}{target}", headers | _credentials(proxy))
    return Way(_plain(parts), target, headers)


def _plain(address: SplitResult) -> HTTPConnection:
    return HTTPConnection(*_dial(address), timeout=TIMEOUT_S)


def _dial(address: SplitResult) -> tuple[str, int | None]:
    return address.hostname or "", address.port


def _credentials(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _ask(way: Way, raw: bytes) -> Answer:
    way.connection.request("POST", way.target, body=raw, headers=way.headers)
    response = way.connection.getresponse()
    answer = response.read(MAX_DOWN_BYTES + 1)
    if not response.isclosed():
        way.connection.close()  # more than anything of ours: the rest is not waited for
    asked = response.headers.get("Retry-After", "")
    pause_s = min(int(asked), LONGEST_PAUSE_S) if asked.isdecimal() and len(asked) < 10 else 0
    return Answer(response.status, answer, response.headers.get_content_type() == MEDIA_TYPE, pause_s)
