"""An agent that looks at its hatch, as the running one does, while a test asks something of it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from agent.hatch import Hatch


@contextmanager
def tending(side: Hatch) -> Iterator[None]:
    """Look at it a hundred times a second."""
    ended = threading.Event()

    def tend() -> None:
        while not ended.wait(0.01):
            side.look()

    thread = threading.Thread(target=tend)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(10)
