"""The road to a platform: one request, one answer or none, within a time that nothing prolongs.

HTTPS with the certificate verified, or plain HTTP to this machine alone. A redirection is not followed (whoever answers
it would get our credentials), an answer is read up to MAX_ANSWER_BYTES. Whatever goes wrong on the way is an Answer
without a word of the platform; nothing is raised.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from collections.abc import Mapping as Headers
from contextlib import contextmanager, suppress
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from collector.errors import ConfigError
from collector.exchange.answers import read_answer
from collector.exchange.credentials import Credentials
from collector.exchange.mapping import Platform
from collector.exchange.outbox import Due
from collector.exchange.states import Answer

MAX_ANSWER_BYTES = 65_536
TIMEOUT_S = 30.0
"""For connecting, for each wait on the line, and for all of it together."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Address(NamedTuple):
    """Where the platform is; `path` ends with a slash."""

    is_tls: bool
    host: str
    port: int
    path: str


def parse_address(url: str) -> Address:
    """Where a platform is. ConfigError where that is no address, or one that everybody on the way could read."""
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")  # what the resolver would do with it
    except ValueError as error:  # a UnicodeError is one
        raise ConfigError(f"exchange.url: {url[:80]!a} is no address: {error}") from error
    if parts.scheme not in ("https", "http") or not parts.hostname or not _is_plain(url):
        raise ConfigError(f"exchange.url: {url[:80]!a} is no address like https://platform.example/api/")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError("exchange.url: only host and path are expected; credentials belong into exchange.credentials")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ConfigError(f"exchange.url: {parts.hostname} by plain http shows everything on the way: use https")
    is_tls = parts.scheme == "https"
    return Address(is_tls, parts.hostname, port or (443 if is_tls else 80), parts.path.rstrip("/") + "/")


def _is_plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


class Road:
    """Sends messages to one platform, and asks it what became of them."""

    def __init__(
        self,
        address: Address,
        platform: Platform,
        credentials: Credentials,
        *,
        timeout_s: float = TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls` None: whatever certificates this machine trusts."""
        self._address = address
        self._platform = platform
        self._credentials = credentials
        self._timeout_s = timeout_s
        self._tls = tls or (ssl.create_default_context() if address.is_tls else None)

    @property
    def can_ask(self) -> bool:
        """Whether the platform says what became of a message whose answer was lost."""
        return bool(self._platform.state)

    def send(self, due: Due) -> Answer:
        """Hands a message over, under a key by which the platform knows it again."""
        path = self._platform.records if due.kind == "record" else self._platform.effects
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"{due.inner_id}/{due.revision}"}
        return self._request("POST", path, due.body, headers)

    def ask(self, due: Due) -> Answer:
        """What became of a message; heard `unknown`: the platform never had it."""
        path = self._platform.state.replace("{inner_id}", quote(due.inner_id, safe=""))
        path = path.replace("{revision}", str(due.revision))
        return self._request("GET", path, None, {})

    def _request(self, method: str, path: str, body: bytes | None, headers: Headers[str, str]) -> Answer:
        connection = self._connect()
        shown = {**headers, **self._credentials.headers}
        try:
            connection.connect()
            with _cut_off_after(self._timeout_s, connection.sock):
                connection.request(method, self._address.path + path, body=body, headers=shown)
                response = connection.getresponse()
                raw = response.read(MAX_ANSWER_BYTES + 1)
            if response.length and len(raw) <= MAX_ANSWER_BYTES:
                raise http.client.IncompleteRead(raw, response.length)
        except (OSError, http.client.HTTPException) as error:
            return Answer("nothing", f"no answer: {_told(error)}")
        finally:
            connection.close()
        if len(raw) > MAX_ANSWER_BYTES:
            told = f"the answer has more than {MAX_ANSWER_BYTES} bytes"
            return Answer("nothing", told, "", response.status, raw[:MAX_ANSWER_BYTES])
        return read_answer(raw, response.status, self._platform)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._address.host, self._address.port
        if self._tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)


@contextmanager
def _cut_off_after(timeout_s: float, line: socket.socket) -> Iterator[None]:
    """Ends whatever waits on the line when the time is over: TimeoutError then.

    A limit for each single wait is no limit for all of them: one byte now and then would prolong it for ever.
    """
    is_over = threading.Event()

    def cut_off() -> None:
        is_over.set()
        with suppress(OSError):  # it was closed meanwhile
            # Of the plain socket: TLS would have to say goodbye first, and take its state from the thread that reads.
            socket.socket.shutdown(line, socket.SHUT_RDWR)

    timer = threading.Timer(timeout_s, cut_off)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if is_over.is_set():
            raise TimeoutError(_LATE) from error
        raise
    finally:
        timer.cancel()
    if is_over.is_set():
        raise TimeoutError(_LATE)


_LATE = "the answer did not come to its end in time"


def _told(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text if text.isprintable() else ascii(text)
