"""Brokers as they are found on site: mosquitto with accounts and TLS, and things that only look like a broker."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from collector.embedded.broker import LOOPBACK, find_mosquitto
from collector.embedded.children import start_child, stop_child

STARTED_WITHIN_S = 10


class SiteBroker:
    """One mosquitto with settings of its own on a loopback port; `start`, `kill`, `stop` as often as wanted."""

    host = LOOPBACK

    def __init__(self, directory: Path, port: int, *settings: str) -> None:
        program = find_mosquitto()
        if program is None:
            pytest.skip("mosquitto is not installed")
        self.port = port
        self._conf = directory / "mosquitto.conf"
        own = ["user root"] if os.geteuid() == 0 else []  # else it would change to a user who may not read this
        lines = [f"listener {port} {LOOPBACK}", "persistence false", "log_type error", *own, *settings]
        self._conf.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._argv = [program, "-c", str(self._conf)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = start_child(self._argv)
        end_s = time.monotonic() + STARTED_WITHIN_S
        while True:
            assert self._process.poll() is None, "mosquitto ended at once; it said why above"
            assert time.monotonic() < end_s, "mosquitto does not listen"
            try:
                socket.create_connection((LOOPBACK, self.port), timeout=1).close()
            except OSError:
                threading.Event().wait(0.02)
            else:
                return

    def kill(self) -> None:
        """As kill -9 does, or a power cut."""
        assert self._process is not None
        stop_child(self._process, with_signal=signal.SIGKILL)

    def stop(self) -> None:
        if self._process is not None:
            stop_child(self._process)


def write_passwords(directory: Path, **accounts: str) -> Path:
    """A password file of mosquitto."""
    path = directory / "passwords"
    path.touch(mode=0o600)
    program = shutil.which("mosquitto_passwd", path=f"{os.environ['PATH']}:/usr/bin:/usr/local/bin")
    assert program is not None, "mosquitto_passwd comes with mosquitto"
    for user, password in accounts.items():
        subprocess.run([program, "-b", str(path), user, password], check=True, capture_output=True)
    return path


def write_certificate(directory: Path, name: str, *, expired: bool = False) -> tuple[Path, Path]:
    """A key, and a certificate for the loopback address that is its own CA."""
    key, certificate = directory / f"{name}.key", directory / f"{name}.crt"
    subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{LOOPBACK}")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    _openssl("req", "-x509", *curve, *subject, "-keyout", str(key), "-out", str(certificate))
    if expired:
        _openssl("x509", "-in", str(certificate), "-signkey", str(key), "-days", "-1", "-out", str(certificate))
    return key, certificate


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Hoax:
    """A listener that only looks like a broker: `behave` is given each connection and the first bytes heard on it."""

    def __init__(self, behave: Callable[[socket.socket, bytes], None]) -> None:
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard: list[bytes] = []
        self._behave = behave
        self._ending = threading.Event()
        self._links: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def _listen(self) -> None:
        self._listener.settimeout(0.05)
        while not self._ending.is_set():
            try:
                link, _ = self._listener.accept()
            except TimeoutError:
                continue
            self._links.append(link)
            self._threads.append(threading.Thread(target=self._serve, args=(link,)))
            self._threads[-1].start()

    def _serve(self, link: socket.socket) -> None:
        with link:
            link.settimeout(10)
            try:
                heard = link.recv(4096)
                self.heard.append(heard)
                self._behave(link, heard)
                while link.recv(4096):  # until the other side hangs up
                    pass
            except OSError:
                pass  # it hung up at once

    def close(self) -> None:
        self._ending.set()
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(12)
        self._listener.close()


class Publisher:
    """Somebody who publishes on the site."""

    def __init__(self, port: int, *, user: str | None = None, password: str | None = None) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2)
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.connect(LOOPBACK, port)
        self._client.loop_start()

    def publish(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        """Return when the broker has it."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def subscribe(self, topic: str, heard: Callable[[str, bytes], None]) -> None:
        """Return when the broker has taken it."""
        taken = threading.Event()
        self._client.on_message = lambda _client, _data, message: heard(message.topic, bytes(message.payload))
        self._client.on_subscribe = lambda *_: taken.set()
        self._client.subscribe(topic)
        assert taken.wait(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
