"""What `jishi-agent ports` prints."""

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from agent import cli, ports
from agent.commands.ports import answer_lines, lines
from agent.ports import Holder, Holders, SerialPort
from agent.watchers.probe import probe
from agent.watchers.serial_port import LineSettings
from tests.agent.holder import hold
from tests.agent.watchers.bench import Bench

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


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "ttyUSB0")
    made.plug()
    yield made
    made.unplug()


@pytest.mark.skipif(sys.platform != "linux", reason="the simulator needs pseudo-terminals")
def test_a_meter_is_asked_for_only_where_it_is_wanted(
    bench: Bench, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    quickly = partial(probe, lines=[LineSettings(9600)], addresses=[1], timeout_s=0.05)
    monkeypatch.setattr("agent.commands.ports.probe", quickly)
    assert cli.main(["ports", "--port", str(bench.link)]) == 0
    assert "answers" not in capsys.readouterr().out
    assert cli.main(["ports", "--probe", str(bench.link)]) == 0
    shown = capsys.readouterr().out.partition(str(bench.link))[2]
    assert "modbus-meter, address 1, 9600 8N1" in shown
    assert "885.5 W, 2354.257 kWh" in shown
    assert cli.main(["ports", "--json", "--probe", str(bench.link)]) == 0
    (answer,) = json.loads(capsys.readouterr().out)[-1]["answers"]
    assert (answer["kind"], answer["address"], answer["line"]["baudrate"]) == ("modbus-meter", "1", 9600)


@pytest.mark.skipif(sys.platform != "linux", reason="who holds a port is known on Linux only")
def test_a_port_that_somebody_has_open_is_not_spoken_on(bench: Bench, capsys: Captured) -> None:
    with hold(str(bench.link)):
        assert cli.main(["ports", "--probe", str(bench.link)]) == 0
    assert "not asked: somebody has it open" in capsys.readouterr().out


def test_nobody_answering_is_said() -> None:
    assert [line.split(maxsplit=1)[1] for line in answer_lines([])] == ["nobody, at no common speed and address"]
