"""The HTTPS link against a scripted server: what each response means, and what a proxy changes."""

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.credentials import api_context
from agent.exchange import Connected, Event, Lost, Received
from agent.roads.https import HttpsLink
from collector.certificates.authority import issue_to_server, make_authority, to_pem
from protocol.message import MAX_DOWN_BYTES, Refusal, parse_down
from tests.agent.manual_clock import ManualClock
from tests.agent.roads.web_server import Say, WebServer, web_server

CLOCK = SystemClock()


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


@pytest.fixture
def link(server: WebServer) -> Iterator[HttpsLink]:
    made = HttpsLink("em-01", server.url, trust=ssl.create_default_context, clock=CLOCK)
    yield made
    made.close()


def told(link: HttpsLink) -> list[Event]:
    events = list(link.events)
    link.events.clear()
    return events


def reason(link: HttpsLink) -> str:
    (lost,) = told(link)
    assert isinstance(lost, Lost)
    return lost.reason


def test_what_is_sent_is_posted_and_the_response_comes_down(link: HttpsLink, server: WebServer) -> None:
    link.connect()
    link.send(b"batch")
    assert told(link) == [Connected(), Received(b"receipt")]
    (asked,) = server.asked
    assert (asked.target, asked.body) == ("/api/v1/up/em-01", b"batch")
    assert asked.headers["Content-Type"] == "application/octet-stream"
    assert "Authorization" not in asked.headers


def test_messages_share_a_connection(link: HttpsLink, server: WebServer) -> None:
    link.connect()
    for _ in range(3):
        link.send(b"batch")
    assert len({asked.peer for asked in server.asked}) == 1


def test_an_idle_connection_that_the_server_closed_costs_nothing(link: HttpsLink, server: WebServer) -> None:
    server.script.extend([Say(closes=True), Say(body=b"again")])
    link.connect()
    link.send(b"one")
    link.send(b"two")
    assert told(link) == [Connected(), Received(b"receipt"), Received(b"again")]


def test_a_server_that_hangs_up_each_time_is_a_lost_connection(link: HttpsLink, server: WebServer) -> None:
    server.script.extend([None, None])
    link.connect()
    told(link)
    link.send(b"one")
    assert "did not answer" in reason(link)
    assert len(server.asked) == 1
    link.send(b"nothing goes after it")
    assert told(link) == []


@pytest.mark.parametrize(("status", "code"), [(413, "too-large"), (429, "busy"), (503, "busy"), (408, "busy")])
def test_what_says_no_before_the_collector_is_put_in_its_words(
    link: HttpsLink, server: WebServer, status: int, code: str
) -> None:
    server.script.append(Say(status, b"<html>nginx</html>", "text/html"))
    link.connect()
    link.send(b"one")
    connected, received = told(link)
    assert isinstance(received, Received)
    refusal = parse_down(received.raw)
    assert isinstance(refusal, Refusal)
    assert (connected, refusal.code, refusal.receipt) == (Connected(), code, None)
    assert str(status) in refusal.detail


def test_a_pause_that_is_asked_for_is_kept(server: WebServer) -> None:
    clock = ManualClock()
    link = HttpsLink("em-01", server.url, trust=ssl.create_default_context, clock=clock)
    server.script.append(Say(503, b"", "text/html", retry_after="120"))
    link.connect()
    link.send(b"one")
    told(link)
    link.close()
    clock.advance(119_001)
    link.connect()
    link.send(b"too early")
    connected, received = told(link)
    assert connected == Connected()
    assert isinstance(received, Received)
    assert b"asked to wait 1 s more" in received.raw
    clock.advance(999)
    link.send(b"in time")
    assert told(link) == [Received(b"receipt")]
    assert [asked.body for asked in server.asked] == [b"one", b"in time"]
    link.close()


@pytest.mark.parametrize("asked", ["", "soon", "Thu, 26 Nov 2026 22:00:00 GMT", "9" * 40, "-5"])
def test_a_pause_that_cannot_be_read_is_left_to_the_back_off(server: WebServer, link: HttpsLink, asked: str) -> None:
    server.script.append(Say(429, b"", "text/html", retry_after=asked))
    link.connect()
    link.send(b"one")
    link.send(b"two")
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "said",
    [Say(200, b"<html>sign in here</html>", "text/html"), Say(302, b"", "text/html"), Say(404, b"{}", "text/json")],
    ids=["a portal", "a redirect", "not found"],
)
def test_what_is_no_collector_is_a_lost_connection_with_the_remedy(
    link: HttpsLink, server: WebServer, said: Say
) -> None:
    server.script.append(said)
    link.connect()
    told(link)
    link.send(b"one")
    assert reason(link).endswith(f"takes no deliveries (HTTP status {said.status}): check [collector] url")


