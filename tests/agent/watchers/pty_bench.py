"""A test bench for simulated devices on a pseudo-terminal: plug and unplug as often as wanted, at one name."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar


class Device(Protocol):
    stopping: bool
    path: str

    def serve(self) -> None: ...

    def close(self) -> None: ...


_Device = TypeVar("_Device", bound=Device)


class PtyBench(Generic[_Device]):
    def __init__(self, link: Path, make: Callable[[], _Device]) -> None:
        self.link = link
        self._make = make
        self._thread: threading.Thread | None = None
        self.plug()

    def plug(self) -> None:
        self.device = self._make()
        fresh = self.link.with_suffix(".new")
        fresh.symlink_to(self.device.path)
        fresh.replace(self.link)
        self._thread = threading.Thread(target=self.device.serve)
        self._thread.start()

    def unplug(self) -> None:
        if self._thread is None:
            return
        self.device.stopping = True
        self._thread.join(10)
        self.device.close()
        self.link.unlink()
        self._thread = None
