"""The child process of one DL/T 645 meter: `python -m agent.watchers.dlt645_port ARGUMENT` (see `serial_port`).

{"wall_ms": 1764554716036, "mono_ms": 72893813, "power_mw": 904900, "energy_mwh": 1640000, "address": "000000000161"}
"""

from typing import TYPE_CHECKING, NoReturn

from agent.watchers.dlt645_line import Line
from agent.watchers.dlt645_timing import Timing
from agent.watchers.serial_port import PORT_ERRORS, LineSettings, Port, Task, now, say, serve

if TYPE_CHECKING:
    import serial


class MeterObserver:
    """Reads one meter. `address` is empty when whichever meter is alone on the line is meant."""

    def __init__(
        self, port: Port, line: LineSettings, *, address: str, timeout_s: float, wakes: int, poll_s: float
    ) -> None:
        self.poll_s = poll_s
        self._line = Line(port, address=address, timing=Timing(timeout_s, wakes, line.baudrate))

    def recognise(self) -> None:
        """Return when the meter answers; NoReading."""
        self._line.recognise()

    def poll(self) -> None:
        """Ask once, and say the values; NoReading."""
        power_mw = self._line.ask_power_mw()
        at = now()  # the meter measured just before this, whatever the counter's answer takes
        energy_mwh = self._line.ask_energy_mwh()
        say(at, power_mw=power_mw, energy_mwh=energy_mwh, address=self._line.address)


def observe(port: "serial.Serial", line: LineSettings, task: Task) -> MeterObserver:
    """Return what reads the meter at an open port."""
    if line.parity != "N":
        heed_parity(port)
    return MeterObserver(port, line, **task)


def heed_parity(port: "serial.Serial") -> None:
    """Let the system make a byte of wrong parity a zero, which breaks its frame.

    pyserial lets it through as it came (on POSIX; Windows needs nothing), and the sum of a frame, eight bits, does not
    see every pair of wrong bits. A port without such a switch is left as it is: a device server sees to it itself.
    """
    try:
        import termios

        attributes = termios.tcgetattr(port.fileno())
        attributes[0] |= termios.INPCK
        termios.tcsetattr(port.fileno(), termios.TCSANOW, attributes)
    except (ImportError, *PORT_ERRORS):
        return


def main() -> NoReturn:
    """Poll until standard input closes."""
    serve(observe)


if __name__ == "__main__":
    main()