def test_a_response_without_end_is_not_read_to_its_end(link: HttpsLink, server: WebServer) -> None:
    server.script.append(Say(body=bytes(MAX_DOWN_BYTES + 4096)))
    link.connect()
    link.send(b"one")
    _, received = told(link)
    assert isinstance(received, Received)
    assert len(received.raw) == MAX_DOWN_BYTES + 1  # which the conversation refuses as too large
    link.send(b"two")
    assert told(link) == [Received(b"receipt")]


def test_nobody_there_is_a_lost_connection(free_port: int) -> None:
    link = HttpsLink("em-01", f"http://127.0.0.1:{free_port}", trust=ssl.create_default_context, clock=CLOCK)
    link.connect()
    assert f"http://127.0.0.1:{free_port} cannot be reached" in reason(link)


def test_a_proxy_of_the_environment_is_used_with_its_password(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url.replace("http://", "http://jishi:p%40ss@"))
    monkeypatch.setenv("no_proxy", "")
    link = HttpsLink("em-01", "http://collector.example:8321", trust=ssl.create_default_context, clock=CLOCK)
    link.connect()
    link.send(b"batch")
    assert told(link) == [Connected(), Received(b"receipt")]
    (asked,) = server.asked
    assert asked.target == "http://collector.example:8321/api/v1/up/em-01"
    assert base64.b64decode(asked.headers["Proxy-Authorization"].removeprefix("Basic ")) == b"jishi:p@ss"
    link.close()


def test_an_https_address_is_reached_through_the_proxy_by_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "")
        proxy.settimeout(10)
        link = HttpsLink("em-01", "https://collector.example:8321", trust=ssl.create_default_context, clock=CLOCK)
        refused: list[bytes] = []

        def refuse() -> None:
            peer, _ = proxy.accept()
            with peer:
                refused.append(peer.recv(4096))
                peer.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        link.connect()
        thread.join(10)
    assert refused[0].startswith(b"CONNECT collector.example:8321 ")
    assert "407" in reason(link)


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[WebServer]:
    """A server with a certificate of the province's own authority, which `tmp_path`/services.pem names."""
    authority = make_authority("services", generation=1, domain="jishi.example", now=datetime.now(UTC))
    key, certificate = issue_to_server(authority, ["localhost"], now=datetime.now(UTC))
    (tmp_path / "services.pem").write_bytes(to_pem(authority.certificate))
    (tmp_path / "server.pem").write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with web_server(context) as running:
        yield running


def test_the_authority_that_is_named_is_the_one_that_is_believed(secured: WebServer, tmp_path: Path) -> None:
    link = HttpsLink("em-01", secured.url, trust=partial(api_context, tmp_path, tmp_path / "services.pem"), clock=CLOCK)
    link.connect()
    link.send(b"batch")
    assert told(link) == [Connected(), Received(b"receipt")]
    link.close()


def test_a_server_whose_authority_nobody_named_is_sent_nothing(secured: WebServer) -> None:
    link = HttpsLink("em-01", secured.url, trust=ssl.create_default_context, clock=CLOCK)
    link.connect()
    assert "CERTIFICATE_VERIFY_FAILED" in reason(link)
    assert secured.asked == []


def test_a_server_with_another_name_is_sent_nothing(secured: WebServer, tmp_path: Path) -> None:
    trust = partial(api_context, tmp_path, tmp_path / "services.pem")
    link = HttpsLink("em-01", secured.url.replace("localhost", "127.0.0.1"), trust=trust, clock=CLOCK)
    link.connect()
    assert "IP address mismatch" in reason(link)
    assert secured.asked == []


def test_an_authority_that_cannot_be_read_is_a_lost_connection_that_says_so(server: WebServer, tmp_path: Path) -> None:
    trust = partial(api_context, tmp_path, tmp_path / "nowhere.pem")
    link = HttpsLink("em-01", server.url.replace("http:", "https:"), trust=trust, clock=CLOCK)
    link.connect()
    assert "nowhere.pem cannot be used" in reason(link)
