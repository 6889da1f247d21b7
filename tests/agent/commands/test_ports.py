"""What `jishi-agent ports` prints."""

import json
import sys

import pytest

from agent import cli, ports
from agent.commands.ports import lines
from agent.ports import Holder, Holders, SerialPort

Captured = pytest.CaptureFixture[str]

USB = SerialPort(
    "/dev/ttyUSB0",
    "/dev/serial/by-id/usb-FTDI_FT232R_A10K",
    "0403:6001",
    "A10K",
    "FTDI FT232R",
    Holders((Holder(4711, "jishi-agent run"),), 0),
)
BARE = SerialPort("/dev/ttyS0", holders=Holders((), None))


@pytest.fixture
def two_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "find_ports", lambda _named: [USB, BARE])


def test_a_port_is_told_with_the_name_that_lasts_its_adapter_and_its_holder() -> None:
    assert list(lines(USB)) == [
        "/dev/ttyUSB0",
        "  name in the configuration  /dev/serial/by-id/usb-FTDI_FT232R_A10K",
        "  adapter                    FTDI FT232R, USB 0403:6001, serial number A10K",
        "  held by                    process 4711 (jishi-agent run)",
    ]
    assert list(lines(BARE)) == [
        "/dev/ttyS0",
        "  adapter                    the system tells nothing of it",
        "  held by                    cannot be told on this system",
    ]


def test_all_ports_are_listed_for_people_and_for_programs(two_ports: None, capsys: Captured) -> None:
    assert cli.main(["ports"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("/dev")] == [
        "/dev/ttyUSB0",
        "/dev/ttyS0",
    ]
    assert cli.main(["ports", "--json"]) == 0
    usb, bare = json.loads(capsys.readouterr().out)
    assert usb["usb_id"] == "0403:6001"
    assert usb["holders"] == [{"pid": 4711, "name": "jishi-agent run"}]
    assert bare["holders"] == []
    assert bare["hidden_processes"] is None


def test_a_machine_without_ports_says_so(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "find_ports", lambda _named: [])
    assert cli.main(["ports"]) == 0
    assert "no serial port" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="who holds a port is known on Linux only")
def test_processes_that_could_not_be_looked_into_are_counted(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "find_ports", lambda _named: [BARE._replace(holders=Holders((), 12))])
    assert cli.main(["ports"]) == 0
    assert "12 processes of other users could not be looked into" in capsys.readouterr().out
