"""From nothing to a province with mutual TLS, by the commands that docs/security/tls.md names: enrol, deliver, renew,
revoke. Real programs throughout: mosquitto as deploy/ configures it, `serve`, `ingest`, `jishi-agent`."""

import contextlib
import io
import json
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import cli as agent_cli
from collector import cli as collector_cli
from collector.embedded.children import start_child, stop_child
from collector.registry import instruments, people
from collector.store import database
from collector.store.database import Connection
from tests.conftest import find_free_port, fresh_database
from tests.deploy.secured_broker import SecuredBroker

COLLECTOR = """\
[collector]
domain = "jishi.example"
data_dir = "{directory}/data"
[database]
dsn = "{dsn}"
[broker]
host = "localhost"
port = {port}
tls = true
worker_port = {worker_port}
[api]
port = {api_port}
tls_cert = "{directory}/api/server.pem"
tls_key = "{directory}/api/server.key"
"""
AGENT = """\
[agent]
id = "{agent_id}"
state_dir = "state"
[collector]
url = "https://localhost:{api_port}"
authority = "services-1.pem"
road = "mqtt"
[[watcher]]
name = "pc"
kind = "host"
asset = "A001"
"""


class Site:
    """A centre with its broker in one directory."""

    def __init__(self, directory: Path, dsn: str) -> None:
        self.directory = directory
        self.settings = directory / "collector.toml"
        self.broker = SecuredBroker(directory)
        self.api_port = find_free_port()
        self.authority = directory / "data" / "tls" / "services-1.pem"
        self._parts: list[subprocess.Popen[bytes]] = []
        (directory / "api").mkdir()
        ports = {"port": self.broker.port, "worker_port": self.broker.worker_port, "api_port": self.api_port}
        self.settings.write_text(COLLECTOR.format(directory=directory, dsn=dsn, **ports))

    def command(self, *words: str) -> str:
        """A command of the collector; returns what it printed."""
        code, printed = call(collector_cli.main, *words, "-c", str(self.settings))
        assert code == 0, printed
        return printed

    def set_up(self) -> None:
        """The steps of docs/security/tls.md."""
        self.command("migrate")
        self.command("ca", "init")
        self.command("ca", "worker-cert")
        self.command("ca", "server-cert", "--host", "localhost", "--to", str(self.broker.files))
        self.command("ca", "server-cert", "--host", "localhost", "--to", str(self.directory / "api"))
        self.refresh_broker()
        self.broker.start()
        self.start_parts()

    def refresh_broker(self) -> str:
        """What the timer does every minute."""
        printed = self.command("ca", "broker-files", "--to", str(self.broker.files))
        if "changed" in printed and "nothing changed" not in printed and self.broker.is_running:
            self.broker.reload()
        return printed

    def start_parts(self) -> None:
        self._parts = [
            run("collector.cli", part, "-c", str(self.settings), log=self.log) for part in ("serve", "ingest")
        ]
        until(self._api_answers)

    def stop_parts(self) -> None:
        for part in self._parts:
            stop_child(part, timeout_s=10)

    @property
    def log(self) -> Path:
        return self.directory / "programs.log"

    def close(self) -> None:
        self.stop_parts()
        self.broker.stop()

    def _api_answers(self) -> bool:
        context = ssl.create_default_context(cafile=str(self.authority))
        handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        try:
            with urllib.request.build_opener(*handlers).open(f"https://localhost:{self.api_port}/readyz") as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class Host:
    """An instrument's PC with an agent that its own command enrolled."""

    def __init__(self, agent_id: str, site: Site, connection: Connection) -> None:
        self.directory = site.directory / agent_id
        self.tls = self.directory / "state" / "tls"
        self.settings = self.directory / "agent.toml"
        self._origin = f"jishi.example/a/{agent_id}/1"
        self._site, self._connection = site, connection
        self._running: list[subprocess.Popen[bytes]] = []
        self.directory.mkdir()
        (self.directory / "services-1.pem").write_bytes(site.authority.read_bytes())
        self.settings.write_text(AGENT.format(agent_id=agent_id, api_port=site.api_port))
        token = site.command("token", "--agent", agent_id, "--watch", "meter1=A001").split()[-1]
        (self.directory / "token").write_text(token)
        printed = self.command("enroll", "--token-file", str(self.directory / "token"))
        assert f"enrolled as {self._origin}" in printed

    def command(self, *words: str, expect: int = 0) -> str:
        """A command of the agent; returns what it printed."""
        code, printed = call(agent_cli.main, *words, "-c", str(self.settings))
        assert code == expect, printed
        return printed

    def start(self) -> None:
        self._running.append(run("agent.cli", "run", "-c", str(self.settings), log=self._site.log))

    def stop(self) -> None:
        while self._running:
            assert stop_child(self._running.pop(), timeout_s=30) == 0

    def status(self) -> dict[str, dict[str, Any]]:
        try:
            found: dict[str, dict[str, Any]] = json.loads((self.directory / "state" / "status.json").read_bytes())
        except FileNotFoundError:
            return {"uplink": {}, "journal": {}}
        return found

    def held(self) -> int:
        """How many of its entries the collector holds."""
        row = self._connection.execute("SELECT size FROM journal WHERE origin = %s", [self._origin]).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture(scope="module")
