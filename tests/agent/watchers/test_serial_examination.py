"""What is told of a serial port before anything is said over it, with real ports and real programs that hold them."""

import grp
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.finding import Finding
from agent.ports import Holder, Holders
from agent.watchers.modbus_meter import ModbusMeterSettings
from agent.watchers.registry import find_kind
from agent.watchers.serial_examination import examine_ports, free_ports, judge_port
from tests.agent.holder import hold
from tests.agent.watchers.bench import Bench

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="who holds a port is known on Linux only")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "port")
    yield made
    made.unplug()


def settings(*ports: Path | str) -> ModbusMeterSettings:
    return ModbusMeterSettings(name="meter1", kind="modbus-meter", port=tuple(map(str, ports)))


def look(*ports: Path | str) -> list[Finding]:
    return list(examine_ports(settings(*ports)))


def test_a_port_that_is_there_and_free(tmp_path: Path) -> None:
    master, slave = os.openpty()
    name = os.ttyname(slave)
    os.close(slave)
    (finding,) = look(name)
    assert (finding.what, finding.verdict) == ("port of meter1", "ok")
    assert free_ports(settings(name)) == [name]
    os.close(master)


def test_a_program_that_has_it_open_without_a_lock_is_named(tmp_path: Path) -> None:
    master, slave = os.openpty()
    name = os.ttyname(slave)
    os.close(slave)
    with hold(name) as pid:
        (finding,) = look(name)
        assert free_ports(settings(name)) == []
    assert finding.verdict == "fail"
    assert f"process {pid} (" in finding.found
    assert f"has {name} open" in finding.found
    os.close(master)


def test_a_port_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    (finding,) = look(tmp_path / "none")
    assert (finding.verdict, finding.found) == ("fail", f"there is no port {tmp_path / 'none'}")
    assert "this machine has " in finding.remedy


def test_a_pattern_that_matches_nothing_is_told(tmp_path: Path) -> None:
    (finding,) = look(tmp_path / "ttyUSB*")
    assert finding.found == f"there is no port {tmp_path / 'ttyUSB*'}"


@pytest.mark.parametrize(("mode", "remedy"), [(0o660, "usermod -aG tty USER"), (0o600, "have udev give such ports")])
def test_a_port_that_may_not_be_opened_is_told_with_what_lets_one_in(mode: int, remedy: str) -> None:
    master, slave = os.openpty()
    name = os.ttyname(slave)
    if os.geteuid() == 0:  # for others devpts does it
        os.chown(name, -1, grp.getgrnam("tty").gr_gid)
    Path(name).chmod(mode)
    finding = judge_port("port of meter1", name, may_open=False, holders=Holders((), 0))
    os.close(slave)
    os.close(master)
    assert finding.verdict == "fail"
    assert "belongs to group tty" in finding.found
    assert remedy in finding.remedy


def test_nobody_is_told_to_join_the_group_of_root() -> None:
    finding = judge_port("port of meter1", "/dev/null", may_open=False, holders=Holders((), 0))
    assert "belongs to group root" in finding.found
    assert "usermod -aG root" not in finding.remedy


def test_a_holder_is_named_before_the_port_is_called_free() -> None:
    held = Holders((Holder(4711, "minicom"),), 3)
    finding = judge_port("port of meter1", "/dev/null", may_open=True, holders=held)
    assert finding.found == "process 4711 (minicom) has /dev/null open"
    free = judge_port("port of meter1", "/dev/null", may_open=True, holders=Holders((), 3))
    assert free.found.endswith("nobody has it open, as far as this user may see")


def test_a_device_server_is_left_to_the_trial() -> None:
    assert look("socket://127.0.0.1:9") == []
    assert free_ports(settings("socket://127.0.0.1:9")) == ["socket://127.0.0.1:9"]


@pytest.mark.parametrize("kind", ["contact", "card-reader", "status-poll"])
def test_every_serial_kind_offers_it(kind: str) -> None:
    assert find_kind(kind).examine is examine_ports
