"""A port that is no port: time stands still until it waits, and a function answers for the meter."""

from collections.abc import Callable
from typing import Generic, TypeVar

from agent.watchers.serial_port import SLICE_S

Question = TypeVar("Question")


class FakeTime:
    """Stands still until the port waits, or somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class FakePort(Generic[Question]):
    """A port whose meter answers each question with (delay in s, bytes) pairs; reading moves the time."""

    def __init__(
        self,
        clock: FakeTime,
        meter: Callable[[Question], list[tuple[float, bytes]]],
        *,
        parse: Callable[[bytes], Question],
    ) -> None:
        self.clock = clock
        self.meter = meter
        self.asked: list[Question] = []
        self.asked_at_s: list[float] = []
        self.written: list[bytes] = []
        self._parse = parse
        self._coming: list[tuple[float, bytes]] = []

    @property
    def in_waiting(self) -> int:
        return sum(len(raw) for due_s, raw in self._coming if due_s <= self.clock.now_s)

    def read(self, size: int, /) -> bytes:
        if not self.in_waiting:
            self.clock.now_s += SLICE_S
        heard = b"".join(raw for due_s, raw in self._coming if due_s <= self.clock.now_s)
        self.reset_input_buffer()
        if heard[size:]:
            self._coming.insert(0, (0.0, heard[size:]))
        return heard[:size]

    def hear(self, raw: bytes) -> None:
        self._coming.append((self.clock.now_s, raw))

    def write(self, raw: bytes, /) -> int:
        question = self._parse(raw)
        self.asked.append(question)
        self.asked_at_s.append(self.clock.now_s)
        self.written.append(raw)
        self._coming += [(self.clock.now_s + delay_s, answer) for delay_s, answer in self.meter(question)]
        return len(raw)

    def reset_input_buffer(self) -> None:
        self._coming = [(due_s, raw) for due_s, raw in self._coming if due_s > self.clock.now_s]
