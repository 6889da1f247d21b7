"""How a service is told to stop: SIGTERM or SIGINT, however little moment it is at."""

import signal
import threading
from collections.abc import Callable


def call_on_signals(stop: Callable[[], object]) -> None:
    """From now on either signal calls `stop`, in a thread of its own.

    A handler runs between two instructions of the main thread, which may hold the lock of the very event that it waits
    for: `Event.set` would then wait for that lock for ever, and the service manager for its patience to end.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: threading.Thread(target=stop, name="stop", daemon=True).start())
