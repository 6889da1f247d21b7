"""The contacts' child at a port of this machine: what it sets, what it says, what it lets through."""

import errno
import json
from typing import Any

import pytest

from agent.watchers.contact_port import ContactObserver
from agent.watchers.serial_port import LineSettings, NoReading


class LocalPort:
    """A serial port with modem lines, as pyserial shows one of this machine."""

    port = "/dev/ttyS0"
    timeout: float | None = 1.0
    rts = dtr = False

    def __init__(self) -> None:
        self.on: set[str] = set()
        self.error: OSError | None = None
        self.received = b""

    def read(self, size: int) -> bytes:
        received, self.received = self.received[:size], self.received[size:]
        return received

    def __getattr__(self, line: str) -> bool:
        if self.error:
            raise self.error
        return line in self.on


def observer_at(port: LocalPort, **settings: Any) -> ContactObserver:
    task = {"contacts": [("cts", "beam", False), ("dcd", "vacuum", True)], "supply": "rts", "debounce_ms": 0}
    return ContactObserver(
        port,  # type: ignore[arg-type]
        LineSettings(),
        **{**task, "look_ms": 5, "poll_s": 60, "most_changes": 20, **settings},
    )


def words(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {line["channel"]: line["word"] for line in lines}


def test_each_line_is_read_by_its_own_name_and_sense(capsys: pytest.CaptureFixture[str]) -> None:
    port = LocalPort()
    observer = observer_at(port)
    observer.poll()
    assert words(capsys) == {"beam": "open", "vacuum": "closed"}
    port.on = {"cts", "cd"}
    observer.poll()
    assert words(capsys) == {"beam": "closed", "vacuum": "open"}
    assert (port.rts, port.dtr, port.timeout) == (True, False, 0)


def test_data_is_thrown_away_and_says_nothing() -> None:
    port = LocalPort()
    port.received = b"x" * 100
    observer_at(port).poll()
    assert port.received == b""


def test_a_port_that_fails_is_the_loops_to_tell() -> None:
    port = LocalPort()
    observer = observer_at(port)
    observer.poll()
    port.error = OSError(errno.EIO, "Input/output error")
    with pytest.raises(OSError, match="Input/output error"):
        observer.poll()


def test_a_port_without_lines_is_asked_seldom_and_named() -> None:
    port = LocalPort()
    port.error = OSError(errno.ENOTTY, "Inappropriate ioctl for device")
    observer = observer_at(port)
    with pytest.raises(NoReading, match="/dev/ttyS0 has no modem lines"):
        observer.poll()
    assert observer.poll_s == 1
    port.error = None
    observer.poll()
    assert observer.poll_s == 0.005


def test_chatter_is_said_once_a_poll_and_no_contacts_word_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    port = LocalPort()
    observer = observer_at(port, most_changes=4)
    for number in range(20):
        port.on = {"cts"} if number % 2 else set()
        observer.poll()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    chatter = [line for line in lines if line.get("error") == "chatter"]
    assert len(chatter) == 1
    assert chatter[0]["reason"].startswith("contact beam changed more than 4 times in 10 s: a loose wire")
    assert lines[-1] == chatter[0]
