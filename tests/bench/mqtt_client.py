"""As much of MQTT 3.1.1 as an agent needs, on asyncio: two thousand of them fit in one process.

Writes frames and reads them; decides nothing. The broker is a real one, so a wrong frame shows at once.
"""

import asyncio
from collections.abc import AsyncIterator

CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9


class MqttClient:
    """One connection: `open`, then `received` until it ends."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._writer: asyncio.StreamWriter | None = None
        self._next_id = 0

    async def open(self, host: str, port: int, *, topic: str) -> AsyncIterator[bytes]:
        """Connect and subscribe; gives what comes down. OSError, or EOFError where the broker leaves."""
        reader, self._writer = await asyncio.open_connection(host, port)
        self._writer.write(_frame(0x10, b"\x00\x04MQTT\x04\x02\x00\x78" + _text(self._client_id)))
        kind, _, body = await _read(reader)
        if kind != CONNACK or body[1]:
            raise ConnectionRefusedError(f"the broker refused: {body!r}")
        self._writer.write(_frame(0x82, b"\x00\x01" + _text(topic) + b"\x01"))
        kind, _, body = await _read(reader)
        if kind != SUBACK:
            raise ConnectionRefusedError(f"no subscription: {body!r}")
        return self._received(reader)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send at QoS 1; what the broker acknowledges is worth nothing here either."""
        if self._writer is not None:
            self._next_id = self._next_id % 0xFFFF + 1
            self._writer.write(_frame(0x32, _text(topic) + self._next_id.to_bytes(2, "big") + payload))

    def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    async def _received(self, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        while self._writer is not None:
            kind, flags, body = await _read(reader)
            if kind == PUBLISH and self._writer is not None:
                at = 2 + int.from_bytes(body[:2], "big")
                if flags & 0b110:
                    self._writer.write(_frame(0x40, body[at : at + 2]))
                    at += 2
                yield body[at:]


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _frame(head: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while True:
        rest, digit = rest >> 7, rest & 0x7F
        length += bytes([digit | (0x80 if rest else 0)])
        if not rest:
            return bytes([head]) + length + body


async def _read(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    """Kind, flags and body of the next frame."""
    head, length, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        digit = (await reader.readexactly(1))[0]
        length |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return head >> 4, head & 0x0F, await reader.readexactly(length)
