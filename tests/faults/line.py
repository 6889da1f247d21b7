"""The line between an agent and its broker: a TCP proxy that can be cut, slowed, stopped, and bribed.

One event loop in a thread carries all lines of a world. Settings are plain attributes that the pumps read, so that a
scenario changes them from its own thread; what must happen in the loop is handed over to it.

    line.cut()              every connection is reset, new ones are refused        … line.mend()
    line.freeze()           bytes wait, connections stay                           … line.mend()
    line.forget()           the connections there are lead nowhere from now on, and nobody tells either end
    line.reset_after(n)     the connection over which the n-th byte from now goes up is reset there, once
    line.latency_s = 0.2    each piece takes so long
    line.tamper = …         what an untrustworthy broker does with a message
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Literal

from tests.faults.wire import Packets, Published, acknowledge

Direction = Literal["up", "down"]
Tamper = Callable[[Direction, str, bytes], list[bytes]]
"""Direction, topic and payload of a message -> what is delivered in its place."""

LOOPBACK = "127.0.0.1"
KEPT = 50_000
_PIECE = 1 << 16
_RESET = struct.pack("ii", 1, 0)  # linger on, for 0 s: close sends RST


class Switchboard:
    """The loop in which lines live."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="switchboard", daemon=True)
        self._thread.start()

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Do it in the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(20)

    def close(self) -> None:
        """End the loop; lines are closed before."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(20)
        self.loop.close()


class Line:
    """One line. `heard` keeps what went down, as the agent may have received it: (topic, payload)."""

    def __init__(self, board: Switchboard, target_port: int, *, speaks_mqtt: bool = True) -> None:
        self.latency_s = 0.0
        self.tamper: Tamper | None = None
        self.heard: deque[tuple[str, bytes]] = deque(maxlen=KEPT)
        self.bytes_up = 0
        self.connections = 0
        self._board = board
        self._target_port = target_port
        self._speaks_mqtt = speaks_mqtt
        self._is_cut = False
        self._reset_at: int | None = None
        self._flowing = asyncio.Event()
        self._calls: set[_Call] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = board.run(asyncio.start_server(self._answer, LOOPBACK, 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        board.loop.call_soon_threadsafe(self._flowing.set)

    def cut(self) -> None:
        """Reset what there is, refuse what comes."""
        self._is_cut = True
        self.hang_up()

    def hang_up(self) -> None:
        """Reset what there is; the next connection is let through."""
        self._board.run(self._reset_all())

    def mend(self) -> None:
        """As it was in the beginning."""
        self._is_cut, self._reset_at, self.latency_s, self.tamper = False, None, 0.0, None
        self._board.loop.call_soon_threadsafe(self._flowing.set)

    def freeze(self) -> None:
        """Nothing moves until `mend`."""
        self._board.loop.call_soon_threadsafe(self._flowing.clear)

    def forget(self) -> None:
        """A half-open connection: what it is given vanishes, and it never ends by itself."""
        for call in tuple(self._calls):
            call.is_forgotten = True

    def reset_after(self, octets: int) -> None:
        """Reset at exactly that byte of what goes up from now on."""
        self._reset_at = self.bytes_up + octets

    def say(self, topic: str, payload: bytes) -> None:
        """Tell the agent something that its broker never said; for `tamper`, which runs in the loop."""
        for call in self._calls:
            call.tell(Published(0, topic, 0, b"\0" if call.packets["up"].level >= 5 else b"", payload).pack())
        self.heard.append((topic, payload))

    def close(self) -> None:
        """End the line."""
        self._board.run(self._end())

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self._target_port)
        except OSError:
            _reset(writer)
            return
        self.connections += 1
        call = _Call(writer, far_writer)
        self._calls.add(call)
        try:
            await asyncio.gather(
                self._pump(call, reader, far_writer, back=writer, direction="up"),
                self._pump(call, far_reader, writer, back=far_writer, direction="down"),
            )
        except asyncio.CancelledError:
            pass  # the line is closed
        finally:
            self._calls.discard(call)
            call.reset()

    async def _pump(
        self,
        call: "_Call",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        back: asyncio.StreamWriter,
        direction: Direction,
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_PIECE):
                await asyncio.sleep(self.latency_s)
                await self._flowing.wait()
                if call.is_forgotten:
                    continue
                for octets in self._through(call, piece, back=back, direction=direction):
                    writer.write(self._counted(octets, direction))
                    await writer.drain()
                    if direction == "up" and self._reset_at is not None and self.bytes_up >= self._reset_at:
                        self._reset_at = None
                        call.reset()
                        return
        if call.is_forgotten:
            await asyncio.Event().wait()  # the other end is not told
        call.reset()

    def _counted(self, octets: bytes, direction: Direction) -> bytes:
        if direction == "down":
            return octets
        if self._reset_at is not None:
            octets = octets[: max(0, self._reset_at - self.bytes_up)]
        self.bytes_up += len(octets)
        return octets

    def _through(self, call: "_Call", piece: bytes, *, back: asyncio.StreamWriter, direction: Direction) -> list[bytes]:
        """What goes on of a piece: packets where messages are read, so that each may be kept, changed or dropped."""
        if not self._speaks_mqtt:
            return [piece]
        packets = call.packets[direction]
        through: list[bytes] = []
        for packet in packets.feed(piece):
            call.packets["down"].level = call.packets["up"].level
            published = packets.open(packet)
            if published is None:
                through.append(packet)
                continue
            payloads = [published.payload]
            if self.tamper is not None:
                payloads = self.tamper(direction, published.topic, published.payload)
            if not payloads and published.mid:
                back.write(acknowledge(published))
            for number, payload in enumerate(payloads):
                sent = published if number == 0 else published.without_mid(packets.level)
                through.append(sent.pack(payload))
                if direction == "down":
                    self.heard.append((published.topic, payload))
        return through

    async def _reset_all(self) -> None:
        for call in tuple(self._calls):
            call.reset()

    async def _end(self) -> None:
        self._server.close()
        await self._reset_all()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _Call:
    """One connection through a line, both halves."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.is_forgotten = False
        self.packets: dict[Direction, Packets] = {"up": Packets(), "down": Packets()}
        self._writers = (near, far)

    def tell(self, packet: bytes) -> None:
        self._writers[0].write(packet)

    def reset(self) -> None:
        for writer in self._writers:
            _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    carrier = writer.get_extra_info("socket")
    if carrier is not None and carrier.fileno() >= 0:
        with contextlib.suppress(OSError):
            carrier.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
