"""mosquitto with the configuration of deploy/, real certificates, and guests that come with this one or that."""

import os
import queue
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.credentials import Credentials, broker_context, keep, public_of
from collector.certificates.authority import Revoked, issue_to_agent, issue_to_server, issue_to_worker, to_pem
from collector.certificates.broker_files import write_broker_files
from collector.certificates.directory import load_authority, make_next, read_bundle, worker_context, worker_path
from collector.embedded.broker import LOOPBACK, find_mosquitto
from collector.embedded.children import server_user, start_child, stop_child
from tests.conftest import find_free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
INSTALLED = "/etc/mosquitto/jishi"
DOMAIN = "jishi.example"
PATIENCE_S = 10.0


class SecuredBroker:
    """Authorities in `directory`/data, what mosquitto reads in `directory`/broker; `start`, `stop`."""

    def __init__(self, directory: Path) -> None:
        self.data_dir, self.files = directory / "data", directory / "broker"
        self.port, self.worker_port = find_free_port(), find_free_port()
        self._credentials = directory / "credentials"
        self._user = server_user()
        self._process: subprocess.Popen[bytes] | None = None
        self.files.mkdir()
        self._credentials.mkdir()

    def make_authorities(self) -> None:
        """What `ca init`, `ca worker-cert`, `ca server-cert` and `ca broker-files` do."""
        now = datetime.now(UTC)
        for kind in ("services", "agents"):
            make_next(self.data_dir, kind, domain=DOMAIN, now=now)
        services = load_authority(self.data_dir, "services")
        worker_path(self.data_dir).write_bytes(issue_to_worker(services, now=now))
        worker_path(self.data_dir).chmod(0o600)
        key, certificate = issue_to_server(services, ["localhost", LOOPBACK], now=now)
        (self.files / "server.key").write_bytes(key)
        (self.files / "server.pem").write_bytes(certificate)
        self.revoke(())

    def revoke(self, serials: Iterable[int], *, generation: int = 1) -> None:
        """Have exactly these on the list, from now on also for a broker that runs."""
        now = datetime.now(UTC)
        write_broker_files(self.data_dir, self.files, {generation: [Revoked(s, now) for s in serials]}, now=now)
        if self._process is not None:
            self.reload()

    def start(self) -> None:
        """Run mosquitto as deploy/ has it, with other ports and places, until it listens at both."""
        settings = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text("utf-8")
        settings = settings.replace(INSTALLED, str(self.files))
        settings = settings.replace("listener 8883\n", f"listener {self.port} {LOOPBACK}\n")
        settings = settings.replace("listener 8884 ", f"listener {self.worker_port} ")
        (self.files / "mosquitto.conf").write_text(settings, "utf-8")
        (self.files / "acl").write_bytes((DEPLOY / "mosquitto" / "acl").read_bytes())
        if self._user is not None:  # as root mosquitto changes its user, as whom it has to read its files again
            for path in (self.files, *self.files.iterdir()):
                os.chown(path, self._user.uid, self._user.gid)
        program = find_mosquitto()
        assert program, "mosquitto is needed: apt-get install mosquitto"
        with (self.files / "log").open("wb") as log:
            argv = [program, "-c", str(self.files / "mosquitto.conf")]
            self._process = start_child(argv, user=self._user, output=log)
        for port in (self.port, self.worker_port):
            eventually(lambda port=port: self._answers(port))

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def reload(self) -> None:
        """SIGHUP, and wait until it was heard."""
        assert self._process is not None
        before = self.log().count("Reloading config")
        self._process.send_signal(signal.SIGHUP)
        eventually(lambda: self.log().count("Reloading config") > before)

    def stop(self) -> None:
        if self._process is not None:
            stop_child(self._process)
            self._process = None

    def log(self) -> str:
        return (self.files / "log").read_text("utf-8", "replace")

    def certify(self, agent_id: str, *, seed: bytes | None = None, now: datetime | None = None) -> int:
        """Give an agent what its enrolment would bring; returns the certificate's serial number."""
        seed = seed or agent_id.encode().ljust(32, b".")
        now = now or datetime.now(UTC)
        agents = load_authority(self.data_dir, "agents")
        certificate = issue_to_agent(agents, agent_id, tls_public=public_of(seed), now=now)
        self.state_dir(agent_id).mkdir(exist_ok=True)
        trusted = read_bundle(self.data_dir, "services").decode()
        keep(self.state_dir(agent_id), seed, Credentials(to_pem(certificate).decode(), trusted))
        return certificate.serial_number

    def state_dir(self, agent_id: str) -> Path:
        return self._credentials / agent_id

    def agent(self, agent_id: str, **more: Any) -> "Guest":
        """An agent's connection with the agent's own credentials."""
        return Guest(self.credentials_of(agent_id), client_id=agent_id, port=self.port, **more)

    def credentials_of(self, agent_id: str) -> ssl.SSLContext:
        """How the agent itself would come."""
        return broker_context(self.state_dir(agent_id))

    def worker(self) -> "Guest":
        """A worker's connection with the workers' own credentials."""
        return Guest(worker_context(self.data_dir), client_id="jishi-ingest/9", port=self.worker_port)

    def nobody(self) -> ssl.SSLContext:
        """Whoever believes the broker and has nothing to show."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=read_bundle(self.data_dir, "services").decode())
        return context

    def own_context(self) -> ssl.SSLContext:
        """The broker's own certificate, for a server that pretends to be it and lets everybody in."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.files / "server.pem", self.files / "server.key")
        return context

    def _answers(self, port: int) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        try:
            socket.create_connection((LOOPBACK, port), timeout=1).close()
        except OSError:
            return False
        return True


class Guest:
    """One MQTT 5 connection, so that the broker says what it refuses; `admitted` is False where it ended at once."""

    def __init__(self, tls: ssl.SSLContext, *, client_id: str, port: int, user: str = "", will: str = "") -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.ended = threading.Event()
        self._connected = threading.Event()
        self._answers: dict[int, list[str]] = {}
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.tls_set_context(tls)
        if user:
            self._client.username_pw_set(user, "a password")
        if will:
            self._client.will_set(will, b"a will", qos=1)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self.ended.set()
        self._client.on_subscribe = lambda _c, _d, mid, reasons, _p: self._note(mid, [str(r) for r in reasons])
        self._client.on_publish = lambda _c, _d, mid, reason, _p: self._note(mid, [str(reason)])
        self._client.on_message = self._on_message
        self._client.connect("localhost", port)
        self._client.loop_start()

    @property
    def admitted(self) -> bool:
        eventually(lambda: self._connected.is_set() or self.ended.is_set())
        return self._connected.is_set()

    def publish(self, topic: str, payload: bytes, **more: Any) -> str:
        """Publish, and return the broker's word."""
        assert self.admitted
        sent = self._client.publish(topic, payload, qos=1, **more)
        return self._word(sent.mid)

    def subscribe(self, topic: str) -> str:
        """Subscribe, and return the broker's word, which mosquitto gives before it asks who may read."""
        assert self.admitted
        _, mid = self._client.subscribe(topic, qos=1)
        assert mid is not None
        return self._word(mid)

    def vanish(self) -> None:
        """End without a farewell, as a crash does: the will is published."""
        link = self._client.socket()
        assert link is not None
        link.close()  # type: ignore[union-attr]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _word(self, mid: int) -> str:
        eventually(lambda: mid in self._answers)
        return self._answers[mid][0]

    def _note(self, mid: int, words: list[str]) -> None:
        self._answers[mid] = words

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            self._connected.set()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.heard.put((message.topic, bytes(message.payload)))


def eventually(what: Callable[[], object]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)
