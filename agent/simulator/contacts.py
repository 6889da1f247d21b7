"""A simulated device server with dry contacts: an RFC 2217 port on loopback TCP whose modem lines close and open.

The contacts sit between RTS and DTR, which the client switches on, and CTS, DSR, RI and DCD: what is closed is seen
only while one of the two is on. One client at a time, as device servers have it. A server is bound for as long as it
exists; faults can be switched on while it runs:

    hang     takes what comes and says nothing, as one whose link was cut does
    mute     never tells the modem lines
    garbage  sends noise as serial data, without end
    drop     takes connections and ends them at once
"""

import contextlib
import selectors
import socket
from random import Random
from typing import Literal, get_args

from agent.simulator import rfc2217
from agent.simulator.rfc2217 import Session

Line = Literal["cts", "dsr", "ri", "dcd"]
LINES: tuple[Line, ...] = get_args(Line)

Fault = Literal["hang", "mute", "garbage", "drop"]

LOOK_S = 0.02
_BITS: dict[Line, int] = {"cts": rfc2217.CTS, "dsr": rfc2217.DSR, "ri": rfc2217.RI, "dcd": rfc2217.DCD}


class ContactServer:
    """`closed` holds the lines whose contact is closed; any thread may replace it while another is in `serve`."""

    def __init__(self, port: int = 0) -> None:
        self.closed: frozenset[Line] = frozenset()
        self.fault: Fault | None = None
        self.stopping = False
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.setblocking(False)
        self._client: socket.socket | None = None
        self._session = Session()
        self._chance = Random(1)  # noqa: S311 - noise, not a secret
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        """What a configuration names as `port`."""
        return f"rfc2217://127.0.0.1:{self.port}"

    def serve(self) -> None:
        """Be there until `stopping`."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self.stopping:
                ready = [key.fileobj for key, _ in selector.select(LOOK_S)]
                if self._client is not None:
                    self._attend(selector, heard=self._client in ready)
                if self._listener in ready:
                    self._welcome(selector)

    def close(self) -> None:
        """Be gone: the port refuses connections."""
        self._listener.close()
        if self._client is not None:
            self._client.close()

    def _welcome(self, selector: selectors.BaseSelector) -> None:
        connection, _ = self._listener.accept()
        if self._client is not None or self.fault == "drop":
            connection.close()
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
        self._client, self._session = connection, Session()

    def _attend(self, selector: selectors.BaseSelector, *, heard: bool) -> None:
        assert self._client is not None
        try:
            received = self._client.recv(4096) if heard else None
            if received == b"" or self.fault == "drop":
                raise ConnectionResetError
            self._answer(self._client, received or b"")
        except OSError:
            selector.unregister(self._client)
            self._client.close()
            self._client = None

    def _answer(self, client: socket.socket, received: bytes) -> None:
        if self.fault == "hang":
            return
        answers = self._session.receive(received)
        if self.fault == "garbage":
            answers += self._chance.randbytes(400).replace(b"\xff", b"")
        if self.fault != "mute":
            closed = self.closed if self._session.supplied else ()
            answers += self._session.notify(sum(_BITS[line] for line in closed))
        with contextlib.suppress(BlockingIOError):  # a client that does not read: the rest is lost, as on a line
            client.sendall(answers)
