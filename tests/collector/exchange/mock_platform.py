"""A platform that is a real HTTP server, and does what a test tells it to do next.

What it took stands in `taken`, by idempotency key and in order: a key that comes again is the same message, as the
protocol says, and `came` counts how often it came. It does what `script` says for the next requests, then `otherwise`.
"""

import json
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Deed = Literal[
    "accept", "refuse", "busy", "500", "garbage", "never", "late", "break off", "lost", "drip", "huge", "redirect"
]  # fmt: skip


class MockPlatform:
    """See the top of the file; `url` is where it is."""

    def __init__(self) -> None:
        self.script: list[Deed] = []
        self.otherwise: Deed = "accept"
        self.taken: dict[str, Any] = {}
        self.refused: set[str] = set()
        self.came: Counter[str] = Counter()
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.over = threading.Event()
        self.url = ""

    def next_deed(self) -> Deed:
        return self.script.pop(0) if self.script else self.otherwise

    def take(self, key: str, body: bytes) -> dict[str, str]:
        """Keeps a message once; again it is the same receipt."""
        self.taken.setdefault(key, json.loads(body))
        return {"code": "100", "id": f"R-{key}", "message": "成功"}

    def verdict(self, key: str) -> dict[str, str]:
        """What it says when it is asked."""
        if key in self.taken:
            return {"code": "100", "id": f"R-{key}"}
        if key in self.refused:
            return {"code": "101", "message": "数据填写有误"}
        return {"code": "404", "message": "no such record"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self) -> None:
        platform = self.server.platform
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Idempotency-Key"]
        platform.came[key] += 1
        platform.headers.append(dict(self.headers))
        deed = platform.next_deed()
        if deed == "accept":
            self._answer(200, platform.take(key, body))
        elif deed == "refuse":
            platform.refused.add(key)
            self._answer(200, {"code": "101", "message": "数据填写有误"})
        elif deed == "busy":
            self._answer(200, {"code": "301", "message": "数据库异常"})
        elif deed == "500":
            self._answer(500, {"code": "100", "id": "never"})
        elif deed == "redirect":
            self.send_response(302)
            self.send_header("Location", platform.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._misbehave(deed, key, body)

    def do_GET(self) -> None:
        _, inner_id, revision = self.path.rsplit("/", 2)
        self.server.platform.asked.append(f"{inner_id}/{revision}")
        self._answer(200, self.server.platform.verdict(f"{inner_id}/{revision}"))

    def _misbehave(self, deed: Deed, key: str, body: bytes) -> None:
        self.close_connection = True
        platform = self.server.platform
        if deed == "garbage":
            self._send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<html>\xff\x00!")
        elif deed == "huge":
            self._send(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000)
        elif deed == "break off":
            self._send(b'HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"code": "100"}')
        elif deed == "lost":
            platform.take(key, body)
            self.connection.shutdown(socket.SHUT_RDWR)
        elif deed == "late":
            platform.take(key, body)
            platform.over.wait(60)
            self._send(b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"code":"100"}')
        elif deed == "drip":
            while not platform.over.wait(0.02):
                self._send(b"H")
        else:
            platform.over.wait(60)

    def _send(self, raw: bytes) -> None:
        try:
            self.connection.sendall(raw)
        except OSError:
            self.server.platform.over.set()

    def _answer(self, status: int, said: dict[str, str]) -> None:
        raw = json.dumps(said, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: object) -> None:
        """Nothing: what came is counted."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    platform: MockPlatform


@contextmanager
def mock_platform(*, tls: ssl.SSLContext | None = None) -> Iterator[MockPlatform]:
    """The platform, until the block ends."""
    platform = MockPlatform()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.platform = platform
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    platform.url = f"{'https' if tls else 'http'}://localhost:{server.server_address[1]}/api"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield platform
    finally:
        platform.over.set()
        server.shutdown()
        thread.join(20)
        server.server_close()
