"""A simulated meter on a pseudo-terminal: an instrument's load behind a serial port that answers in a meter's dialect.

The energy counter integrates the power exactly, and shows it in the meter's own steps. Faults can be switched on to
see how a reader stands them, also while the meter runs.
"""

import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Literal, Protocol

from agent.simulator.load import Load
from agent.simulator.pty_port import PtyPort

LOOK_S = 0.1
LATE_S = 1.0
LONGEST_QUESTION = 64

AnyFault = Literal["garbage", "half", "late", "silent", "echo", "noise", "flood"]
"""What can go wrong on any line."""

Fault = AnyFault | Literal["wrong-address", "refused", "followed"]
"""Also what a dialect must have (see `Dialect.faults`)."""


class Dialect(Protocol):
    """How a kind of meter hears and answers."""

    def questions(self, heard: bytes) -> list[bytes]:
        """Return the questions in what was heard that are for this meter."""
        ...

    def answer(self, question: bytes, *, power_mw: int, counter_wh: int) -> bytes: ...

    @property
    def faults(self) -> Mapping[str, Callable[[bytes], bytes]]:
        """What goes wrong in a way of its own in this dialect: from the right reply to what is sent instead."""
        ...


class PtyMeter:
    """The meter's end. `fault`, `dialect` and `counter_wh` (counted before the start) may change while it serves."""

    def __init__(self, load: Load, dialect: Dialect, *, seed: int = 0, fault: Fault | None = None) -> None:
        self.fault: Fault | None = fault
        self.stopping = False
        self._load = load
        self.dialect = dialect
        self._chance = Random(seed)  # noqa: S311 - noise, not a secret
        self.counter_wh = self._chance.randrange(100_000, 9_000_000)
        self._port = PtyPort()
        self.slave_path = self._port.path
        self._heard = b""
        self._due: list[tuple[float, bytes]] = []

    def serve(self) -> None:
        """Answer until `stopping`."""
        while not self.stopping:
            heard = self._port.hear(LOOK_S)
            self._load.advance(_mono_ms())
            if heard:
                self._hear(heard)
            self._say_what_is_due()

    def close(self) -> None:
        """Unplug the meter."""
        self._port.close()

    def reset_counter(self) -> None:
        """Set the counter to zero, as a command or a replaced meter does."""
        self.counter_wh = -self._load.energy_wh(_mono_ms())

    def _hear(self, raw: bytes) -> None:
        self._heard = (self._heard + raw)[-LONGEST_QUESTION:]
        questions = self.dialect.questions(self._heard)
        if questions:
            self._heard = b""
        for question in questions:
            self._answer(question)

    def _answer(self, question: bytes) -> None:
        now_ms = _mono_ms()
        self._load.advance(now_ms)
        power_mw, counter_wh = self._load.segment.power_mw, self.counter_wh + self._load.energy_wh(now_ms)
        raw = self.dialect.answer(question, power_mw=power_mw, counter_wh=counter_wh)
        if self.fault != "silent":
            late_s = LATE_S if self.fault == "late" else 0
            self._due.append((time.monotonic() + late_s, self._spoilt(raw, question)))

    def _spoilt(self, raw: bytes, question: bytes) -> bytes:
        match self.fault:
            case "garbage":
                return self._chance.randbytes(len(raw))
            case "half":
                return raw[: len(raw) // 2]
            case "echo":
                return question + raw
            case "noise":
                return self._chance.randbytes(self._chance.randrange(1, 6)) + raw
            case "flood":
                return self._chance.randbytes(4000)
        own = self.dialect.faults.get(self.fault or "")
        return own(raw) if own else raw

    def _say_what_is_due(self) -> None:
        now_s = time.monotonic()
        while self._due and self._due[0][0] <= now_s:
            self._port.say(self._due.pop(0)[1])


def _mono_ms() -> int:
    return time.monotonic_ns() // 1_000_000
