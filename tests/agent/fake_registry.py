"""The enrolment half of a collector over real HTTP, made of the standard library and protocol/ only."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from protocol.keys import parse_vkey
from protocol.note import enrolment_text, verify
from tests.agent.conftest import RECEIPT_KEY


class FakeRegistry:
    """Tokens by agent id; `lose_reply` makes the next redemption count without an answer; `ahead_s` moves its clock."""

    def __init__(self) -> None:
        self.tokens = {"jt_good": "em-01", "jt_next": "em-01", "jt_other": "em-02"}
        self.keys: dict[str, str] = {}  # token -> vkey
        self.epochs: dict[str, int] = {}
        self.lose_reply = False
        self.broken: bytes | None = None
        self.ahead_s = 0
        handler = type("Handler", (_Handler,), {"registry": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str, asked: dict[str, str]) -> tuple[int, dict[str, Any]]:
        token, agent_id = asked["token"], asked["agent_id"]
        if self.tokens.get(token) != agent_id:
            return _problem(404, "unknown-token", f"no such token for agent {agent_id!r}: check both")
        epoch = self.epochs.setdefault(token, len(self.epochs) + 1)
        origin, nonce = f"jishi.example/a/{agent_id}/{epoch}", f"{epoch:032x}"
        if path.endswith("/challenge"):
            return 200, {"origin": origin, "nonce": nonce, "expires_at": "2026-11-24T00:00:00Z"}
        vkey = asked["vkey"]
        if self.keys.get(token, vkey) != vkey:
            return _problem(409, "token-used", "this token was used already, with another key: ask for a new one")
        if verify(asked["proof"].encode(), parse_vkey(vkey)) != enrolment_text(origin, vkey, nonce):
            return _problem(400, "bad-key", "the proof signs another text than the challenge's")
        fresh = token not in self.keys
        self.keys[token] = vkey
        return 201 if fresh else 200, {
            "origin": origin,
            "agent_id": agent_id,
            "epoch": epoch,
            "domain": "jishi.example",
            "receipt_vkey": str(RECEIPT_KEY.verifier),
            "shard": 1,
            "broker": {"host": "127.0.0.1", "port": 1883, "tls": False},
            "credentials": None,
            "assets": ["A001"],
            "watch": [{"watcher": "meter1", "channel": "power", "asset": "A001"}],
        }


class _Handler(BaseHTTPRequestHandler):
    registry: ClassVar[FakeRegistry]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        registry = self.registry
        if registry.broken is not None:
            self._say(200, registry.broken)
            return
        status, members = registry.answer(self.path, asked)
        if registry.lose_reply and not self.path.endswith("/challenge"):
            registry.lose_reply = False
            self.close_connection = True
            return
        self._say(status, json.dumps(members).encode())

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        import time

        return super().date_time_string((timestamp or time.time()) + self.registry.ahead_s)

    def log_message(self, *_: object) -> None:
        pass


def _problem(status: int, slug: str, detail: str) -> tuple[int, dict[str, Any]]:
    return status, {"type": f"urn:jishi:problem:{slug}", "title": slug, "status": status, "detail": detail}
