"""Which serial port to try next, when a configuration names several or a pattern. In the port's child process only.

A port's name is the least reliable thing about it: the same adapter is ttyUSB1 after a bad moment, and COM7 in another
socket. So a watcher may name several candidates, and stays where the right thing answers. Only what the configuration
names is ever opened: to talk to a port is to talk to a device.

    port = ["/dev/ttyUSB*", "/dev/ttyACM*"]      tried in this order, names within a pattern in theirs

`Search` is pure. What was never tried comes first, so a port that has just been plugged in does not wait its turn.
"""

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from serial.tools.list_ports_common import ListPortInfo

_WILD = "*?["


class Where(NamedTuple):
    """What the configuration says about the port, and what an earlier child learnt.

    `names` are names, patterns, or URLs of pyserial; `usb_serial`, unless empty, narrows them to the USB adapter with
    this serial number. `last` is where the right thing answered last; `hung` is where an earlier child got stuck.
    """

    names: tuple[str, ...]
    usb_serial: str = ""
    last: str = ""
    hung: str = ""

    @property
    def only(self) -> str:
        """The one name that is meant, or empty where there is a choice."""
        return self.names[0] if len(self.names) == 1 and not is_pattern(self.names[0]) else ""


def is_pattern(name: str) -> bool:
    """Whether a name stands for several ports."""
    return "://" not in name and any(sign in name for sign in _WILD)


class Search:
    """Remembers what was tried, and why it was not it."""

    def __init__(self, where: Where) -> None:
        self._turn = 1
        self._tried = {where.hung: 1, where.last: -1}
        self._reasons: dict[str, str] = {}

    def choose(self, present: Sequence[str]) -> str:
        """Return the one of `present`, which is not empty, that was never tried, or longest ago."""
        self._tried = {name: turn for name, turn in self._tried.items() if name in present}
        return min(present, key=lambda name: self._tried.get(name, 0))

    def failed(self, name: str, reason: str) -> None:
        """Note that the right thing did not answer at `name`."""
        self._turn += 1
        self._tried[name] = self._turn
        self._reasons[name] = reason

    def found(self, name: str) -> None:
        """Note that it did; the next search begins there."""
        self._tried = {name: -1}
        self._reasons = {}

    def summary(self, present: Sequence[str]) -> str | None:
        """Return why it is at none of `present`, once each was tried; None before that."""
        if not all(name in self._reasons for name in present):
            return None
        reasons = "; ".join(self._reasons[name] for name in present)
        return f"it answers at none of the ports that it may be at: {reasons}"


def present_ports(where: Where) -> list[str]:
    """Return the ports that may be tried now, each once. A plain name counts as present: opening it tells more."""
    names = [name for pattern in where.names for name in _matching(pattern)]
    if where.usb_serial:
        wanted = {os.path.realpath(port.device) for port in _usb_ports() if port.serial_number == where.usb_serial}
        names = [name for name in names if os.path.realpath(name) in wanted]
    return list(dict.fromkeys(names))


def why_none(where: Where) -> str:
    """Return what is missing when no port may be tried."""
    named = ", ".join(where.names)
    if where.usb_serial:
        return f"there is no USB adapter with serial number {where.usb_serial} at {named}: plug it in, or correct both"
    return f"there is no port {named}: plug the adapter in, or correct `port`"


def _matching(pattern: str) -> Iterable[str]:
    if not is_pattern(pattern):
        return [pattern]
    if os.name == "nt":  # ports are no files there
        from fnmatch import fnmatch

        return sorted(port.device for port in _usb_ports() if fnmatch(port.device, pattern))
    from glob import glob

    return sorted(glob(pattern))  # noqa: PTH207 (pathlib costs a child more)


def _usb_ports() -> "Iterable[ListPortInfo]":
    from serial.tools.list_ports import comports

    return comports()
