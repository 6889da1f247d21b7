"""The sockets of the page: a flood, a stall and garbage cost it its places and nothing else."""

import http.client
import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from agent.desk import server as server_module
from agent.desk.exchange import Rejection, Request, Response, html
from agent.desk.server import MAX_BODY, PLACES, Server
from tests.agent.test_uplink_broker import eventually

ADDRESS = "127.0.0.1"


class OneSite:
    """Answers `/` at once, `/stuck` when it is let go, and fails at `/broken`."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.let_go = threading.Event()

    def answer(self, request: Request) -> Response:
        self.asked.append(request)
        if request.path == "/broken":
            raise ZeroDivisionError("our mistake")
        if request.path == "/stuck":
            self.let_go.wait(10)
        return html("<p>ok</p>")

    def refuse(self, request: Request, problem: Exception) -> Response:
        status = problem.status if isinstance(problem, Rejection) else HTTPStatus.CONFLICT
        return html(str(problem), status)


@pytest.fixture
def site() -> OneSite:
    return OneSite()


@pytest.fixture
def server(site: OneSite) -> Iterator[Server]:
    made = Server(ADDRESS, 0)
    made.start(lambda port: site)  # type: ignore[arg-type, return-value]
    yield made
    site.let_go.set()
    made.close()


def ask(
    server: Server, method: str = "GET", path: str = "/", body: bytes | None = None
) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection(ADDRESS, server.server_port, timeout=10)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


def say(server: Server, raw: bytes) -> bytes:
    """Send bytes as they are, and return all that comes back."""
    with socket.create_connection((ADDRESS, server.server_port), timeout=10) as line:
        line.sendall(raw)
        line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(65536), b""))


def test_a_request_is_handed_over_as_a_value_and_every_answer_is_guarded(server: Server, site: OneSite) -> None:
    status, body, headers = ask(server, "POST", "/sign-in?lang=en&x=", b"a=1")
    assert (status, body) == (200, "<p>ok</p>")
    request = site.asked[0]
    assert (request.method, request.path, request.query, request.body) == (
        "POST",
        "/sign-in",
        {"lang": "en", "x": ""},
        b"a=1",
    )
    assert request.headers["host"] == f"{ADDRESS}:{server.server_port}"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "script" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] == "jishi"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),  # somebody tried TLS
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", b"501"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /?" + b"a=1&" * 50 + b" HTTP/1.1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), b"413"),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", b"413"),
    ],
)
def test_garbage_ends_in_a_status_with_words_and_never_in_a_traceback(
    server: Server, site: OneSite, raw: bytes, status: bytes
) -> None:
    answer = say(server, raw)
    assert b" " + status + b" " in answer.splitlines()[0]
    assert len(answer.partition(b"\r\n\r\n")[2].strip()) > 3
    assert b"Traceback" not in answer
    assert site.asked == []
    assert ask(server)[0] == 200


def test_a_connection_that_says_nothing_or_breaks_off_is_nobodys_loss(server: Server) -> None:
    for raw in (b"", b"GET / HT", b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"):
        say(server, raw)
    assert ask(server)[0] == 200


def test_a_mistake_of_ours_is_counted_and_shows_nothing_of_the_inside(server: Server) -> None:
    status, body, _ = ask(server, path="/broken")
    assert status == 500
    assert "ZeroDivision" not in body
    assert server.failures == 1
    assert ask(server)[0] == 200


def test_a_head_has_no_body(server: Server) -> None:
    status, body, headers = ask(server, "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, "", "9")


def test_a_flood_is_turned_away_and_those_inside_are_served(server: Server, site: OneSite) -> None:
    lines = [socket.create_connection((ADDRESS, server.server_port), timeout=10) for _ in range(PLACES)]
    for line in lines:
        line.sendall(b"GET /stuck HTTP/1.1\r\n\r\n")
    eventually(lambda: len(site.asked) == PLACES)
    assert say_quietly(server) == b"", "there is no place"
    site.let_go.set()
    for line in lines:
        assert line.recv(15).startswith(b"HTTP/1.0 200")
        line.close()
    eventually(lambda: say_quietly(server) != b"")


def say_quietly(server: Server) -> bytes:
    try:
        return say(server, b"GET / HTTP/1.1\r\n\r\n")
    except OSError:
        return b""  # reset


def test_a_request_that_comes_by_drops_is_cut(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "WHOLE_S", 0.2)
    monkeypatch.setattr(server_module._Handler, "timeout", None)  # no silence is too long
    with socket.create_connection((ADDRESS, server.server_port), timeout=10) as line:
        line.sendall(b"GET / HTTP/1.1\r\nX: ")
        assert line.recv(100) == b""
    assert ask(server)[0] == 200


def test_the_other_loopback_address_serves_too(site: OneSite) -> None:
    made = Server("::1", 0)
    made.start(lambda port: site)  # type: ignore[arg-type, return-value]
    try:
        connection = http.client.HTTPConnection("::1", made.server_port, timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()
    finally:
        made.close()


def test_a_port_that_is_taken_is_an_error_and_leaks_nothing(server: Server) -> None:
    with pytest.raises(OSError, match="in use"):
        Server(ADDRESS, server.server_port)
    assert ask(server)[0] == 200
