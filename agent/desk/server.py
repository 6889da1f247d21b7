"""The sockets of the local page: one port on the loopback address, a few threads, short patience, small requests.

Whoever floods or stalls it costs it its few places and nothing else: the recording shares no thread and no lock with
it. A connection serves one request and is cut after `WHOLE_S`, however slowly it comes.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from agent.desk.exchange import Rejection, Request, Response, parse_fields
from agent.desk.site import HEADERS, Site
from agent.errors import AgentError

PLACES = 16
"""Connections at a time; a browser opens some that it does not use."""
READ_S = 5.0
WHOLE_S = 15.0
LOOK_S = 0.25  # how often lasting connections, and the end, are looked after
MAX_BODY = 8192

log = logging.getLogger(__name__)


class Server(ThreadingHTTPServer):
    """Listens until `close`. `failures` counts answers that failed by a mistake of ours."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(self, address: str, port: int) -> None:
        """Take the port; OSError where that cannot be. `site` must be set before `start`."""
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.site: Site
        self.failures = 0
        self._places = threading.Semaphore(PLACES)
        self._began_s: dict[socket.socket, float] = {}
        super().__init__((address, port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(LOOK_S,), name="desk page", daemon=True)

    def start(self, make_site: Callable[[int], Site]) -> None:
        """Begin to answer; `make_site` is told the port."""
        self.site = make_site(self.server_address[1])
        self._thread.start()

    def close(self) -> None:
        """Stop answering and give the port back."""
        if self._thread.is_alive():
            self.shutdown()
        self.server_close()

    def server_bind(self) -> None:
        """Bind, without looking up the name of this host: http.server does, and a broken resolver would hold it up."""
        if os.name == "posix":  # elsewhere it would let another program take the port from us
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        self._began_s[request] = time.monotonic()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._began_s.pop(request, None)
            self._places.release()

    def service_actions(self) -> None:
        """Cut what has lasted too long; called every `LOOK_S` by serve_forever."""
        now_s = time.monotonic()
        for request, began_s in tuple(self._began_s.items()):
            if now_s - began_s > WHOLE_S:
                _cut(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (socketserver's)
        """A connection that broke is its sender's business."""
        log.debug("desk connection ended", exc_info=True)


def _cut(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("desk connection was gone")


class _Handler(BaseHTTPRequestHandler):
    """One connection: HTTP to values and back."""

    server: Server
    timeout = READ_S

    def version_string(self) -> str:
        return "jishi"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        request = Request(self.command, "/", {}, {})
        try:
            request = self._read()
            response = self.server.site.answer(request)
        except AgentError as problem:
            response = self.server.site.refuse(request, problem)
        except Exception:  # a mistake of ours must not end in silence, nor show its insides
            self.server.failures += 1
            log.exception("desk request failed", extra={"method": self.command})
            crashed = Rejection(HTTPStatus.INTERNAL_SERVER_ERROR, "crashed")
            response = self.server.site.refuse(request, crashed)
        self._send(response)

    def _read(self) -> Request:
        address = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        method = "GET" if self.command == "HEAD" else self.command  # the same, without its body
        request = Request(method, address.path, parse_fields(address.query.encode("utf-8", "replace")), headers)
        return request._replace(body=self._read_body(headers)) if self.command == "POST" else request

    def _read_body(self, headers: dict[str, str]) -> bytes:
        """The body; Rejection where its length is not said or too large. A body in chunks says none."""
        length = headers.get("content-length", "")
        if "transfer-encoding" in headers or not length.isascii() or not length.isdigit():
            raise Rejection(HTTPStatus.LENGTH_REQUIRED, "bad_form")
        if len(length) > 6 or int(length) > MAX_BODY:
            raise Rejection(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "bad_form")
        return self.rfile.read(int(length))

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in (*HEADERS, *response.headers):
            self.send_header(name, value)
        self.send_header("Content-Type", response.kind)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What http.server itself refuses: a line that is no request, headers without end, an unknown method."""
        reason = message or HTTPStatus(code).phrase
        self.command = getattr(self, "command", None) or "GET"
        self.request_version = "HTTP/1.0"  # one that could not be read would be answered without a status
        self._send(Response(HTTPStatus(code), "text/plain; charset=utf-8", f"{reason}\n".encode("utf-8", "replace")))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is http.server's)
        """Addresses may hold what nobody should find in a log."""
