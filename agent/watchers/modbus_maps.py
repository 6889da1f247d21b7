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


# Eastron, all models: every value is a float32 with its high word first (the meter's setting "register order" can turn
# that round: then describe it in TOML). Serial number, unsigned 32 bits, in holding register 464513 = 0xFC00: stated by
# the manuals of SDM630 and SDM320Y below. A meter that does not know it refuses, and says so.
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

# EASTRON SDM230-LoRa Protocol V1.0 (06-2018), table "SDM230-Modbus Input Register", function 4: 30013 active power (W)
# at 0x000C, 30343 total active energy (kWh) at 0x0156.
# https://scribd.com/document/728540024/Eastron-SDM230-LoRaWAN-Protocol-V1-0
# 100 A direct connection at up to 276 V: 27.6 kW.
SDM230 = SDM120._replace(name="sdm230", max_w=30_000)

# Eastron SDM630-Modbus MID V2 user manual (edition of B+G e-tech), part "Modbus Protocol": input registers with
# function 4, 30053 total system power (W) at 0x0034, 30343 total kWh at 0x0156; serial number at 464513.
# https://manualshive.com/en/manual/eastron/sdm630-modbus-mid-v2/522581?page=28 and page=30
# 3 x 100 A direct connection at up to 276 V: 82.8 kW. SDM630MCT (with current transformers) can exceed that.
SDM630 = RegisterMap(
    name="sdm630",
    power=Register(0x0034, 4, "float32", "W"),
    energy=Register(0x0156, 4, "float32", "kWh"),
    max_w=90_000,
    serial=EASTRON_SERIAL,
)

# Peacefair PZEM-014/016 Specification, 2.3 "Read the measurement result": input registers with function 4, power in
# 0x0003 (low 16 bits) and 0x0004 (high), 0.1 W; energy in 0x0005 (low) and 0x0006 (high), 1 Wh. The counter ends at
# 9999.99 kWh, and command 0x42 sets it to zero, which is not known here. No serial number.
# https://www.scribd.com/document/433657058/PZEM-014-016-Specification
# 100 A (external transformer) at 80-260 V: 23 kW by the specification.
PZEM_016 = RegisterMap(
    name="pzem-016",
    power=Register(0x0003, 4, "uint32", "W", "low-first", 0.1),
    energy=Register(0x0005, 4, "uint32", "Wh", "low-first"),
    max_w=27_000,
)

# CHINT DTSU666 series user manual ZTY0.464.1448, table 11 "ModBus protocol address table", read with function 3: the
# combined active power Pt stands at 2012H as float32 and holds ten times the watts of the secondary side (4385.0 is
# 438.5 W); IrAt and UrAt are not in it. https://www.easymanua.ls/chint/dtsu666-ct/manual?p=13 and
# https://www.solaxpower.com/uploads/file/dtsu666-user-manual-en.pdf
# The counter's place differs between builds, and the wrong one reads 0.0 for ever. Owners of the direct 5(80) A meter
# find the forward active energy (kWh) at 401EH; the other builds keep it at 101EH: describe those in TOML. No manual of
# the maker that we could read settles it. https://github.com/lmatula/ha_chint_pm/issues/16
# 3 x 80 A direct connection at up to 1.2 x 230 V (quick operation manual): 66.2 kW.
DTSU666 = RegisterMap(
    name="dtsu666",
    power=Register(0x2012, 3, "float32", "W", scale=0.1),
    energy=Register(0x401E, 3, "float32", "kWh"),
    max_w=70_000,
)

BUILT_IN = {built_in.name: built_in for built_in in (SDM120, SDM230, SDM630, PZEM_016, DTSU666)}


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
