"""An energy meter read by Modbus RTU: which one, where it keeps its values, how often to ask.

A map of one's own stands in the table `registers`, or in a TOML file that `map_file` names and that holds the same.

The port lives in a child process (`modbus_port`); what it says is judged by `serial_meter`.
"""

from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.clock import Clock
from agent.finding import Finding
from agent.reading import MISSED_POLLS
from agent.watchers.modbus_line import longest_poll_s
from agent.watchers.modbus_maps import BUILT_IN, Register, RegisterMap
from agent.watchers.serial_meter import SerialMeter
from agent.watchers.serial_watcher import SpeedSettings
from agent.watchers.watcher import Kind, WatcherSettings


class _Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    register: Annotated[int, Meta(ge=0, le=0xFFFF)]
    function: Literal[3, 4]
    format: Literal["float32", "int16", "uint16", "int32", "uint32"]
    word_order: Literal["high-first", "low-first"] = "high-first"
    scale: Annotated[float, Meta(gt=0, le=1e9)] = 1.0


class PowerRegister(_Register, frozen=True):
    """Where the meter keeps its active power."""

    unit: Literal["W", "kW"]


class EnergyRegister(_Register, frozen=True):
    """Where the meter keeps its active energy."""

    unit: Literal["Wh", "kWh"]


class SerialRegister(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the meter keeps its serial number."""

    register: Annotated[int, Meta(ge=0, le=0xFFFF)]
    function: Literal[3, 4]
    format: Literal["uint16", "uint32"]


class Registers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A meter that has no built-in map. `max_w`: the power that it can measure."""

    power: PowerRegister
    energy: EnergyRegister | None = None
    serial: SerialRegister | None = None
    max_w: Annotated[float, Meta(gt=0, le=1e9)] = 1_000_000.0


class ModbusMeterSettings(SpeedSettings, frozen=True):
    """`[[watcher]] kind = "modbus-meter"`; `map` names a built-in, or the meter that `registers` describes."""

    address: Annotated[int, Meta(ge=1, le=247)] = 1
    serial_number: Annotated[str, Meta(pattern=r"\A[0-9]{0,10}\Z", description="the digits of a serial number")] = ""
    map: str = "sdm120"
    map_file: Annotated[str, Meta(max_length=200, extra={"holds": "registers"})] = ""
    registers: Registers | None = None
    poll_s: Annotated[float, Meta(ge=0.1, le=60)] = 1.0
    timeout_s: Annotated[float, Meta(ge=0.05, le=5)] = 0.5

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from super().faults()
        if self.registers is None and self.map not in BUILT_IN:
            yield "map", f"no built-in map {self.map!r}; known: {', '.join(BUILT_IN)}; else describe it in registers"
        elif self.serial_number and self.register_map().serial is None:
            yield "serial_number", f"map {self.register_map().name} does not say where the meter keeps it; remove it"

    def why_not_beside(self, other: WatcherSettings) -> str:
        """Meters on one line share a port, if each has its own address and none makes the other's readings a hole."""
        if not isinstance(other, ModbusMeterSettings):
            return super().why_not_beside(other)
        if other.line != self.line:
            return f"{other.name} has {self.occupies} with another baudrate, parity or stopbits; one line has one speed"
        if other.address == self.address:
            return f"{other.name} has address {self.address} at {self.occupies} already"
        # A sample covers the time since the one before it up to three polls; a lost meter's poll may come between.
        enough_s = longest_poll_s(max(self.timeout_s, other.timeout_s)) / (MISSED_POLLS - 1)
        if min(self.poll_s, other.poll_s) < enough_s:
            return (
                f"{other.name} is at {self.occupies} too, and while one of them is lost the other waits for it: "
                f"both need poll_s of at least {enough_s:g}, or a smaller timeout_s"
            )
        return ""

    def register_map(self) -> RegisterMap:
        """Return the map to read the meter by."""
        own = self.registers
        if own is None:
            return BUILT_IN[self.map]
        return RegisterMap(
            name=self.map if self.map not in BUILT_IN else PurePath(self.map_file).stem or "registers",
            power=_register(own.power),
            energy=_register(own.energy) if own.energy else None,
            max_w=own.max_w,
            serial=Register(own.serial.register, own.serial.function, own.serial.format, "") if own.serial else None,
        )


class ModbusMeter(SerialMeter):
    """The watcher."""

    kind = "modbus-meter"
    child_module = "agent.watchers.modbus_port"
    shares_port = True

    def __init__(self, settings: ModbusMeterSettings, clock: Clock) -> None:
        self._meter = settings.register_map()
        task = {
            "address": settings.address,
            "timeout_s": settings.timeout_s,
            "poll_s": settings.poll_s,
            "serial_number": settings.serial_number,
            "meter": self._meter,
        }
        super().__init__(
            settings,
            clock,
            poll_s=settings.poll_s,
            poll_takes_s=longest_poll_s(settings.timeout_s),
            max_w=self._meter.max_w,
            task=task,
        )

    def particulars(self) -> tuple[tuple[str, str | int], ...]:
        return (("map", self._meter.name),)


def _register(settings: PowerRegister | EnergyRegister) -> Register:
    return Register(
        settings.register, settings.function, settings.format, settings.unit, settings.word_order, settings.scale
    )


def examine(settings: ModbusMeterSettings) -> Iterable[Finding]:
    """Say at which settings the meter answers, where it does not at these."""
    from agent.watchers.meter_examination import Meant, examine_meter  # the running agent does without

    built_in = settings.map if settings.registers is None else ""
    return examine_meter(settings, Meant("modbus-meter", str(settings.address), settings.line, built_in))


KIND = Kind(ModbusMeterSettings, ModbusMeter, examine)
