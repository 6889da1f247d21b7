"""The serial ports of this machine: what the system tells of them, and which processes have them open.

Nothing is opened: to open a port can reset what hangs on it. Who holds a port is known on Linux only, from /proc, and
other users' processes can be looked into by root alone; how many could not be is said.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
BY_ID = Path("/dev/serial/by-id")
_PTY_MAJORS = range(136, 144)  # of the ends that programs open, /dev/pts/*: Documentation/admin-guide/devices.txt


class Holder(NamedTuple):
    """A process that has a port open."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.name})"


class Holders(NamedTuple):
    """Who has a port open; `hidden` processes could not be looked into, None where no process can."""

    found: tuple[Holder, ...]
    hidden: int | None


class SerialPort(NamedTuple):
    """One port. What the system does not tell is empty.

    `lasting_name` stays the same when the adapter is plugged in elsewhere (/dev/serial/by-id/…).
    """

    name: str
    lasting_name: str = ""
    usb_id: str = ""  # 0403:6001
    usb_serial: str = ""
    description: str = ""
    holders: Holders = Holders((), None)


def find_ports(named: Iterable[str] = ()) -> list[SerialPort]:
    """Return the ports that the system lists, and the named ones that it does not (a pseudo-terminal, a link)."""
    from serial.tools.list_ports import comports

    lasting = _lasting_names()
    ports = [
        SerialPort(
            port.device,
            lasting.get(os.path.realpath(port.device), ""),
            f"{port.vid:04x}:{port.pid:04x}" if port.vid is not None and port.pid is not None else "",
            port.serial_number or "",
            " ".join(word for word in (port.manufacturer, port.product) if word),
        )
        for port in sorted(comports(), key=lambda port: str(port.device))
    ]
    listed = {os.path.realpath(port.name) for port in ports}
    ports += [SerialPort(name) for name in named if os.path.realpath(name) not in listed]
    return [port._replace(holders=find_holders(port.name)) for port in ports]


def find_holders(port: str, *, proc: Path = PROC) -> Holders:
    """Return the processes that have a port open; not this one, and not the device behind a pseudo-terminal."""
    if not proc.joinpath("self", "fd").is_dir():
        return Holders((), None)
    try:
        meant = Path(port).stat()
    except OSError:
        return Holders((), 0)
    found, hidden = [], 0
    for process in proc.iterdir():
        if not process.name.isdecimal() or int(process.name) == os.getpid():
            continue
        try:
            is_open = any(_is_same_device(meant, opened) for opened in _open_files(process))
            if is_open and not _is_other_end(process, meant):
                found.append(Holder(int(process.name), _name(process)))
        except PermissionError:
            hidden += 1
        except OSError:
            continue  # it ended meanwhile
    return Holders(tuple(sorted(found)), hidden)


def _open_files(process: Path) -> Iterator[os.stat_result]:
    for link in (process / "fd").iterdir():
        try:
            yield link.stat()
        except FileNotFoundError:
            continue  # closed meanwhile


def _is_same_device(meant: os.stat_result, opened: os.stat_result) -> bool:
    both_devices = stat.S_ISCHR(meant.st_mode) and stat.S_ISCHR(opened.st_mode)
    return both_devices and meant.st_rdev == opened.st_rdev


def _is_other_end(process: Path, meant: os.stat_result) -> bool:
    """Whether a process has the controlling end of this pseudo-terminal, so that it is what answers there."""
    if os.major(meant.st_rdev) not in _PTY_MAJORS:
        return False
    wanted = f"tty-index:\t{256 * (os.major(meant.st_rdev) - _PTY_MAJORS[0]) + os.minor(meant.st_rdev)}"
    return any(wanted in _fd_info(fd).splitlines() for fd in (process / "fdinfo").iterdir())


def _fd_info(fd: Path) -> str:
    try:
        return fd.read_text("ascii", "replace")
    except FileNotFoundError:
        return ""  # closed meanwhile


def _name(process: Path) -> str:
    """What a person knows the process by: a Python program by what it was told to run, others by their own name."""
    words = (process / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
    program = Path(words[0]).name or (process / "comm").read_text("utf-8").strip()
    if not program.startswith("python") or words[1:2] == ["-c"]:
        return program
    told = words[2:3] if words[1:2] == ["-m"] else words[1:3]
    return " ".join(Path(word).name for word in told)


def _lasting_names() -> dict[str, str]:
    if not BY_ID.is_dir():
        return {}
    return {os.path.realpath(link): str(link) for link in sorted(BY_ID.iterdir())}
