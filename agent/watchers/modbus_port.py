"""The child process of one Modbus meter: `python -m agent.watchers.modbus_port ARGUMENT` (see `serial_port`).

{"wall_ms": 1764554716036, "mono_ms": 72893813, "power_mw": 904900, "energy_mwh": 1646000}
"""

from typing import Any, NoReturn

from agent.watchers.modbus_line import Line
from agent.watchers.modbus_maps import (
    AbsurdValue,
    decode_energy_mwh,
    decode_power_mw,
    decode_serial_number,
    map_from,
)
from agent.watchers.serial_port import LineSettings, NoReading, Port, now, say, serve


class MeterObserver:
    """Reads one meter. `serial_number`, unless empty, is that of the only meter that will do."""

    def __init__(
        self,
        port: Port,
        line: LineSettings,
        *,
        address: int,
        timeout_s: float,
        poll_s: float,
        serial_number: str,
        meter: list[Any],
    ) -> None:
        self.poll_s = poll_s
        self._meter = map_from(meter)
        self._line = Line(port, address=address, meter=self._meter, timeout_s=timeout_s, baudrate=line.baudrate)
        self._serial_number = serial_number

    def recognise(self) -> None:
        """Return when the meter answers, with its own serial number where one is given; NoReading."""
        self._line.hail()
        self._check_serial_number()

    def poll(self) -> None:
        """Ask once, and say the values; NoReading."""
        self._line.take_turn()
        if not self._line.in_step:
            self._check_serial_number()  # another meter may have been put in its place
        try:
            power_mw = decode_power_mw(self._meter, self._line.ask(self._meter.power))
            at = now()  # the meter measured just before this, whatever the counter's answer takes
            energy_mwh = self._ask_energy_mwh()
        except AbsurdValue as absurd:
            raise NoReading("absurd", str(absurd)) from absurd
        say(at, power_mw=power_mw, energy_mwh=energy_mwh)

    def _ask_energy_mwh(self) -> int | None:
        energy = self._meter.energy
        return None if energy is None else decode_energy_mwh(self._meter, energy, self._line.ask(energy))

    def _check_serial_number(self) -> None:
        if not self._serial_number or self._meter.serial is None:
            return
        found = decode_serial_number(self._line.ask(self._meter.serial))
        if found != self._serial_number:
            self._line.doubt()
            raise NoReading(
                "foreign",
                f"the meter with serial number {found} answered, expected {self._serial_number}: "
                "connect that meter, or correct serial_number",
            )


def main() -> NoReturn:
    """Poll until standard input closes."""
    serve(lambda port, line, task: MeterObserver(port, line, **task))


if __name__ == "__main__":
    main()
