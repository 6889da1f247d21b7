"""An energy meter on a serial line, read by Modbus RTU: power, and the energy counter where the meter has one.

It tells off, standby and run: a real load for the real time, and a counter that only rises, are hard to fake. The port
lives in a child process (`modbus_port`); this half starts it, judges what it says, and replaces it when it is silent.

A failed poll is nothing yet: a sample covers the time since the last good one up to three polls. Beyond that, and at
once when the port itself fails, the watcher says that the instrument is unobserved, and why.
"""

import threading
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.clock import Clock, Instant
from agent.reading import MISSED_POLLS, Channel, Sample
from agent.watchers.child import Child, ChildLost
from agent.watchers.counter import CounterJudge
from agent.watchers.modbus_maps import BUILT_IN, Register, RegisterMap
from agent.watchers.modbus_port import PortSettings
from agent.watchers.watcher import Emit, Fault, Kind, Seen, WatcherSettings
from protocol.entry import clean_text

CHILD_MODULE = "agent.watchers.modbus_port"
CHILD_PATIENCE_S = 5.0
RESTART_S = (0.5, 1.0, 2.0, 4.0)
"""Pauses before a lost child is replaced; the longest keeps the watcher back within 5 s of its port."""


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


class Registers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A meter that has no built-in map. `max_w`: the power that it can measure."""

    power: PowerRegister
    energy: EnergyRegister | None = None
    max_w: Annotated[float, Meta(gt=0, le=1e9)] = 1_000_000.0


class ModbusMeterSettings(WatcherSettings, frozen=True):
    """`[[watcher]] kind = "modbus-meter"`; `map` names a built-in, or the meter that `registers` describes."""

    port: Annotated[str, Meta(min_length=1)]
    baudrate: Annotated[int, Meta(ge=300, le=4_000_000)] = 9600
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    address: Annotated[int, Meta(ge=1, le=247)] = 1
    map: str = "sdm120"
    registers: Registers | None = None
    poll_s: Annotated[float, Meta(ge=0.1, le=60)] = 1.0
    timeout_s: Annotated[float, Meta(ge=0.05, le=5)] = 0.5

    def faults(self) -> Iterator[tuple[str, str]]:
        if self.registers is None and self.map not in BUILT_IN:
            yield "map", f"no built-in map {self.map!r}; known: {', '.join(BUILT_IN)}; else describe it in registers"

    @property
    def occupies(self) -> str:
        return self.port

    def register_map(self) -> RegisterMap:
        """Return the map to read the meter by."""
        if self.registers is None:
            return BUILT_IN[self.map]
        energy = self.registers.energy
        name = "registers" if self.map in BUILT_IN else self.map
        return RegisterMap(
            name, _register(self.registers.power), _register(energy) if energy else None, self.registers.max_w
        )


class _Line(msgspec.Struct):
    """What the child says of one poll."""

    wall_ms: int
    mono_ms: int
    power_mw: int | None = None
    energy_mwh: int | None = None
    error: str | None = None
    reason: str = ""


class ModbusMeter:
    """The watcher. `clock` is only asked when the child says nothing; else its lines bring the time."""

    kind = "modbus-meter"

    def __init__(self, settings: ModbusMeterSettings, clock: Clock) -> None:
        self.name = settings.name
        self.asset = settings.asset
        self.channels = (Channel("power", "gauge", round(settings.poll_s * 1000)),)
        self._clock = clock
        self._meter = settings.register_map()
        self._port_settings = PortSettings(
            settings.port, settings.baudrate, settings.parity, settings.stopbits, settings.address,
            settings.timeout_s, settings.poll_s, self._meter,
        )  # fmt: skip
        self._patience_ms = round(MISSED_POLLS * settings.poll_s * 1000)
        self._silence_s = MISSED_POLLS * settings.poll_s + CHILD_PATIENCE_S
        self._judge = CounterJudge(self._meter.max_w)
        self._good_ms: int | None = None
        self._told: str | None = None  # the word of the last fault, until a sample comes
        self._losses = 0

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Keep a child at the port until `stop`."""
        argument = msgspec.json.encode(self._port_settings).decode()
        while not stop.is_set():
            child = Child(CHILD_MODULE, argument)
            try:
                self._follow(child, emit, stop=stop)
            except ChildLost as lost:
                self._complain(self._clock.now(), "child", reason=str(lost), emit=emit)
            finally:
                child.end()
            stop.wait(RESTART_S[min(self._losses, len(RESTART_S) - 1)])
            self._losses += 1

    def _follow(self, child: Child, emit: Emit, *, stop: threading.Event) -> None:
        while (line := child.next_line(self._silence_s, stop)) is not None:
            self.take(line, emit)

    def take(self, raw: bytes, emit: Emit) -> None:
        """Turn one line of the child into what it says."""
        try:
            line = msgspec.json.decode(raw, type=_Line)
        except msgspec.DecodeError as error:
            raise ChildLost(f"its process said {clean_text(raw.decode(errors='replace'))}") from error
        at = Instant(line.wall_ms, line.mono_ms)
        if line.power_mw is None:
            self._complain(at, line.error or "garbage", reason=line.reason, emit=emit)
            return
        if line.energy_mwh is not None:
            objection = self._judge.objection(at.mono_ms, line.energy_mwh)
            if objection:
                self._complain(at, "counter", reason=objection, emit=emit)
                return
        self._accept(Sample(self.name, "power", at, line.power_mw, line.energy_mwh), emit)

    def _accept(self, sample: Sample, emit: Emit) -> None:
        if self._good_ms is None or self._told:
            port, meter = self._port_settings.port, self._meter.name
            emit(Seen(self.name, sample.at, (("port", port), ("map", meter))))
        self._good_ms = sample.at.mono_ms
        self._told = None
        self._losses = 0
        emit(sample)

    def _complain(self, at: Instant, word: str, *, reason: str, emit: Emit) -> None:
        bears_with = self._good_ms is not None and at.mono_ms - self._good_ms <= self._patience_ms
        if word == self._told or (bears_with and word not in ("port", "child")):
            return
        self._told = word
        emit(Fault(self.name, at, clean_text(f"unobserved because {reason}")))


def _register(settings: PowerRegister | EnergyRegister) -> Register:
    return Register(
        settings.register, settings.function, settings.format, settings.unit, settings.word_order, settings.scale
    )


KIND = Kind(ModbusMeterSettings, ModbusMeter)
