"""What a stranger may send: everything is measured before anything looks into it, and answered plainly."""

import socket
import threading
import tracemalloc

import httpx

from collector.api.limits import MAX_HEADER_BYTES, MAX_HEADERS, MAX_PATH_BYTES, MAX_QUERY_BYTES, SERVER_HEADER_BYTES
from collector.web.visitor import SESSION_COOKIE
from protocol.batch import MAX_WIRE_BYTES

V1 = "/api/v1"
JSON = {"Content-Type": "application/json"}


def test_a_path_a_query_or_a_header_that_is_too_long_is_refused_with_its_size(client: httpx.Client) -> None:
    for part, path, headers, status in (
        ("path", f"{V1}/agents/" + "x" * MAX_PATH_BYTES, {}, 414),
        ("query", f"{V1}/agents?cursor=" + "x" * MAX_QUERY_BYTES, {}, 414),
        ("header", f"{V1}/agents", {"X-Long": "x" * MAX_HEADER_BYTES}, 431),
        ("header", f"{V1}/agents", {"Cookie": f"{SESSION_COOKIE}=" + "x" * MAX_HEADER_BYTES}, 431),
        ("header", f"{V1}/agents", {f"X-{n}": "y" for n in range(MAX_HEADERS)}, 431),
    ):
        answer = client.get(path, headers=headers)
        assert answer.status_code == status, part
        assert answer.json()["detail"].startswith(f"the {part} has ")
        assert answer.json()["detail"].endswith("send less")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_header_without_end_is_cut_off_by_the_server(client: httpx.Client) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=10) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ")
        answer = b""
        try:
            for _ in range(4 * SERVER_HEADER_BYTES // 1024):
                stranger.sendall(b"x" * 1024)
            answer = stranger.recv(64)
        except OSError:
            return  # the server hung up while we were still sending
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400")


BODIES = [
    (b'{"token":' + b"[" * 30_000, 400),
    (b'{"a":' * 10_000, 400),
    (b'{"token": ' + b"9" * 5_000 + b"}", 400),
    (b"\xff\xfe", 422),
    (b"", 422),
    (b"NaN", 422),
    (b'{"token": "jt_x", "agent_id": "em-01", "more": 1}', 422),
    (b'{"token": "' + b"x" * 300 + b'", "agent_id": "em-01"}', 422),
    (b'{"token": "\\u0000", "agent_id": "em-01"}', 404),
    (b'{"token": "\\ud800", "agent_id": "em-01"}', 422),
]


def test_a_body_that_is_no_request_is_refused_and_never_repeated(client: httpx.Client) -> None:
    for body, status in BODIES:
        answer = client.post(f"{V1}/enrolments/challenge", content=body, headers=JSON)
        assert answer.status_code == status, f"{body[:40]!r}: {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.content) < 2_000
        assert "jt_x" not in answer.text


def test_an_uplink_over_the_size_of_a_batch_is_refused_while_it_comes(client: httpx.Client) -> None:
    chunks = (b"x" * 65_536 for _ in range(MAX_WIRE_BYTES // 65_536 + 1))
    answer = client.post(f"{V1}/up/em-01", content=chunks)
    assert answer.status_code == 413


def test_a_cookie_of_anything_is_nobodys_session(client: httpx.Client) -> None:
    for cookie in ("", "x" * 101, "\x80\xff", '";', "a=b; a=c", SESSION_COOKIE, "=" * 50):
        header = f"{SESSION_COOKIE}={cookie}; jishi_language={cookie}".encode("latin-1")
        assert client.get("/", headers={"Cookie": header}).status_code == 303, cookie  # type: ignore[dict-item]


def test_a_form_of_many_fields_is_refused(client: httpx.Client) -> None:
    own = {"Origin": str(client.base_url).rstrip("/"), "Content-Type": "application/x-www-form-urlencoded"}
    form = b"&".join(b"f%d=x" % n for n in range(200))
    assert client.post("/sign-in", content=form, headers=own).status_code == 400


def test_memory_does_not_grow_with_what_is_refused(client: httpx.Client) -> None:
    def ask(times: int) -> None:
        for _ in range(times):
            client.post(f"{V1}/enrolments/challenge", content=b'{"a":' * 10_000, headers=JSON)
            client.get(f"{V1}/agents", headers={"X-Long": "x" * MAX_HEADER_BYTES})

    ask(10)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        ask(40)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 2_000_000, f"{grown} bytes, {threading.active_count()} threads"
