"""A cable between two serial ports: two pseudo-terminals whose bytes go from one to the other."""

import os
import selectors
import threading
import tty
from types import TracebackType


class NullModem:
    """`ends` are the names of the two ports; both work from `with` to its end."""

    def __init__(self) -> None:
        self._pairs = [os.openpty() for _ in range(2)]
        for _, slave in self._pairs:
            tty.setraw(slave)
        self.ends = tuple(os.ttyname(slave) for _, slave in self._pairs)
        self._wake, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._carry)

    def __enter__(self) -> "NullModem":
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        os.close(self._stop)
        self._thread.join()
        for descriptor in (self._wake, *(end for pair in self._pairs for end in pair)):
            os.close(descriptor)

    def _carry(self) -> None:
        (one, _), (other, _) = self._pairs
        with selectors.DefaultSelector() as selector:
            selector.register(one, selectors.EVENT_READ, other)
            selector.register(other, selectors.EVENT_READ, one)
            selector.register(self._wake, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return
                    os.write(key.data, os.read(key.fd, 1024))
