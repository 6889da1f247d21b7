"""A vacuum gauge that sends its pressure in lines by UDP, a few each second: `P 1.3e-05 mbar`.

An example of a third party's watcher. Low pressure tells that the column is pumped down; alone it says nothing about
work. One channel: `pressure`, gauge, in µPa (1 mbar is 100 Pa), because the journal holds whole numbers only.
"""

import re
import socket
import threading
from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from agent.clock import Clock
from agent.errors import WatcherError
from agent.reading import Channel, Sample
from agent.watchers.watcher import Emit, Fault, Kind, Seen, WatcherSettings

LINE = re.compile(rb"P (\d\.\d+e[+-]\d\d) mbar\r?\n?")
UPA_PER_MBAR = 1e8
HIGHEST_UPA = 2e11  # twice the air's: more is no pressure that this gauge can mean
LOOK_S = 0.5  # how often the watcher looks whether it should stop
PATIENCE_POLLS = 3


class VacuumSettings(WatcherSettings, frozen=True):
    """`[[watcher]] kind = "acme-vacuum"`. Unknown keys and wrong types are refused before this is made."""

    udp_port: Annotated[int, Meta(ge=1024, le=65535)]
    listen: str = "127.0.0.1"
    poll_s: Annotated[float, Meta(ge=0.1, le=60)] = 1.0

    def faults(self) -> Iterator[tuple[str, str]]:
        """Say what no single field can tell."""
        if not self.listen.strip("0.:"):  # 0.0.0.0
            yield "listen", "anybody in the network could send pressures; name the address that the gauge sends to"


class VacuumGauge:
    """The watcher. It holds no thread, no file and no socket before `run`, and none after it."""

    kind = "acme-vacuum"

    def __init__(self, settings: VacuumSettings, clock: Clock) -> None:
        self.name = settings.name
        self.asset = settings.asset
        self.channels = (Channel("pressure", "gauge", round(settings.poll_s * 1000)),)
        self._settings = settings
        self._clock = clock

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Listen until `stop`."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
            try:
                listener.bind((self._settings.listen, self._settings.udp_port))
            except OSError as error:
                # The supervisor says this in the journal and in `status`, and tries again after a pause.
                raise WatcherError(
                    f"UDP port {self._settings.udp_port} cannot be listened at ({error.strerror}): "
                    "end the program that has it, or correct `udp_port`"
                ) from error
            listener.settimeout(LOOK_S)
            self._listen(listener, emit, stop=stop)

    def _listen(self, listener: socket.socket, emit: Emit, *, stop: threading.Event) -> None:
        patience_ms = PATIENCE_POLLS * round(self._settings.poll_s * 1000)
        good_ms: int | None = self._clock.now().mono_ms  # None while there is a fault, which is said once
        while not stop.is_set():
            raw = _next(listener)
            now = self._clock.now()  # of arrival; the gauge's own clock is nobody's business
            pressure_upa = None if raw is None else pressure(raw)
            if pressure_upa is not None:
                if good_ms is None:
                    emit(Seen(self.name, now, (("udp_port", self._settings.udp_port),)))
                good_ms = now.mono_ms
                emit(Sample(self.name, "pressure", now, pressure_upa))
            elif good_ms is not None and now.mono_ms - good_ms > patience_ms:
                found = "nothing comes" if raw is None else f"found {raw[:30]!r}"
                reason = f"unobserved because {found} at UDP port {self._settings.udp_port}; expected 'P 1.3e-05 mbar'"
                emit(Fault(self.name, now, reason))
                good_ms = None


def pressure(raw: bytes) -> int | None:
    """Return the pressure of a line in µPa; None when it is no line of this gauge, or no pressure."""
    match = LINE.fullmatch(raw)
    if match is None:
        return None
    pressure_upa = float(match[1]) * UPA_PER_MBAR
    return round(pressure_upa) if pressure_upa <= HIGHEST_UPA else None


def _next(listener: socket.socket) -> bytes | None:
    try:
        return listener.recv(512)
    except TimeoutError:
        return None


KIND = Kind(VacuumSettings, VacuumGauge)
