"""The serial ports of a machine, and who has them open."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.ports import Holders, SerialPort, find_holders, find_ports
from tests.agent.holder import hold

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="who holds a port is known on Linux only")


@pytest.fixture
def port() -> Iterator[str]:
    master, slave = os.openpty()
    name = os.ttyname(slave)
    os.close(slave)
    yield name
    os.close(master)


def test_a_port_that_nobody_has_open(port: str) -> None:
    assert find_holders(port).found == ()


def test_whoever_has_it_open_is_named_by_whatever_name_he_used(port: str, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(port)
    with hold(str(link)) as pid:
        (holder,) = find_holders(port).found
    assert holder.pid == pid
    assert str(holder) == f"process {pid} ({Path(sys.executable).name})"


def test_several_holders_are_all_named(port: str) -> None:
    with hold(port) as first, hold(port) as second:
        assert {holder.pid for holder in find_holders(port).found} == {first, second}


def test_the_program_behind_a_pseudo_terminal_is_the_device_and_no_holder(tmp_path: Path) -> None:
    link, truth = tmp_path / "port", tmp_path / "truth"
    words = ["-m", "agent.simulator.cli", "--model", "oven", "--link", str(link), "--truth", str(truth)]
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE) as simulator:
        try:
            assert simulator.stdout is not None
            assert simulator.stdout.readline().startswith(b"ready")
            assert find_holders(str(link)).found == ()
            with hold(str(link)) as pid:
                assert [holder.pid for holder in find_holders(str(link)).found] == [pid]
        finally:
            simulator.terminate()


def test_a_system_without_proc_cannot_tell(port: str, tmp_path: Path) -> None:
    assert find_holders(port, proc=tmp_path) == Holders((), None)


def test_a_port_that_is_not_there_has_no_holder(tmp_path: Path) -> None:
    assert find_holders(str(tmp_path / "none")).found == ()


def a_process(proc: Path, pid: int, *, command: bytes, opened: str) -> None:
    (proc / str(pid) / "fd").mkdir(parents=True)
    (proc / str(pid) / "fd" / "3").symlink_to(opened)
    (proc / str(pid) / "cmdline").write_bytes(command)
    (proc / str(pid) / "comm").write_text("comm\n")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (b"/usr/bin/minicom\0-D\0/dev/ttyUSB0\0", "minicom"),
        (b"/venv/bin/python3\0/venv/bin/jishi-agent\0run\0-c\0agent.toml\0", "jishi-agent run"),
        (b"python\0-m\0agent.watchers.modbus_port\0[[]]\0", "agent.watchers.modbus_port"),
        (b"python\0-c\0import this\0", "python"),
        (b"", "comm"),
    ],
)
def test_a_holder_is_named_as_people_know_it(tmp_path: Path, command: bytes, name: str) -> None:
    (tmp_path / "self" / "fd").mkdir(parents=True)
    a_process(tmp_path, 7, command=command, opened="/dev/null")
    a_process(tmp_path, 8, command=command, opened="/dev/zero")
    (holder,) = find_holders("/dev/null", proc=tmp_path).found
    assert (holder.pid, holder.name) == (7, name)


def test_ports_are_listed_with_what_is_told(monkeypatch: pytest.MonkeyPatch, port: str, tmp_path: Path) -> None:
    from serial.tools import list_ports
    from serial.tools.list_ports_common import ListPortInfo

    usb = ListPortInfo("/dev/null")
    usb.vid, usb.pid, usb.serial_number, usb.manufacturer, usb.product = 0x0403, 0x6001, "A10K", "FTDI", "FT232R"
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-FTDI").symlink_to("/dev/null")
    monkeypatch.setattr(list_ports, "comports", lambda: [usb])
    monkeypatch.setattr("agent.ports.BY_ID", by_id)
    listed, named = find_ports([port, "/dev/null"])
    assert listed._replace(holders=Holders((), None)) == SerialPort(
        "/dev/null", str(by_id / "usb-FTDI"), "0403:6001", "A10K", "FTDI FT232R"
    )
    assert named.name == port
