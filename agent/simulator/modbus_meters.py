"""Simulated Modbus meters: the registers that a reader may ask for, filled with what the load draws now. Pure.

Each answers as its maker's document says (the documents are named in agent.watchers.modbus_maps): anything else is
refused as the meter does. A test holds these against the maps, so neither can change alone.
"""

import math
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from agent.watchers.modbus_frame import ReadRequest, Refusal, Values, encode, scan

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_LENGTH, DEVICE_BUSY = 1, 2, 3, 6
SERIAL_NUMBER = 20_231_618
PZEM_ENDS_AT_WH = 10_000_000

Words = dict[int, bytes]
"""What stands in each register: two bytes, high byte first."""


class Measured(NamedTuple):
    """What a meter measures at one moment."""

    watts: float
    counter_wh: int
    address: int

    @property
    def volt_amperes(self) -> float:
        return self.watts / FACTOR

    @property
    def amperes(self) -> float:
        return self.volt_amperes / VOLTS


VOLTS, FACTOR, HERTZ = 230.2, 0.95, 50.0


class RegisterImage(NamedTuple):
    """A kind of meter: its registers by function; `pairs`: every value has two registers, and gaps read as zero."""

    words: dict[int, Callable[[Measured], Words]]
    most_registers: int
    pairs: bool


class ModbusMeter:
    """One such meter at an address."""

    def __init__(self, image: RegisterImage, address: int = 1) -> None:
        self._image = image
        self._address = address

    def questions(self, heard: bytes) -> list[bytes]:
        """Return the questions in what was heard that are for this meter."""
        requests = [frame for frame in scan(heard) if isinstance(frame, ReadRequest)]
        return [encode(request) for request in requests if request.address == self._address]

    def answer(self, question: bytes, *, power_mw: int, counter_wh: int) -> bytes:
        """Return what the meter says to a question of `questions`."""
        measured = Measured(power_mw / 1000, counter_wh, self._address)
        return encode(answer(self._image, _request_in(question), measured))

    @property
    def faults(self) -> Mapping[str, Callable[[bytes], bytes]]:
        """What can go wrong in this dialect."""
        return {"wrong-address": self._from_next_address, "refused": self._refused}

    def _from_next_address(self, reply: bytes) -> bytes:
        [frame] = scan(reply)
        return encode(frame._replace(address=self._address + 1))

    def _refused(self, reply: bytes) -> bytes:
        [frame] = scan(reply)
        return encode(Refusal(frame.address, frame.function, DEVICE_BUSY))


def answer(image: RegisterImage, request: ReadRequest, measured: Measured) -> Values | Refusal:
    """Return the meter's answer to a request that is for it."""
    address, function, register, length = request
    if function not in image.words:
        return Refusal(address, function, ILLEGAL_FUNCTION)
    if not 1 <= length <= image.most_registers or (image.pairs and length % 2):
        return Refusal(address, function, ILLEGAL_LENGTH)
    words = image.words[function](measured)
    wanted = range(register, register + length)
    if image.pairs:
        known = register in words and register % 2 == 0
        words = dict.fromkeys(wanted, b"\0\0") | words
    else:
        known = all(each in words for each in wanted)
    if not known:
        return Refusal(address, function, ILLEGAL_ADDRESS)
    return Values(address, function, b"".join(words[each] for each in wanted))


def _request_in(question: bytes) -> ReadRequest:
    [request] = scan(question)
    assert isinstance(request, ReadRequest)
    return request


def _floats(values: dict[int, float]) -> Words:
    return _words((register, struct.pack(">f", value)) for register, value in values.items())


def _words(values: Iterable[tuple[int, bytes]]) -> Words:
    words = {}
    for register, raw in values:
        words[register], words[register + 1] = raw[:2], raw[2:]
    return words


