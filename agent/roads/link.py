"""What an uplink needs of a road: one connection at a time that carries bytes up and brings bytes down.

A link decides nothing about what is said or when. It says what happened in `events`, in the order in which it did:
`Connected` or `Lost` after `connect`, then `Received` for what comes down, and `Lost` where the connection ends other
than by `close`. A connection that has ended leaves nothing behind: neither an event nor a byte on its way.
"""

from __future__ import annotations

import socket
from collections import deque
from typing import NamedTuple, Protocol

from agent.exchange import Event


class Address(NamedTuple):
    """Where somebody listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Standing(NamedTuple):
    """Which road is taken, `mqtt` or `https`, and why, where it is not the first choice."""

    road: str
    why: str


class Link(Protocol):
    """One connection. All of it belongs to the uplink's thread, and nothing in it raises for what the network does."""

    events: deque[Event]

    @property
    def standing(self) -> Standing:
        """For `status`; any thread may ask."""
        ...

    @property
    def socket(self) -> socket.socket | None:
        """What to wait on until `serve` has something to do; None where there is nothing to wait on."""
        ...

    @property
    def wants_write(self) -> bool:
        """Whether to wait until the socket takes bytes, too."""
        ...

    def connect(self) -> None:
        """Begin a connection; the link has none."""
        ...

    def send(self, raw: bytes) -> None:
        """Carry one message up; without a connection it is dropped, as is everything that was on its way."""
        ...

    def serve(self, *, read: bool, write: bool) -> None:
        """Do what the socket is ready for, and what the time is ready for; called every few seconds at the latest."""
        ...

    def drop(self, reason: str) -> None:
        """End the connection from our side and say `Lost`; nothing where there is none."""
        ...

    def close(self) -> None:
        """End the connection without a word of it, and forget what it brought; may come at any time."""
        ...
