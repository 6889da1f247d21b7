"""The whole agent under a service manager: a real process, a real notification socket, and a disk that hangs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.enrolled import enrol_in
from tests.agent.test_notify import Ear

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="systemd's protocol, and POSIX signals")

PROGRAM = """
import pathlib, sys, time
from agent import disk, recorder, run
from agent.cli import main
recorder.TICK_MS, run.STATUS_EVERY_S = 100, 0.3
hung, sync = pathlib.Path(sys.argv.pop(1)), disk.Disk.sync
def hang(self, fd):
    while hung.exists():
        time.sleep(0.01)
    sync(self, fd)
disk.Disk.sync = hang
sys.exit(main())
"""


STILL = 5
"""So many times nothing of a recorder that ticks three times as often: it hangs."""


class Service:
    """An agent that watches its host, started as systemd would, on a disk that hangs while `hung` exists."""

    def __init__(self, directory: Path) -> None:
        configuration = enrol_in(directory / "pc", broker_port=9, port=directory / "port", block_s=1)
        head = configuration.read_text("utf-8").partition("[[watcher]]")[0]
        configuration.write_text(f'{head}[[watcher]]\nname = "host"\nkind = "host"\npoll_s = 1\n', encoding="utf-8")
        self.ear = Ear(str(directory / "notify"))
        self.hung = directory / "hung"
        environment = {"NOTIFY_SOCKET": str(directory / "notify"), "WATCHDOG_USEC": "60000000"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.hung), "run", "-c", str(configuration)],
            env={**os.environ, **environment},
            stderr=subprocess.DEVNULL,
        )

    def hear_until(self, wanted: str) -> None:
        while wanted not in self.ear.hear():
            assert self.process.poll() is None

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.ear.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    yield made
    made.close()


def test_the_watchdog_hears_of_a_recorder_that_hangs_and_of_one_that_goes_on(service: Service) -> None:
    assert service.ear.hear() == ["READY=1"]
    service.hear_until("WATCHDOG=1")
    service.hung.touch()
    still = 0
    for _ in range(60):  # the main thread goes on saying how it goes
        lines = service.ear.hear()
        assert lines[0].startswith("STATUS=1 of 1 watchers up")
        still = 0 if "WATCHDOG=1" in lines else still + 1
        if still == STILL:
            break
    assert still == STILL
    service.hung.unlink()
    service.hear_until("WATCHDOG=1")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_in_order_and_says_so(service: Service, number: signal.Signals) -> None:
    service.hear_until("READY=1")
    service.process.send_signal(number)
    service.hear_until("STOPPING=1")
    assert service.process.wait(30) == 0
