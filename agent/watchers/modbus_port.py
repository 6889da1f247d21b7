"""The child process that owns one serial port: `python -m agent.watchers.modbus_port SETTINGS`.

A port can hang for ever in the driver (an unplugged adapter on Windows does), so it lives in a process of its own that
the watcher may kill. It prints one JSON line for each poll and ends when its standard input closes, that is, when the
watcher is gone, however it went. It imports little, because there is one of it for each port.

    {"wall_ms": 1764554716036, "mono_ms": 72893813, "power_mw": 904900, "energy_mwh": 1646000}
    {"wall_ms": 1764554717041, "mono_ms": 72894818, "error": "silent", "reason": "no answer from address 1 within …"}

A port that cannot be opened, or that fails, is tried again each second by its name, which may lead elsewhere by then.
"""

import errno
import json
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from agent.watchers.modbus_line import SLICE_S, Line, NoReading
from agent.watchers.modbus_maps import AbsurdValue, Register, RegisterMap, decode_energy_mwh, decode_power_mw

if TYPE_CHECKING:
    import serial

try:
    from termios import error as TerminalError  # noqa: N812
except ImportError:  # Windows
    TerminalError = OSError  # type: ignore[misc,assignment]

REOPEN_S = 1.0
WRITE_TIMEOUT_S = 1.0

PORT_ERRORS = (OSError, ValueError, TerminalError)
"""What pyserial raises for a port that fails: SerialException is an OSError, wrong settings are ValueErrors."""


class PortSettings(NamedTuple):
    """All that the child is told, as one JSON array on its command line."""

    port: str
    baudrate: int
    parity: str
    stopbits: int
    address: int
    timeout_s: float
    poll_s: float
    meter: RegisterMap


def settings_from(argument: str) -> PortSettings:
    """Return the settings as the watcher wrote them on the command line."""
    *line, (name, power, energy, max_w) = json.loads(argument)
    meter = RegisterMap(name, Register(*power), Register(*energy) if energy else None, max_w)
    return PortSettings._make((*line, meter))


def main() -> None:
    """Poll until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the watcher ends this process
    threading.Thread(target=_end_with_watcher, daemon=True).start()
    settings = settings_from(sys.argv[1])
    while True:
        try:
            with open_serial(settings) as port:
                poll_for_ever(port, settings)
        except PORT_ERRORS as error:
            say(error="port", reason=why_port_failed(error, settings))
        time.sleep(REOPEN_S)


def open_serial(settings: PortSettings) -> "serial.Serial":
    """Open the port for this process alone; PORT_ERRORS."""
    import serial

    return serial.Serial(
        port=settings.port,
        baudrate=settings.baudrate,
        parity=settings.parity,
        stopbits=settings.stopbits,
        timeout=SLICE_S,
        write_timeout=WRITE_TIMEOUT_S,
        exclusive=True,
    )


def poll_for_ever(port: "serial.Serial", settings: PortSettings) -> None:
    """Say what each poll found; ends only by PORT_ERRORS."""
    line = Line(
        port,
        address=settings.address,
        meter=settings.meter,
        timeout_s=settings.timeout_s,
        baudrate=settings.baudrate,
    )
    due_s = time.monotonic()
    while True:
        poll(line, settings.meter)
        due_s = max(due_s + settings.poll_s, time.monotonic())
        time.sleep(max(0.0, due_s - time.monotonic()))


def poll(line: Line, meter: RegisterMap) -> None:
    """Ask once, and say the values or why there are none."""
    try:
        power_mw = decode_power_mw(meter, line.ask_power())
        at = _now()  # the meter measured just before this, whatever the counter's answer takes
        energy_mwh = None if meter.energy is None else decode_energy_mwh(meter, meter.energy, line.ask_energy())
    except NoReading as none:
        say(error=none.word, reason=str(none))
    except AbsurdValue as absurd:
        say(error="absurd", reason=str(absurd))
    else:
        say(at, power_mw=power_mw, energy_mwh=energy_mwh)


def say(at: tuple[int, int] | None = None, **members: str | int | None) -> None:
    """Print one JSON line; end the process when nobody reads it."""
    wall_ms, mono_ms = at or _now()
    line = json.dumps({"wall_ms": wall_ms, "mono_ms": mono_ms, **members})
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(0)


def why_port_failed(error: BaseException, settings: PortSettings) -> str:
    """Return what happened to the port, and the remedy."""
    port = settings.port
    match getattr(error, "errno", None):
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return f"there is no port {port}: plug the adapter in, or correct `port`"
        case errno.EACCES | errno.EPERM:
            return f"no permission to open {port}: add the agent's user to the group that owns it (often dialout)"
        case errno.EAGAIN | errno.EBUSY:
            return f"{port} is in use by another program: end it, or give the meter a port of its own"
    if isinstance(error, ValueError):
        return f"{port} does not take these settings ({error}): check baudrate, parity and stopbits"
    return f"{port} failed ({error}): was the adapter unplugged?"


def _now() -> tuple[int, int]:
    # The clocks of agent.clock, whose imports this small process does without.
    return time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000


def _end_with_watcher() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
