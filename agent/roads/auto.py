"""The road that an agent takes by itself: a link that is MQTT or HTTPS, as agent.roads.choice says.

The conversation above does not know which: a change of road is a lost connection to it, and the same back-off and
spread come before the next one. What is on its way when the road changes is sent again, and taken once.
"""

from __future__ import annotations

import socket
from collections import deque
from random import Random, SystemRandom

from agent.clock import Clock
from agent.exchange import Event, Lost, Received
from agent.roads.choice import PATIENCE_MS, Answered, Choice, Due, Failed
from agent.roads.link import Link, Standing


class AutoLink:
    """A `Link` over one of two. `standing` may be asked by any thread."""

    def __init__(self, mqtt: Link, https: Link, *, clock: Clock, chance: Random | None = None) -> None:
        self.events: deque[Event] = deque()
        self._mqtt, self._https = mqtt, https
        self._clock = clock
        self._chance = chance or SystemRandom()
        self._choice = Choice()
        self._taken = mqtt
        self._unanswered_ms: int | None = None  # since when something that was sent waits for any answer

    @property
    def standing(self) -> Standing:
        choice = self._choice
        if not choice.is_detour:
            return Standing("mqtt", "")
        return Standing("https", f"MQTT does not work: {choice.why}")

    @property
    def socket(self) -> socket.socket | None:
        return self._taken.socket

    @property
    def wants_write(self) -> bool:
        return self._taken.wants_write

    def connect(self) -> None:
        self._taken = self._https if self._choice.is_detour else self._mqtt
        self._taken.connect()
        self._carry()

    def send(self, raw: bytes) -> None:
        if self._unanswered_ms is None:
            self._unanswered_ms = self._now_ms()
        self._taken.send(raw)
        self._carry()

    def serve(self, *, read: bool, write: bool) -> None:
        self._taken.serve(read=read, write=write)
        self._carry()
        now_ms, due_ms = self._now_ms(), self._choice.due_ms
        if self._unanswered_ms is not None and now_ms - self._unanswered_ms >= PATIENCE_MS:
            silent = f"the collector has not answered for {PATIENCE_MS // 1000} s"
            self._choose(Failed(self._unanswered_ms, silent))
            self.drop(silent)
        elif due_ms is not None and now_ms >= due_ms:
            self._choice = self._choice.after(Due(), now_ms, self._chance)
            self.drop("MQTT is tried again")

    def drop(self, reason: str) -> None:
        # Whoever asks for it has a reason of his own: it says nothing of the road.
        self._taken.drop(reason)
        self.events.extend(self._taken.events)
        self._taken.events.clear()
        self._unanswered_ms = None

    def close(self) -> None:
        self._taken.close()
        self.events.clear()
        self._unanswered_ms = None

    def _carry(self) -> None:
        """Hand on what the link said, and draw from it how its road does."""
        while self._taken.events:
            event = self._taken.events.popleft()
            if isinstance(event, Received):
                self._unanswered_ms = None
                self._choose(Answered())
            elif isinstance(event, Lost):
                since_ms = self._now_ms() if self._unanswered_ms is None else self._unanswered_ms
                self._unanswered_ms = None
                self._choose(Failed(since_ms, event.reason))
            self.events.append(event)

    def _choose(self, event: Answered | Failed) -> None:
        self._choice = self._choice.after(event, self._now_ms(), self._chance)

    def _now_ms(self) -> int:
        return self._clock.now().mono_ms
