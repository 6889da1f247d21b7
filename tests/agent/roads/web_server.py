"""A scripted HTTP server: says what it is told to, and remembers what it was asked."""

import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

OURS = "application/octet-stream"


class Say(NamedTuple):
    """One response. `closes`: the connection ends after it, without a word of that."""

    status: int = 200
    body: bytes = b"receipt"
    kind: str = OURS
    closes: bool = False
    retry_after: str | None = None


class Asked(NamedTuple):
    """One request as it came."""

    peer: tuple[str, int]
    target: str
    headers: dict[str, str]
    body: bytes


class WebServer(ThreadingHTTPServer):
    """`script` is what to say, one after the other, then the plain answer again and again; None hangs up."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._scheme = "https" if tls else "http"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.script: deque[Say | None] = deque()
        self.asked: list[Asked] = []

    def handle_error(self, *_: object) -> None:
        """A peer that leaves in the middle is what some tests are about."""

    @property
    def url(self) -> str:
        return f"{self._scheme}://localhost:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WebServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(Asked(self.client_address, self.path, dict(self.headers), body))
        said = self.server.script.popleft() if self.server.script else Say()
        if said is None:
            self.close_connection = True
            return
        self.send_response(said.status)
        self.send_header("Content-Type", said.kind)
        if said.retry_after is not None:
            self.send_header("Retry-After", said.retry_after)
        self.send_header("Content-Length", str(len(said.body)))
        self.end_headers()
        self.wfile.write(said.body)
        self.close_connection = said.closes

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def web_server(tls: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    """It serves until the block ends."""
    with WebServer(tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)
