"""What every watcher is, and the four things that it may say.

A watcher observes one thing. It is told to run in a thread of its own and says what it saw through `emit`: a `Sample`
(a good observation), a `Fault` (from here on this watcher sees nothing, because …), `Seen` (particulars for `status`
alone, never journalled) or a `Card` (somebody presented a card). It cannot stop another watcher: whatever it raises
ends in the supervisor.

Samples come in the order of their monotonic time. After a Fault the watcher goes on trying; its next Sample says that
it is back.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec
from msgspec import Meta

from agent.clock import Clock, Instant
from agent.finding import Finding
from agent.reading import Channel, Sample
from protocol.entry import Name


class Fault(NamedTuple):
    """From `at` on the watcher observes nothing.

    `reason` is one line for people, at most 500 characters: what was found, what was expected, and the remedy.
    """

    watcher: str
    at: Instant
    reason: str


class Seen(NamedTuple):
    """Particulars that `status` may show (voltage, process ids); no evidence, so never journalled."""

    watcher: str
    at: Instant
    particulars: tuple[tuple[str, str | int], ...]


class Card(NamedTuple):
    """A card was presented at a reader.

    `number` identifies the card (its EM4100 number in upper-case hex, for example) and is personal data: it goes to the
    desk, which records a salted hash of it, and nowhere else.
    """

    watcher: str
    at: Instant
    number: str


Said = Sample | Fault | Seen | Card

Emit = Callable[[Said], None]
"""Takes what a watcher says, from any thread; it may wait, and never raises."""


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


class WatcherSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What each `[[watcher]]` table may hold; a kind adds its own fields."""

    name: Annotated[Name, Meta(description="up to 40 letters, digits, dots, hyphens or underscores")]
    kind: str
    asset: Annotated[str, Meta(max_length=64)] = ""

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is wrong and the remedy) for what no single field can tell."""
        yield from ()

    @property
    def occupies(self) -> str:
        """What only one watcher can have, such as a serial port; empty for none."""
        return ""

    def why_not_beside(self, other: "WatcherSettings") -> str:
        """Return why this watcher cannot have what `other` occupies as well, or nothing when both can."""
        return f"{other.name} has {self.occupies} already"


class Kind(NamedTuple):
    """What the entry point `jishi.watchers` names: how a kind is configured, and how its watcher is made.

    `examine` is optional. `jishi-agent doctor` calls it with the settings while no watcher of this agent runs, so it
    may open what the watcher would. It looks once at what usually goes wrong, within two minutes, changes nothing, and
    yields what it found as it finds it.
    """

    settings: type[WatcherSettings]
    make: Callable[[Any, Clock], Watcher]
    examine: Callable[[Any], Iterable[Finding]] | None = None
