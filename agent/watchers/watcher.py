"""What every watcher is, and the three things that it may say.

A watcher observes one thing. It is told to run in a thread of its own and says what it saw through `emit`:
a `Sample` (a good observation), a `Fault` (from here on this watcher sees nothing, because …) or `Seen` (particulars for
`status` alone, never journalled). It cannot stop another watcher: whatever it raises ends in the supervisor.

Samples come in the order of their monotonic time. After a Fault the watcher goes on trying; its next Sample says that it is back.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol

from agent.clock import Instant
from agent.reading import Channel, Sample


class Fault(NamedTuple):
    """From `at` on the watcher observes nothing; `reason` is one line for people: what was found, expected, and the remedy."""

    watcher: str
    at: Instant
    reason: str


class Seen(NamedTuple):
    """Particulars that `status` may show (voltage, process ids); no evidence, so never journalled."""

    watcher: str
    at: Instant
    particulars: tuple[tuple[str, str | int], ...]


Emit = Callable[[Sample | Fault | Seen], None]


class Watcher(Protocol):
    """One thing observed. `channels` names all channels that its samples may carry."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def asset(self) -> str:
        """Asset number of the instrument, or empty for the host itself."""
        ...

    @property
    def channels(self) -> tuple[Channel, ...]: ...

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Observe until `stop` is set, and return within two seconds of that."""
        ...
