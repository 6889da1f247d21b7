"""What systemd hears, on a real datagram socket."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.notify import ServiceManager

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no such sockets here, and no systemd")


class Ear:
    """The service manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(20)

    def hear(self) -> list[str]:
        """Return the lines of the next datagram."""
        return self._socket.recv(4096).decode().splitlines()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    made = Ear(str(tmp_path / "notify"))
    yield made
    made.close()


@pytest.fixture
def environment(tmp_path: Path, ear: Ear) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000000", "HOME": "/"}


def test_it_says_that_it_is_ready_lives_and_ends(ear: Ear, environment: dict[str, str]) -> None:
    manager = ServiceManager.from_environment(environment)
    manager.ready()
    manager.alive(1, "1 of 1 watchers up")
    manager.stopping()
    assert [ear.hear() for _ in range(3)] == [["READY=1"], ["STATUS=1 of 1 watchers up", "WATCHDOG=1"], ["STOPPING=1"]]


def test_a_recorder_that_does_not_move_is_not_alive(ear: Ear, environment: dict[str, str]) -> None:
    manager = ServiceManager.from_environment(environment)
    for beats in (7, 7, 8):
        manager.alive(beats, "up")
    assert ["WATCHDOG=1" in ear.hear() for _ in range(3)] == [True, False, True]


def test_without_a_watchdog_nothing_is_said_of_one(ear: Ear, environment: dict[str, str]) -> None:
    del environment["WATCHDOG_USEC"]
    ServiceManager.from_environment(environment).alive(1, "up")
    assert ear.hear() == ["STATUS=up"]


def test_children_cannot_speak_in_its_name(environment: dict[str, str]) -> None:
    ServiceManager.from_environment(environment)
    assert environment == {"HOME": "/"}


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_an_abstract_socket_is_one_too() -> None:
    name = f"jishi-test-{os.getpid()}"
    ear = Ear(f"\0{name}")
    ServiceManager(f"@{name}", wants_beats=False).ready()
    assert ear.hear() == ["READY=1"]
    ear.close()


def test_nobody_who_listens_is_no_reason_to_stop_working(tmp_path: Path) -> None:
    for address in ("", str(tmp_path / "nobody"), "x" * 200):
        ServiceManager(address, wants_beats=True).alive(1, "up")
