"""A device server on loopback TCP with a meter behind it; it takes one connection after the other."""

import contextlib
import socket
import struct
import threading
from types import TracebackType

from agent.watchers.modbus_frame import ReadRequest, Refusal, Values, encode, parse
from tests.agent.watchers.bench import POWER_MW


class DeviceServer:
    """Serves from `with` to its end; `port` is free by choice of the system unless given."""

    def __init__(self, port: int = 0) -> None:
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port = self._listening.getsockname()[1]
        self._deaf = threading.Event()
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve)

    def deafen(self) -> None:
        """Let the present connection go dead without an end; a new one works."""
        self._deaf.set()

    def __enter__(self) -> "DeviceServer":
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        if self._connection is not None:
            self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                self._connection, _ = self._listening.accept()
            except OSError:
                return
            self._deaf.clear()
            with self._connection, contextlib.suppress(ConnectionError):  # whoever dialled may be killed
                while raw := self._connection.recv(256):
                    self._answer(parse(raw))
            self._connection = None

    def _answer(self, request: object) -> None:
        if self._deaf.is_set() or not isinstance(request, ReadRequest):
            return
        assert self._connection is not None
        reply = Values(1, 4, _float(POWER_MW / 1000)) if request.register == 0x000C else Values(1, 4, _float(1.5))
        self._connection.sendall(encode(reply if request.length == 2 else Refusal(1, 4, 3)))


def _float(value: float) -> bytes:
    return struct.pack(">f", value)
