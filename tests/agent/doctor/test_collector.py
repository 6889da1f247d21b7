"""The collector's address over real HTTP: a collector, something else, nothing, and the wrong time."""

import socket
import ssl
import subprocess
import threading
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from agent.config import CollectorSettings
from agent.doctor import collector
from agent.doctor.case import Case
from agent.doctor.collector import examine_collector
from agent.enrolment import why_unreachable
from agent.finding import Finding
from tests.agent.doctor.cases import a_case, only, verdicts


class Pages(BaseHTTPRequestHandler):
    """Answers with what the test says, by path; 404 for others."""

    pages: ClassVar[dict[str, tuple[int, bytes]]] = {}
    date: ClassVar[str | None] = None

    def do_GET(self) -> None:
        status, body = self.pages.get(self.path, (404, b"not here"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.date or super().date_time_string(timestamp)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def pages() -> Iterator[type[Pages]]:
    handler = type("Handler", (Pages,), {"pages": {"/healthz": (200, b'{"status":"ok"}')}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        handler.url = f"http://127.0.0.1:{server.server_port}"
        yield handler
        server.shutdown()
        thread.join()


@pytest.fixture
def case(tmp_path, pages: type[Pages]) -> Case:  # type: ignore[no-untyped-def]
    return asking(a_case(tmp_path), pages.url)


def asking(case: Case, url: str) -> Case:
    return case._replace(
        configuration=msgspec.structs.replace(case.configuration, collector=CollectorSettings(url=url))
    )


def named(findings: list[Finding], what: str) -> Finding:
    return only(finding for finding in findings if finding.what == what)


def test_a_collector_that_answers_is_in_order_and_tells_the_time(case: Case) -> None:
    assert verdicts(examine_collector(case)) == {"collector": "ok", "clock": "ok"}


def test_its_clock_is_held_against_ours(case: Case, pages: type[Pages]) -> None:
    pages.date = "Mon, 23 Nov 2020 01:50:00 GMT"
    assert verdicts(examine_collector(case))["clock"] == "warn"


@pytest.mark.parametrize("answer", [(200, b"<html>the printer</html>"), (200, b"[]"), (404, b"gone"), (200, b"")])
def test_what_is_no_collector_is_said(case: Case, pages: type[Pages], answer: tuple[int, bytes]) -> None:
    pages.pages["/healthz"] = answer
    finding = named(list(examine_collector(case)), "collector")
    assert finding.verdict == "fail"
    assert "is not a jishi collector" in finding.found


def test_a_collector_without_its_database_is_a_warning(case: Case, pages: type[Pages]) -> None:
    pages.pages["/readyz"] = (503, b"{}")
    assert [finding.verdict for finding in examine_collector(case)] == ["ok", "ok", "warn"]


def test_an_address_where_nothing_listens(case: Case, free_port: int) -> None:
    finding = only(examine_collector(asking(case, f"http://127.0.0.1:{free_port}")))
    assert finding.verdict == "fail"
    assert finding.found.startswith(f"no collector answers at http://127.0.0.1:{free_port}")


def test_what_is_not_encrypted_is_said_and_a_proxy_is_named_without_its_password(
    case: Case, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://user:sesame@127.0.0.1:{free_port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    findings = list(examine_collector(asking(case, "http://collector.example:8321")))
    assert named(findings, "encryption").verdict == "warn"
    remedy = named(findings, "collector").remedy
    assert "requests go through the proxy 127.0.0.1" in remedy
    assert "no_proxy=collector.example" in remedy
    assert "sesame" not in str(findings)


def test_an_answer_that_never_comes_is_not_waited_for(
    case: Case, pages: type[Pages], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.agent.doctor.brokers import mute_listener

    monkeypatch.setattr(collector, "TIMEOUT_S", 0.2)
    with mute_listener() as port:
        finding = only(examine_collector(asking(case, f"http://127.0.0.1:{port}")))
    assert finding.verdict == "fail"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """One that nobody vouches for, and its key beside it."""
    path = tmp_path / "cert.pem"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x"]
    files = ["-keyout", path.with_suffix(".key"), "-out", path]
    subprocess.run(["openssl", *words, *files], check=True, capture_output=True)
    return path


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(case: Case, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        finding = only(examine_collector(asking(case, f"https://127.0.0.1:{server.server_port}")))
        server.shutdown()
        thread.join()
    assert finding.verdict == "fail"
    assert "is not accepted (self-signed certificate)" in finding.found
    assert "certificate authority is trusted here" in finding.remedy


def test_a_name_that_no_machine_has_is_said() -> None:
    found, remedy = why_unreachable("https://c.example", urllib.error.URLError(socket.gaierror(-2, "not known")))
    assert found == "no machine has the name in https://c.example (not known)"
    assert "check [collector] url" in remedy
