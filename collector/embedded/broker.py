"""The broker of a single machine: mosquitto where it is installed, else amqtt, as our own child.

Either listens on one loopback port without accounts. Nothing is kept on disk: a broker is trusted with
nothing but delay, and what is lost in it is sent again because no receipt came.

mosquitto's queues are made larger than what the collector lets be under way (ingest/grants.py), because it drops
silently when they are full.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from collector.embedded.children import ServerUser, server_user, start_child, stop_child
from collector.errors import EmbeddedError

LOOPBACK = "127.0.0.1"
_START_TIMEOUT_S = 20.0
_MAX_PACKET_BYTES = 1_200_000  # one batch (protocol.batch.MAX_WIRE_BYTES) and its MQTT header
_MOSQUITTO = """\
listener {port} {host}
allow_anonymous true
persistence false
max_inflight_messages 2000
max_queued_messages 300000
max_queued_bytes 268435456
max_packet_size {packet}
connection_messages false
log_dest stderr
log_type error
log_type warning
"""


def find_mosquitto() -> str | None:
    """The program's path; Debian puts it where the PATH of an ordinary user does not look."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def check_port_free(port: int, *, host: str = LOOPBACK, what: str, patience_s: float = 0.0) -> None:
    """Raises EmbeddedError with a clear message when nobody can listen on `host`:`port`.

    `patience_s` is how long to wait for whoever holds it: the children of a killed `up` may still be dying.
    """
    deadline = time.monotonic() + patience_s
    while (problem := _why_busy(port, host)) is not None:
        if time.monotonic() >= deadline:
            raise EmbeddedError(
                f"port {port} on {host} for the {what} is not free ({problem}): "
                "stop what uses it, or choose another port"
            )
        time.sleep(0.1)


def _why_busy(port: int, host: str) -> str | None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return None


class EmbeddedBroker:
    """One broker on one loopback port. `start`, `stop`; or as a context manager."""

    host = LOOPBACK

    def __init__(self, port: int, *, directory: Path | None = None, program: str | None = None) -> None:
        """`program`: "mosquitto" or "amqtt" to insist on one; the log goes to `directory`/broker.log."""
        self.port = port
        self._program = program or ("mosquitto" if find_mosquitto() else "amqtt")
        self._directory = directory
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the embedded broker was not started")
        return self._process

    @property
    def program(self) -> str:
        return self._program

    def __enter__(self) -> "EmbeddedBroker":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when the port accepts connections; raises EmbeddedError when it does not."""
        check_port_free(self.port, host=self.host, what="broker")
        log_path = self._workplace() / "broker.log"
        with log_path.open("wb") as log:
            # As root, mosquitto would change its user itself, and the kernel would then forget that it is
            # to die with us; so it is started as that user.
            user = server_user() if self._program == "mosquitto" else None
            self._process = start_child(self._argv(user), user=user, output=log)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection((self.host, self.port), timeout=1.0).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        said = log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
        self.stop()
        raise EmbeddedError(
            f"the broker ({self._program}) did not start on {self.host}:{self.port}; it said:\n" + "\n".join(said)
        )

    def restart(self) -> None:
        """Starts again a broker that died, on the same port. Raises EmbeddedError."""
        self.stop()
        self.start()

    def stop(self) -> None:
        if self._process is not None:
            stop_child(self._process, with_signal=signal.SIGTERM, timeout_s=5.0)
            self._process = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def _workplace(self) -> Path:
        if self._directory is not None:
            self._directory.mkdir(parents=True, exist_ok=True)
            return self._directory
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="jishi-broker-", dir="/tmp")
        return Path(self._scratch.name)

    def _argv(self, user: ServerUser | None) -> list[str]:
        if self._program == "amqtt":
            return [sys.executable, "-m", "collector.embedded.broker_amqtt", self.host, str(self.port)]
        program = find_mosquitto()
        if program is None:
            raise EmbeddedError("mosquitto is not installed; leave the choice open to use amqtt")
        settings = self._workplace() / "mosquitto.conf"
        settings.write_text(
            _MOSQUITTO.format(host=self.host, port=self.port, packet=_MAX_PACKET_BYTES), encoding="utf-8"
        )
        if user is not None:
            os.chown(settings.parent, user.uid, user.gid)
        return [program, "-c", str(settings)]
