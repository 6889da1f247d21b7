"""What systemd is told while the agent runs: that it is ready, that its recorder moves, that it ends.

    READY=1                      the journal is open and everything has been started
    STATUS=…, WATCHDOG=1         every two seconds; without WATCHDOG=1 when the recorder has not moved since
    STOPPING=1                   the orderly end is under way

With `WatchdogSec=` in the unit, an agent whose recorder hangs is therefore ended and started again, even though all its
threads are alive. Elsewhere nothing is told. Source: sd_notify(3), the datagram protocol of NOTIFY_SOCKET.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import MutableMapping

SOCKET, WATCHDOG = "NOTIFY_SOCKET", "WATCHDOG_USEC"
FAMILY: int | None = getattr(socket, "AF_UNIX", None)

log = logging.getLogger(__name__)


class ServiceManager:
    """The service manager's ear, or nobody's. `beats`: a number that the recorder raises while it moves."""

    def __init__(self, address: str, *, wants_beats: bool) -> None:
        self._address = address
        self._wants_beats = wants_beats
        self._beats: int | None = None

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str]) -> ServiceManager:
        """Return the one that started this process; its children shall not speak in its name."""
        address, interval = environment.pop(SOCKET, ""), environment.pop(WATCHDOG, "")
        return cls(address, wants_beats=bool(interval))

    def ready(self) -> None:
        """Say that everything has been started."""
        self._say("READY=1")

    def alive(self, beats: int, status: str) -> None:
        """Say how it goes, and that the recorder moves if it has."""
        moved, self._beats = beats != self._beats, beats
        self._say(f"STATUS={status}", *(["WATCHDOG=1"] if moved and self._wants_beats else []))

    def stopping(self) -> None:
        """Say that the end is meant."""
        self._say("STOPPING=1")

    def _say(self, *lines: str) -> None:
        if not self._address or FAMILY is None:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.closing(socket.socket(FAMILY, socket.SOCK_DGRAM)) as sender:
            try:
                sender.sendto("\n".join(lines).encode(), address)
            except OSError as problem:
                log.debug("service manager was not reached", extra={"problem": str(problem)})
