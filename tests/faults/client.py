"""A small MQTT 3.1.1 client on an event loop: thousands fit into one process, as light agents or as rogues.

QoS 1 both ways, no retransmission: who gets no answer says it again.
"""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

from tests.faults.line import LOOPBACK
from tests.faults.wire import PUBLISH, Packets, Published, acknowledge

CONNECT_S = 60.0
_SUBSCRIBE = 8
_PIECE = 1 << 16


class Client:
    """One connection; `inbox` holds what came for the subscribed topic, and None once the connection has ended."""

    def __init__(self, client_id: str, port: int, *, listens_to: str) -> None:
        self.inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._client_id = client_id
        self._port = port
        self._topic = listens_to
        self._mid = 0

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(LOOPBACK, self._port)
        self._ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read())
        name = self._client_id.encode()
        hello = b"\0\4MQTT\4\2\0\x3c" + len(name).to_bytes(2, "big") + name
        topic = self._topic.encode()
        asked = b"\0\1" + len(topic).to_bytes(2, "big") + topic + b"\1"
        self._writer.write(_packet(1, 0, hello) + _packet(_SUBSCRIBE, 2, asked))
        await asyncio.wait_for(self._ready.wait(), CONNECT_S)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        self._writer.transport.abort()

    async def publish(self, topic: str, payload: bytes) -> None:
        """Hand it to the broker at QoS 1; OSError where the connection has ended."""
        self._mid = self._mid % 0xFFFF + 1
        self._writer.write(Published(2, topic, self._mid, self._mid.to_bytes(2, "big"), payload).pack())
        await self._writer.drain()

    async def _read(self) -> None:
        packets = Packets()
        with contextlib.suppress(OSError):
            while piece := await self._reader.read(_PIECE):
                for packet in packets.feed(piece):
                    self._take(packet, packets)
        self._ready.set()
        self.inbox.put_nowait(None)

    def _take(self, packet: bytes, packets: Packets) -> None:
        if packet[0] >> 4 == _SUBSCRIBE + 1:
            self._ready.set()
        published = packets.open(packet) if packet[0] >> 4 == PUBLISH else None
        if published is not None:
            if published.mid:
                self._writer.write(acknowledge(published))
            self.inbox.put_nowait(published.payload)


def _packet(kind: int, flags: int, body: bytes) -> bytes:
    assert len(body) < 0x80, "what opens a connection is short"
    return bytes([kind << 4 | flags, len(body)]) + body
