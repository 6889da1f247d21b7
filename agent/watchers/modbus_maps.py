"""Where a Modbus meter keeps its power and its energy, and how the registers become mW and mWh. Pure, small to import.

Each built-in map cites its source; where no primary source is known, there is no map. Any other meter is described in
TOML:

    [watcher.registers]
    power  = {register = 0x2004, function = 3, format = "float32", unit = "kW"}
    energy = {register = 0x4000, function = 3, format = "float32", unit = "kWh"}

Bytes within a register always come high byte first; `word_order` says which *register* of a 32-bit value comes first.
"""

import math
import struct
from typing import Any, NamedTuple

MILLI_OF = {"W": 1_000, "kW": 1_000_000, "Wh": 1_000, "kWh": 1_000_000}
"""How many mW or mWh one of the unit is."""

_STRUCT = {"float32": ">f", "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I"}

COUNTER_LIMIT_MWH = 2**52
SMALLEST_FLOAT = 1e-6
"""A nonzero float below this comes from no meter: it is what swapped words or a wrong format look like."""


class AbsurdValue(ValueError):
    """Registers hold what cannot be a measurement; the text names the value and the register."""


class Register(NamedTuple):
    """One value in a meter: `register` is the protocol address (0x000C, not 30013); value × `scale` is in `unit`."""

    register: int
    function: int
    format: str
    unit: str
    word_order: str = "high-first"
    scale: float = 1.0

    @property
    def length(self) -> int:
        """How many registers it takes."""
        return struct.calcsize(_STRUCT[self.format]) // 2


class RegisterMap(NamedTuple):
    """A meter: `max_w` is the power that it cannot exceed by its build, so that more is a fault and not a load.

    `serial` is where it keeps the serial number that is printed on it, where it has one (unit "").
    """

    name: str
    power: Register
    energy: Register | None
    max_w: float
    serial: Register | None = None


# Holding register 64513, "Serial number", unsigned 32 bits, in the protocols of SDM120, SDM230 and SDM630.
EASTRON_SERIAL = Register(0xFC00, 3, "uint32", "")

# Eastron SDM120 Modbus Protocol Implementation V2.4, "Input registers", all float32 with function 4:
# 30013 active power (W) at 0x000C, 30343 total active energy (kWh, import + export) at 0x0156.
# https://cdn.shopify.com/s/files/1/0418/3749/4423/files/Eastron_SDM120_Sereis_Electricity_Meters_MODBUS_Protocol.pdf
# 45 A direct connection at 176-276 V (user manual): 12.4 kW.
SDM120 = RegisterMap(
    name="sdm120",
    power=Register(0x000C, 4, "float32", "W"),
    energy=Register(0x0156, 4, "float32", "kWh"),
    max_w=15_000,
    serial=EASTRON_SERIAL,
)

BUILT_IN = {built_in.name: built_in for built_in in (SDM120,)}


def decode(register: Register, payload: bytes) -> float:
    """Return the value in mW or mWh; AbsurdValue when no meter shows such a number."""
    raw = payload if register.word_order == "high-first" else b"".join((payload[2:], payload[:2]))
    (value,) = struct.unpack(_STRUCT[register.format], raw)
    if register.format == "float32":
        value = _intended_decimal(value, register, raw)
    return float(value) * register.scale * MILLI_OF[register.unit]


def decode_power_mw(meter: RegisterMap, payload: bytes) -> int:
    """Return the power in mW; AbsurdValue beyond what the meter can measure."""
    power_mw = decode(meter.power, payload)
    if abs(power_mw) > meter.max_w * 1000:
        raise AbsurdValue(
            f"{power_mw / 1000:.6g} W in register {meter.power.register:#06x} is more than a meter of map {meter.name} "
            f"can measure ({meter.max_w:g} W); check register, format, word_order and unit of the map"
        )
    return round(power_mw)


def decode_energy_mwh(meter: RegisterMap, register: Register, payload: bytes) -> int:
    """Return the counter in mWh; AbsurdValue when it is negative or beyond any counter."""
    energy_mwh = decode(register, payload)
    if not 0 <= energy_mwh <= COUNTER_LIMIT_MWH:
        raise AbsurdValue(
            f"{energy_mwh / 1_000_000:.6g} kWh in register {register.register:#06x} is no energy counter; "
            f"check register, format, word_order and unit of map {meter.name}"
        )
    return round(energy_mwh)


def decode_serial_number(payload: bytes) -> str:
    """Return the serial number as it is printed on the meter."""
    return str(int.from_bytes(payload, "big"))


def map_from(members: list[Any]) -> RegisterMap:
    """Return the map that was written as JSON, whose tuples are lists."""
    name, power, energy, max_w, serial = members
    return RegisterMap(name, Register(*power), energy and Register(*energy), max_w, serial and Register(*serial))


def _intended_decimal(value: float, register: Register, raw: bytes) -> float:
    """Return the shortest decimal that is this float32: 1.646 and not 1.646000027, so that counters step cleanly."""
    if not math.isfinite(value) or 0 < abs(value) < SMALLEST_FLOAT:
        raise AbsurdValue(
            f"{value:.6g} in register {register.register:#06x} (bytes {raw.hex(' ')}) is no measurement; "
            "check format and word_order of the map"
        )
    for digits in (6, 7, 8):
        decimal = float(f"{value:.{digits}g}")
        if struct.pack(">f", decimal) == raw:
            return decimal
    return value
