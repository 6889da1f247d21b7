"""Lets a simulated device serve in a thread for as long as a test wants it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar


class Device(Protocol):
    stopping: bool

    def serve(self) -> None: ...

    def close(self) -> None: ...


_Device = TypeVar("_Device", bound=Device)


@contextmanager
def serving(device: _Device) -> Iterator[_Device]:
    thread = threading.Thread(target=device.serve)
    thread.start()
    try:
        yield device
    finally:
        device.stopping = True
        thread.join(10)
        device.close()
