"""MQTT as bytes: whole packets out of a stream, and what a PUBLISH carries. No I/O.

Enough of MQTT 3.1.1 and 5 to stand between a client and its broker as somebody who reads, drops and forges:

    30 07 0003 612f62 7879       PUBLISH, 7 bytes follow, topic a/b, payload xy (QoS 0)
    32 09 0003 612f62 0001 7879  the same at QoS 1, packet 1, which is answered with PUBACK 40 02 0001
"""

from collections.abc import Iterator
from typing import NamedTuple

CONNECT, PUBLISH, PUBACK = 1, 3, 4


class Published(NamedTuple):
    """A PUBLISH taken apart; `head` is what stands between topic and payload, `mid` 0 at QoS 0."""

    flags: int
    topic: str
    mid: int
    head: bytes
    payload: bytes

    def pack(self, payload: bytes | None = None) -> bytes:
        """The packet, with another payload where one is given."""
        topic = self.topic.encode()
        body = len(topic).to_bytes(2, "big") + topic + self.head + (self.payload if payload is None else payload)
        return bytes([PUBLISH << 4 | self.flags]) + _varint(len(body)) + body

    def without_mid(self, level: int) -> "Published":
        """The same at QoS 0: one that nobody is to answer."""
        return self._replace(flags=self.flags & ~0x06, mid=0, head=b"\0" if level >= 5 else b"")


class Packets:
    """The packets of one direction, from bytes in any pieces. `level` is 4 for MQTT 3.1.1, 5 for MQTT 5."""

    def __init__(self, level: int = 4) -> None:
        self.level = level
        self._held = bytearray()

    def feed(self, octets: bytes) -> Iterator[bytes]:
        """The packets that are whole now, in order."""
        self._held += octets
        while (length := self._length()) is not None and length <= len(self._held):
            packet = bytes(self._held[:length])
            del self._held[:length]
            if packet[0] >> 4 == CONNECT:
                self.level = _level_of(packet)
            yield packet

    def open(self, packet: bytes) -> Published | None:
        """What a PUBLISH carries; None for any other packet."""
        if packet[0] >> 4 != PUBLISH:
            return None
        flags, at = packet[0] & 0x0F, 1 + _varint_length(packet, 1)
        topic_end = at + 2 + int.from_bytes(packet[at : at + 2], "big")
        topic = packet[at + 2 : topic_end].decode("utf-8", "replace")
        at = topic_end
        mid = int.from_bytes(packet[at : at + 2], "big") if flags & 0x06 else 0
        at += 2 if mid else 0
        if self.level >= 5:
            at += _varint_length(packet, at) + _varint_value(packet, at)
        return Published(flags, topic, mid, packet[topic_end:at], packet[at:])

    def _length(self) -> int | None:
        """Bytes of the packet that begins here; None while that cannot be told."""
        width = next((n for n in range(1, 5) if len(self._held) > n and self._held[n] < 0x80), None)
        return None if width is None else 1 + width + _varint_value(self._held, 1)


def acknowledge(published: Published) -> bytes:
    """The PUBACK for it."""
    return bytes([PUBACK << 4, 2]) + published.mid.to_bytes(2, "big")


def _level_of(connect: bytes) -> int:
    at = 1 + _varint_length(connect, 1)
    return connect[at + 2 + int.from_bytes(connect[at : at + 2], "big")]


def _varint(value: int) -> bytes:
    octets = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        octets.append(low | (0x80 if value else 0))
        if not value:
            return bytes(octets)


def _varint_length(octets: bytes | bytearray, at: int) -> int:
    return next(n for n in range(1, 5) if octets[at + n - 1] < 0x80)


def _varint_value(octets: bytes | bytearray, at: int) -> int:
    return sum((octets[at + n] & 0x7F) << 7 * n for n in range(_varint_length(octets, at)))
