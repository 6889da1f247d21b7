"""Hands messages from the thread that reads MQTT to the one that writes, and answers back. Bounded.

A delivery remembers the MQTT connection that it came over, because a message id means something only there.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from collector.ingest.prepare import Answered, Offer, Prepared

# What may wait for the writer; beyond, MQTT is not read, and the broker keeps the rest.
MAX_WAITING_BYTES = 32 * 1024 * 1024
MAX_WAITING_MESSAGES = 4096
# What goes into one transaction.
MAX_TOGETHER_BYTES = 8 * 1024 * 1024
MAX_TOGETHER_MESSAGES = 512


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message of one MQTT connection, ready to be judged."""

    connection_no: int
    mid: int
    message: Prepared
    read_s: float = 0.0  # when, by the monotonic clock

    @property
    def held_bytes(self) -> int:
        """Roughly what it takes in memory: its entries as they inflated, and once more as rows."""
        match self.message:
            case Offer(batch_bytes=octets):
                return 2 * octets
            case Answered(leaves=leaves):
                return 1024 + 72 * len(leaves.hashes)
        return 1024


class Mailbox:
    """One reader, one writer."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._waiting: deque[Delivery] = deque()
        self.waiting_bytes = 0
        self._closed = False
        self._interrupted = False

    def has_room(self) -> bool:
        return self.waiting_bytes < MAX_WAITING_BYTES and len(self._waiting) < MAX_WAITING_MESSAGES

    def lag_s(self) -> float:
        """How long what waits longest has waited."""
        with self._condition:
            return time.monotonic() - self._waiting[0].read_s if self._waiting else 0.0

    def put(self, deliveries: Sequence[Delivery]) -> None:
        with self._condition:
            self._waiting.extend(deliveries)
            self.waiting_bytes += sum(delivery.held_bytes for delivery in deliveries)
            self._condition.notify()

    def take(self, *, timeout_s: float) -> list[Delivery]:
        """The next deliveries for one transaction, in order; none after `timeout_s`, when interrupted or closed."""
        taken: list[Delivery] = []
        taken_bytes = 0
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._closed or self._interrupted, timeout_s)
            self._interrupted = False
            while self._waiting and len(taken) < MAX_TOGETHER_MESSAGES and not self._closed:
                taken_bytes += self._waiting[0].held_bytes
                if taken and taken_bytes > MAX_TOGETHER_BYTES:
                    break
                taken.append(self._waiting.popleft())
                self.waiting_bytes -= taken[-1].held_bytes
        return taken

    def interrupt(self) -> None:
        """Ends the wait of `take`: there is something else to do."""
        with self._condition:
            self._interrupted = True
            self._condition.notify()

    def clear(self) -> None:
        """Forgets what waits: nobody acknowledged it, so the broker sends it again."""
        with self._condition:
            self._waiting.clear()
            self.waiting_bytes = 0

    def close(self) -> None:
        """Nothing is handed out any more."""
        with self._condition:
            self._closed = True
            self._condition.notify()
