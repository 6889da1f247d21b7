"""A card reader on a serial line: who presents a card at the instrument.

It says `Card` with the clear number, for the desk alone, which records a salted hash of it as an event of channel
`card` and signs its holder in or out. Channel `port`, state, says `open` for as long as the port is listened to, so
that hours without a card are known from hours in which nobody listened. A reader that is silent cannot be told from
one whose power is off.

The number comes from the child process (`card_port`) by a pipe, and stands in no message, log or command line.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated

from msgspec import Meta

from agent.clock import Clock, Instant
from agent.reading import Channel, Sample
from agent.watchers.card_frame import FormatName
from agent.watchers.child import ChildLost
from agent.watchers.serial_examination import examine_ports
from agent.watchers.serial_watcher import ChildLine, SerialWatcher, SpeedSettings
from agent.watchers.watcher import Card, Emit, Kind, Said

POLL_TAKES_S = 3.0


class CardReaderSettings(SpeedSettings, frozen=True):
    """`[[watcher]] kind = "card-reader"`; `poll_s` is how often it is told that the port is listened to."""

    format: FormatName = "rdm6300"
    poll_s: Annotated[float, Meta(ge=0.2, le=60)] = 5.0

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from super().faults()
        yield from self.faults_of_silence()


class CardLine(ChildLine):
    """What the child says: a card, or since when it listens (UTC ms)."""

    card: str = ""
    since_ms: int = 0


class CardReader(SerialWatcher[CardLine]):
    """The watcher."""

    kind = "card-reader"
    child_module = "agent.watchers.card_port"
    line_type = CardLine

    def __init__(self, settings: CardReaderSettings, clock: Clock) -> None:
        poll_ms = round(settings.poll_s * 1000)
        super().__init__(
            settings,
            clock,
            channels=(Channel("port", "state", poll_ms), Channel("card", "event", poll_ms)),
            poll_s=settings.poll_s,
            poll_takes_s=POLL_TAKES_S,
            task={"form": settings.format, "every_s": settings.poll_s},
        )
        self._format = settings.format
        self._since_ms = 0

    def hear(self, at: Instant, line: CardLine) -> Iterable[Said]:
        if line.card:
            return [Card(self.name, at, line.card)]
        self._since_ms = line.since_ms
        return [Sample(self.name, "port", at, "open")]

    def particulars(self) -> tuple[tuple[str, str | int], ...]:
        return (("format", self._format), ("listening_since_ms", self._since_ms))

    def take(self, raw: bytes, emit: Emit) -> None:
        try:
            super().take(raw, emit)
        except ChildLost:
            # The line may be half of one that names a card: it is not quoted, neither here nor as a cause.
            raise ChildLost("its process said something that is no line of it") from None


KIND = Kind(CardReaderSettings, CardReader, examine_ports)