def _single_phase(measured: Measured) -> Words:
    return _floats(
        {
            0x0000: VOLTS,
            0x0006: measured.amperes,
            0x000C: measured.watts,
            0x0012: measured.volt_amperes,
            0x0018: math.sqrt(measured.volt_amperes**2 - measured.watts**2),
            0x001E: FACTOR,
            0x0046: HERTZ,
            0x0048: measured.counter_wh / 1000,  # import
            0x004A: 0.0,  # export
            0x0156: measured.counter_wh / 1000,  # import + export
            0x0158: 0.0,
        }
    )


def _three_phase(measured: Measured) -> Words:
    """An even load on three phases."""
    of_a_phase = {0x0000: VOLTS}
    of_a_phase |= {0x0006: measured.amperes / 3, 0x000C: measured.watts / 3, 0x0012: measured.volt_amperes / 3}
    phases = {first + 2 * phase: value for first, value in of_a_phase.items() for phase in range(3)}
    totals = {0x0030: measured.amperes, 0x0034: measured.watts, 0x0038: measured.volt_amperes, 0x0046: HERTZ}
    energies = {0x0048: measured.counter_wh / 1000, 0x004A: 0.0, 0x0156: measured.counter_wh / 1000}
    return _floats(phases | totals | energies)


def _eastron_settings(measured: Measured) -> Words:
    """Relay pulse width (ms), network parity and stop, address, baud rate code, pulse 1 output; serial number."""
    settings = {0x000C: 60.0, 0x0012: 0.0, 0x0014: float(measured.address), 0x001C: 2.0, 0x0056: 4.0}
    return _floats(settings) | _words([(0xFC00, struct.pack(">I", SERIAL_NUMBER))])


def _pzem(measured: Measured) -> Words:
    """Voltage, current, power, energy (the low word of each first), frequency, power factor, alarm."""
    return dict(
        enumerate(
            [
                struct.pack(">H", round(VOLTS * 10)),
                *_low_first(round(measured.amperes * 1000)),
                *_low_first(round(measured.watts * 10)),
                *_low_first(measured.counter_wh % PZEM_ENDS_AT_WH),
                struct.pack(">H", round(HERTZ * 10)),
                struct.pack(">H", round(FACTOR * 100)),
                b"\0\0",
            ]
        )
    )


def _pzem_settings(measured: Measured) -> Words:
    """Alarm threshold (W) and address."""
    return {0x0001: struct.pack(">H", 23_000), 0x0002: struct.pack(">H", measured.address)}


def _low_first(value: int) -> tuple[bytes, bytes]:
    raw = struct.pack(">I", value)
    return raw[2:], raw[:2]


def _chint(measured: Measured) -> Words:
    """Values × 10, currents × 1000; the counter in steps of 0.01 kWh."""
    ratios = {0x0006: struct.pack(">H", 1), 0x0007: struct.pack(">H", 10)}
    return ratios | _floats(
        {
            0x2006: VOLTS * 10,
            0x2008: VOLTS * 10,
            0x200A: VOLTS * 10,
            0x200C: measured.amperes / 3 * 1000,
            0x200E: measured.amperes / 3 * 1000,
            0x2010: measured.amperes / 3 * 1000,
            0x2012: measured.watts * 10,
            0x2014: measured.watts / 3 * 10,
            0x2016: measured.watts / 3 * 10,
            0x2018: measured.watts / 3 * 10,
            0x2044: HERTZ * 100,
            0x401E: measured.counter_wh // 10 / 100,
            0x4028: 0.0,
        }
    )


EASTRON_MOST = 80  # the protocol: "restricted to 40 parameters or less"

IMAGES = {
    "sdm120": RegisterImage({3: _eastron_settings, 4: _single_phase}, EASTRON_MOST, pairs=True),
    "sdm230": RegisterImage({3: _eastron_settings, 4: _single_phase}, EASTRON_MOST, pairs=True),
    "sdm630": RegisterImage({3: _eastron_settings, 4: _three_phase}, EASTRON_MOST, pairs=True),
    "pzem-016": RegisterImage({3: _pzem_settings, 4: _pzem}, 10, pairs=False),
    "dtsu666": RegisterImage({3: _chint}, 125, pairs=False),
}
