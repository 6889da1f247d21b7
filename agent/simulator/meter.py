"""A simulated Eastron SDM120 on a pseudo-terminal: an instrument's load behind registers that answer Modbus RTU.

The registers are those of the Eastron SDM120 Modbus protocol V2.4 that a reader may ask for: measured values by
function 4, settings by function 3. Anything else is refused as the meter does. The energy counter integrates the power
exactly, and shows it in steps of 1 Wh.

Faults can be switched on to see how a reader stands them, also while the meter runs.
"""

import math
import os
import selectors
import struct
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Literal

from agent.clock import Instant
from agent.simulator.models import Segment
from agent.watchers.modbus_frame import ReadRequest, Refusal, Values, encode, scan

ADDRESS = 1
MOST_REGISTERS = 80  # the protocol: "restricted to 40 parameters or less"
LOOK_S = 0.1
LATE_S = 1.0
MW_MS_PER_WH = 1000 * 3_600_000

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_LENGTH = 1, 2, 3

Fault = Literal["garbage", "half", "late", "silent", "wrong-address", "echo", "noise", "flood"]


class Load:
    """An instrument as time goes on: its power now, the energy since the start, and the state that it is in."""

    def __init__(self, segments: Iterator[Segment], start: Instant, *, changed: Callable[[int, Segment], None]) -> None:
        self._segments = segments
        self._start = start
        self._changed = changed
        self._until_ms = start.mono_ms
        self._mw_ms = 0
        self.segment = self._next(None)

    def advance(self, mono_ms: int) -> None:
        """Let time pass up to `mono_ms`."""
        while self._until_ms <= mono_ms:
            self._mw_ms += self.segment.ms * self.segment.power_mw
            self.segment = self._next(self.segment)

    def energy_wh(self, mono_ms: int) -> int:
        """Return the whole watt-hours drawn up to `mono_ms`, which must not be before the last `advance`."""
        left_ms = self._until_ms - mono_ms
        return (self._mw_ms + (self.segment.ms - left_ms) * self.segment.power_mw) // MW_MS_PER_WH

    def _next(self, before: Segment | None) -> Segment:
        segment = next(self._segments)
        if before is None or segment.state != before.state:
            self._changed(self._start.wall_ms + self._until_ms - self._start.mono_ms, segment)
        self._until_ms += segment.ms
        return segment


def answer(request: ReadRequest, load: Load, *, mono_ms: int, counter_wh: int) -> Values | Refusal:
    """Return the meter's answer to a request that is for it. `counter_wh`: what it had counted before the start."""
    address, function, register, length = request
    if function not in (3, 4):
        return Refusal(address, function, ILLEGAL_FUNCTION)
    if not 1 <= length <= MOST_REGISTERS or length % 2:
        return Refusal(address, function, ILLEGAL_LENGTH)
    values = SETTINGS if function == 3 else _measured(load, counter_wh + load.energy_wh(mono_ms))
    wanted = range(register, register + length, 2)
    if register not in values:
        return Refusal(address, function, ILLEGAL_ADDRESS)
    # Within a block, registers that the meter does not have read as zero.
    return Values(address, function, b"".join(struct.pack(">f", values.get(each, 0.0)) for each in wanted))


# Relay pulse width (ms), network parity and stop, address, baud rate code, pulse 1 output.
SETTINGS = {0x000C: 60.0, 0x0012: 0.0, 0x0014: float(ADDRESS), 0x001C: 2.0, 0x0056: 4.0}


def _measured(load: Load, counter_wh: int) -> dict[int, float]:
    watts = load.segment.power_mw / 1000
    volts, factor, hertz = 230.2, 0.95, 50.0
    volt_amperes = watts / factor
    reactive = math.sqrt(volt_amperes**2 - watts**2)
    return {
        0x0000: volts,
        0x0006: volt_amperes / volts,
        0x000C: watts,
        0x0012: volt_amperes,
        0x0018: reactive,
        0x001E: factor,
        0x0046: hertz,
        0x0048: counter_wh / 1000,  # import
        0x004A: 0.0,  # export
        0x0156: counter_wh / 1000,  # import + export
        0x0158: 0.0,
    }


class PtyMeter:
    """The meter's end of a pseudo-terminal. `slave_path` is what a reader opens.

    The slave is kept open here too, so that a reader that dies or comes late changes nothing.
    """

    def __init__(self, load: Load, *, seed: int = 0, fault: Fault | None = None) -> None:
        import tty  # not on Windows

        self.fault: Fault | None = fault
        self.stopping = False
        self._load = load
        self._chance = Random(seed)  # noqa: S311 - noise, not a secret
        self._counter_wh = self._chance.randrange(100_000, 9_000_000)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.slave_path = os.ttyname(self._slave)
        self._heard = b""
        self._due: list[tuple[float, bytes]] = []

    def serve(self) -> None:
        """Answer until `stopping`."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._master, selectors.EVENT_READ)
            while not self.stopping:
                ready = selector.select(LOOK_S)
                self._load.advance(_mono_ms())
                if ready:
                    self._hear()
                self._say_what_is_due()

    def close(self) -> None:
        """Unplug the meter."""
        os.close(self._master)
        os.close(self._slave)

    def _hear(self) -> None:
        self._heard = (self._heard + os.read(self._master, 1024))[-64:]
        requests = [frame for frame in scan(self._heard) if isinstance(frame, ReadRequest)]
        if requests:
            self._heard = b""
        for request in requests:
            if request.address == ADDRESS:
                self._answer(request)

    def _answer(self, request: ReadRequest) -> None:
        now_ms = _mono_ms()
        self._load.advance(now_ms)
        reply = answer(request, self._load, mono_ms=now_ms, counter_wh=self._counter_wh)
        raw = encode(reply)
        match self.fault:
            case "silent":
                return
            case "garbage":
                raw = self._chance.randbytes(len(raw))
            case "half":
                raw = raw[: len(raw) // 2]
            case "wrong-address":
                raw = encode(reply._replace(address=ADDRESS + 1))
            case "echo":
                raw = encode(request) + raw
            case "noise":
                raw = self._chance.randbytes(self._chance.randrange(1, 6)) + raw
            case "flood":
                raw = self._chance.randbytes(4000)
        self._due.append((time.monotonic() + (LATE_S if self.fault == "late" else 0), raw))

    def _say_what_is_due(self) -> None:
        now_s = time.monotonic()
        while self._due and self._due[0][0] <= now_s:
            raw = self._due.pop(0)[1]
            try:
                os.write(self._master, raw)
            except BlockingIOError:
                continue  # nobody reads: a real line would carry it away too


def _mono_ms() -> int:
    return time.monotonic_ns() // 1_000_000
