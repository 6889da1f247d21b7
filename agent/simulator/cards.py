"""A simulated card reader on a pseudo-terminal: cards are put on it and taken away on command.

As an RDM6300 it repeats the card's frame each 50 ms while the card lies there; the other formats say it once, as most
readers do. Faults can be switched on while it runs: `checksum` damages the check of each frame, `half` cuts frames,
`garbage` and `flood` send noise whether a card lies there or not.
"""

import time
from collections import deque
from functools import reduce
from operator import xor
from random import Random
from typing import Literal, NamedTuple

from agent.simulator.pty_port import PtyPort
from agent.watchers.card_frame import FormatName

REPEAT_S = 0.05

Fault = Literal["checksum", "half", "garbage", "flood"]


class Card(NamedTuple):
    """A card that is to lie on the reader for some seconds."""

    frame: bytes
    for_s: float


def frame(number: str, form: FormatName) -> bytes:
    """Return what a reader sends for a card: ten hex digits, six for Wiegand; ValueError for a number that is none."""
    digits = 6 if form.startswith("wiegand") else 10
    body = bytes.fromhex(number)
    if 2 * len(body) != digits:
        raise ValueError(f"{number}: expected {digits} hex digits for {form}")
    if form == "em4100-bin":
        checked = b"\x0a\x02" + body
        return b"\x02" + checked + bytes([reduce(xor, checked)]) + b"\x03"
    if form in ("rdm6300", "em4100-ascii"):
        end = b"\r\n\x03" if form == "em4100-ascii" else b"\x03"
        return b"\x02" + f"{number.upper()}{reduce(xor, body):02X}".encode() + end
    return (f"00{number.upper()}\r\n" if form == "wiegand24" else f"{number.upper()}\r\n").encode()


class PtyReader:
    """The reader's end. `present` may be called by any thread while another is in `serve`."""

    def __init__(self, form: FormatName = "rdm6300", *, seed: int = 0) -> None:
        self.fault: Fault | None = None
        self.stopping = False
        self._form = form
        self._chance = Random(seed)  # noqa: S311 - noise, not a secret
        self._port = PtyPort()
        self._coming: deque[Card] = deque()
        self._lying: Card | None = None
        self._until_s = 0.0  # of the monotonic clock
        self.path = self._port.path

    def present(self, number: str, for_s: float = 0.3) -> None:
        """Put a card on the reader once those before it are gone, and take it away after `for_s` seconds."""
        self._coming.append(Card(frame(number, self._form), for_s))

    def serve(self) -> None:
        """Read cards until `stopping`."""
        while not self.stopping:
            self._port.hear(0)  # what is written to a reader is ignored
            self._port.say(self._next())
            time.sleep(REPEAT_S)

    def close(self) -> None:
        """Unplug the reader."""
        self._port.close()

    def _next(self) -> bytes:
        if self.fault in ("garbage", "flood"):
            return self._chance.randbytes(4000 if self.fault == "flood" else 12)
        if self._lying is not None and time.monotonic() < self._until_s:
            return self._damaged(self._lying.frame) if self._form == "rdm6300" else b""
        self._lying = self._coming.popleft() if self._coming else None
        if self._lying is None:
            return b""
        self._until_s = time.monotonic() + self._lying.for_s
        return self._damaged(self._lying.frame)

    def _damaged(self, raw: bytes) -> bytes:
        if self.fault == "half":
            return raw[: len(raw) // 2]
        if self.fault == "checksum":
            return raw[:3] + (b"0" if raw[3:4] != b"0" else b"1") + raw[4:]
        return raw
