"""A full agent: eight watchers, four of them at serial ports, against simulated peers over real ptys and MQTT.

Memory is the proportional share (PSS) of the agent and all its children, which counts shared pages once; processor
time is theirs together. PSS needs Linux.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WATCHERS = """
[[watcher]]
name = "meter2"
kind = "dlt645-meter"
asset = "A002"
port = "{place}/port2"
address = "any"
baudrate = 9600

[[watcher]]
name = "state1"
kind = "status-poll"
asset = "A001"
port = "{place}/status"
disturbs = "accepted"
profile = "ascii"

[[watcher]]
name = "cards1"
kind = "card-reader"
asset = "A001"
port = "{place}/cards"

[[watcher]]
name = "plug1"
kind = "tasmota-plug"
asset = "A003"
host = "127.0.0.1"
port = {broker_port}
topic = "bench"
report_s = 2

[[watcher]]
name = "data1"
kind = "data-files"
asset = "A001"
directory = "{place}/data"

[[watcher]]
name = "software1"
kind = "process"
asset = "A001"
command_line = "bench-control"

[[watcher]]
name = "host"
kind = "host"
"""
"""Beside meter1, the Modbus meter of an agent that is enrolled."""


@contextmanager
def simulated(place: Path, *, broker_port: int) -> Iterator[None]:
    """Everything that the eight watchers look at; they find it at once or a moment later."""
    (place / "data").mkdir()
    beside = ("--status-link", f"{place}/status", "--cards-link", f"{place}/cards", "--software", "bench-control")
    plug = ("--plug", "tasmota", "--broker", f"127.0.0.1:{broker_port}", "--topic", "bench", "--every", "2")
    children = [
        _simulate(place, "electron-microscope", "--link", f"{place}/port", *beside),
        _simulate(place, "chromatograph", "--meter", "dlt645", "--link", f"{place}/port2"),
        _simulate(place, "oven", *plug),
    ]
    try:
        yield
    finally:
        for child in children:
            child.terminate()
            child.communicate(timeout=30)


def _simulate(place: Path, model: str, *words: str) -> subprocess.Popen[bytes]:
    program = str(Path(sys.executable).with_name("jishi-agent"))
    command = [program, "simulate", "--model", model, "--truth", str(place / f"{model}.truth"), *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