def dsn(server_dsn: str, template_database: str) -> Iterator[str]:
    """One database for all tests here, each of which has an agent of its own."""
    with fresh_database(server_dsn, template_database) as made:
        yield made


@pytest.fixture(scope="module")
def site(dsn: str) -> Iterator[Site]:
    directory = Path(tempfile.mkdtemp(prefix="jishi-tls-", dir="/tmp"))
    directory.chmod(0o755)
    made = Site(directory, dsn)
    try:
        made.set_up()
        with database.connect(dsn, application="test") as opened:
            instruments.register_instrument(opened, "A001", name_zh="电子显微镜")
            people.register_person(opened, "operator")
        yield made
    finally:
        made.close()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def enrol(site: Site, connection: Connection) -> Iterator[Callable[[str], Host]]:
    hosts: list[Host] = []

    def make(agent_id: str) -> Host:
        hosts.append(Host(agent_id, site, connection))
        return hosts[-1]

    yield make
    for host in hosts:
        host.stop()


def test_an_agent_enrols_comes_with_its_certificate_and_delivers(enrol: Callable[[str], Host]) -> None:
    host = enrol("em-01")
    host.start()
    until(lambda: host.status()["uplink"].get("state") == "welcomed")
    until(lambda: host.held() >= 2)
    assert host.status()["uplink"]["road"] == "mqtt"
    host.stop()
    assert host.status()["journal"]["size"] == host.status()["journal"]["receipted"] == host.held()


def test_a_renewed_key_replaces_the_old_one_which_then_opens_nothing(enrol: Callable[[str], Host], site: Site) -> None:
    host = enrol("em-02")
    old = (host.tls / "client.pem").read_bytes()
    assert "nothing changed" in site.refresh_broker()
    assert "a new key is certified" in host.command("renew")
    assert (host.tls / "client.pem").read_bytes() != old
    assert "changed revoked.pem" in site.refresh_broker()
    host.start()
    until(lambda: host.held() >= 2)
    host.stop()
    (host.tls / "client.pem").write_bytes(old)
    said = host.command("doctor", expect=1)
    assert "does not let this agent's certificate in" in said
    assert "jishi-agent renew" in said


def test_a_revoked_agent_is_kept_out_says_so_and_goes_on_recording(enrol: Callable[[str], Host], site: Site) -> None:
    host = enrol("em-03")
    site.command("revoke", "--agent", "em-03", "--by", "operator", "--why", "the control PC was sold")
    assert "changed revoked.pem" in site.refresh_broker()
    host.start()
    # "certificate revoked", or what can be said where the end of the connection overtook the broker's word.
    until(lambda: "certificate" in str(host.status()["uplink"].get("detail")))
    assert host.held() == 0
    until(lambda: host.status()["journal"]["size"] >= 2)
    refused = host.command("renew", expect=1)
    assert "was revoked" in refused
    assert "enrol again" in refused


def test_a_new_services_authority_reaches_agents_before_the_broker_changes_to_it(
    enrol: Callable[[str], Host], site: Site
) -> None:
    host = enrol("em-04")
    site.command("ca", "next", "services")
    assert "changed services.pem" in site.refresh_broker()
    site.stop_parts()
    site.start_parts()
    host.command("renew")
    assert (host.tls / "trusted.pem").read_text().count("BEGIN CERTIFICATE") == 2
    site.command("ca", "worker-cert")
    site.command("ca", "server-cert", "--host", "localhost", "--to", str(site.broker.files))
    site.broker.stop()
    site.broker.start()
    site.stop_parts()
    site.start_parts()
    host.start()
    until(lambda: host.held() >= 2)


def call(program: Callable[[list[str]], int], *words: str) -> tuple[int, str]:
    """Exit code of a command, and what it printed on either channel."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = program(list(words))
    return code, printed.getvalue()


def run(module: str, *words: str, log: Path) -> subprocess.Popen[bytes]:
    """A program of ours, which ends with us at the latest."""
    argv = [sys.executable, "-c", f"import sys; from {module} import main; sys.exit(main())", *words]
    with log.open("ab") as output:
        return start_child(argv, output=output)


def until(reached: Callable[[], object], *, within_s: float = 60.0) -> None:
    """Wait until it is so; programs live in real time."""
    deadline = time.monotonic() + within_s
    while not reached():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
