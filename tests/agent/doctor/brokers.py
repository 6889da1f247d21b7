"""Brokers that are not as they should be: a mosquitto with other settings, and listeners that are no brokers."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.embedded.broker import LOOPBACK, find_mosquitto
from tests.agent.test_uplink_broker import eventually
from tests.conftest import find_free_port

ACCESS_RULES = """\
topic read jishi/v1/down/#
topic write jishi/v1/down/#
topic read jishi/v1/up/#
"""
"""Lets everybody subscribe to everything, and nobody publish upwards: a rule with a word too few."""


@contextmanager
def mosquitto(directory: Path, *settings: str) -> Iterator[int]:
    """A broker with these settings on a port of its own; yields the port. `directory` must be open to all users."""
    program, port = find_mosquitto(), find_free_port()
    assert program is not None, "mosquitto is needed here: apt-get install mosquitto"
    configuration = directory / "mosquitto.conf"
    configuration.write_text("\n".join([f"listener {port} {LOOPBACK}", "log_type error", *settings, ""]), "utf-8")
    with subprocess.Popen([program, "-c", str(configuration)], stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: _listens(port))
            yield port
        finally:
            process.terminate()


@contextmanager
def mute_listener(*, says: bytes = b"") -> Iterator[int]:
    """Something that takes one connection and is no broker: it says nothing, or `says` and hangs up."""
    with socket.create_server((LOOPBACK, 0)) as server:
        done = threading.Event()

        def take() -> None:
            while not done.is_set():
                connection, _ = server.accept()
                with connection:
                    if says:
                        connection.recv(64)
                        connection.sendall(says)
                    else:
                        done.wait(10)

        thread = threading.Thread(target=take)
        thread.start()
        port: int = server.getsockname()[1]
        yield port
        done.set()
        with socket.create_connection((LOOPBACK, port)):
            pass
        thread.join()


def _listens(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True
