"""What answers at a serial port: which meters, at which address and speed. For `ports` and `doctor`, never for `run`.

To probe is to talk to whatever is connected, so it is done only when somebody asks for it, and only with questions that
read. A bus has one speed: as soon as something has answered at one, the others are not tried.

    probe("/dev/ttyUSB0")  ->  [Answer("modbus-meter", "1", LineSettings(2400, "N", 1, 8), ("sdm120", "sdm230"),
                                       "sdm120 and sdm230: 885.5 W, 2354.257 kWh, serial number 20231618")]

A dialect is a function in DIALECTS that takes the open port, and returns who answered in it.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from agent.errors import WatcherError
from agent.watchers.dlt645_line import Line as Dlt645Line
from agent.watchers.dlt645_timing import LONGEST_DELAY_S, Timing
from agent.watchers.modbus_frame import ReadRequest, encode, scan
from agent.watchers.modbus_line import Line
from agent.watchers.modbus_maps import (
    BUILT_IN,
    AbsurdValue,
    RegisterMap,
    decode_energy_mwh,
    decode_power_mw,
    decode_serial_number,
)
from agent.watchers.serial_port import PORT_ERRORS, LineSettings, NoReading, Port, open_port, why_port_failed

COMMON_LINES = tuple(LineSettings(baudrate, parity) for parity in "NE" for baudrate in (9600, 2400, 4800, 19200))
"""Speeds that meters leave the factory with, the likeliest first."""

ADDRESSES = range(1, 11)
TIMEOUT_S = 0.15
"""How long a meter may think; what its bytes take on the wire is added."""

EXCHANGE_BITS = 11 * (8 + 9)


class Answer(NamedTuple):
    """Something that answered. `kind` is the kind of watcher for it, `maps` those of its built-in maps that fit."""

    kind: str
    address: str
    line: LineSettings
    maps: tuple[str, ...]
    detail: str


class Reach(NamedTuple):
    """How far to look: which addresses, and how long to wait for each."""

    addresses: tuple[int, ...] = tuple(ADDRESSES)
    timeout_s: float = TIMEOUT_S


Dialect = Callable[[Port, LineSettings, Reach], list[Answer]]


def probe(
    port: str,
    *,
    lines: Iterable[LineSettings] = COMMON_LINES,
    addresses: Sequence[int] = ADDRESSES,
    timeout_s: float = TIMEOUT_S,
) -> list[Answer]:
    """Return what answers at a port, which is opened for this process alone; WatcherError when it cannot be.

    It takes up to 6 s for each of `lines` and ten `addresses`. `addresses` are those of Modbus; others have their own.
    """
    reach = Reach(tuple(addresses), timeout_s)
    try:
        for line in dict.fromkeys(lines):
            with open_port(port, line) as opened:
                answers = [answer for dialect in DIALECTS for answer in dialect(opened, line, reach)]
            if answers:
                return answers
    except PORT_ERRORS as error:
        raise WatcherError(why_port_failed(error, port)) from error
    return []


def ask_modbus(port: Port, line: LineSettings, reach: Reach) -> list[Answer]:
    """Return the Modbus meters that answer."""
    timeout_s = reach.timeout_s + EXCHANGE_BITS / line.baudrate
    found: set[int] = set()
    for address in reach.addresses:
        for request in _hails(address):
            if address not in found:
                # A late answer counts too, because it says whose it is.
                found |= _who_answers(port, request, timeout_s)
    return [_identify(port, line, address=address, timeout_s=timeout_s) for address in sorted(found)]


def _hails(address: int) -> list[ReadRequest]:
    """A meter may be deaf to the function that it does not have, so both are asked for."""
    return [ReadRequest(address, 4, 0x000C, 2), ReadRequest(address, 3, 0x2012, 2)]


def _who_answers(port: Port, request: ReadRequest, timeout_s: float) -> set[int]:
    port.reset_input_buffer()
    port.write(encode(request))
    heard, end_s = b"", time.monotonic() + timeout_s
    while time.monotonic() < end_s and not _answerers(heard):
        heard += port.read(max(1, port.in_waiting))
    return _answerers(heard)


def _answerers(heard: bytes) -> set[int]:
    return {frame.address for frame in scan(heard) if not isinstance(frame, ReadRequest)}


def _identify(port: Port, line: LineSettings, *, address: int, timeout_s: float) -> Answer:
    """Say which built-in maps fit, by reading all of each."""
    fits: dict[str, list[str]] = {}
    misfits: list[str] = []
    for meter in BUILT_IN.values():
        session = Line(port, address=address, meter=meter, timeout_s=timeout_s, baudrate=line.baudrate)
        try:
            fits.setdefault(_values(session, meter), []).append(meter.name)
        except (NoReading, AbsurdValue) as reason:
            misfits.append(str(reason))
    detail = "; ".join(f"{' and '.join(names)}: {values}" for values, names in fits.items())
    maps = tuple(name for names in fits.values() for name in names)
    return Answer("modbus-meter", str(address), line, maps, detail or f"fits no built-in map ({misfits[0]})")


def _values(session: Line, meter: RegisterMap) -> str:
    """Return what the meter shows by this map; NoReading or AbsurdValue when it does not fit."""
    power_mw = decode_power_mw(meter, session.ask(meter.power))
    shown = [f"{power_mw / 1000:.1f} W"]
    if meter.energy is not None:
        shown.append(f"{decode_energy_mwh(meter, meter.energy, session.ask(meter.energy)) / 1e6:.3f} kWh")
    if meter.serial is not None:
        try:
            shown.append(f"serial number {decode_serial_number(session.ask(meter.serial))}")
        except NoReading:
            shown.append("no serial number")  # some builds do not tell it
    return ", ".join(shown)


def ask_dlt645(port: Port, line: LineSettings, reach: Reach) -> list[Answer]:
    """Return the DL/T 645 meters that answer: each that hears it, unless their answers collide.

    The standard knows no parity but even, and lets a meter think for longer than most Modbus meters do.
    """
    if line.parity != "E":
        return []
    timing = Timing(max(reach.timeout_s, LONGEST_DELAY_S), baudrate=line.baudrate)
    try:
        addresses = Dlt645Line(port, address="", timing=timing).read_addresses()
    except NoReading:
        return []
    return [_read_dlt645(Dlt645Line(port, address=address, timing=timing), line) for address in addresses]


def _read_dlt645(session: Dlt645Line, line: LineSettings) -> Answer:
    try:
        detail = f"{session.ask_power_mw() / 1000:.1f} W, {session.ask_energy_mwh() / 1e6:.2f} kWh"
    except NoReading as none:
        detail = f"tells its address and no values ({none})"
    return Answer("dlt645-meter", session.address, line, (), detail)


DIALECTS: tuple[Dialect, ...] = (ask_modbus, ask_dlt645)
