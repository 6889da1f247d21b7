"""The watcher's half of every serial port: it judges what the child at the port says, which `serial_bus` keeps there.

A kind adds what its lines mean:

    class ContactLine(ChildLine): contact: str = ""

    class Contact(SerialWatcher[ContactLine]):
        kind, child_module, line_type = "contact", "agent.watchers.contact_port", ContactLine

        def hear(self, at, line):
            return [Sample(self.name, "contact", at, line.contact)]

A failed poll is nothing yet: a sample covers the time since the last good one up to three polls. Beyond that, and at
once when the port itself fails, the watcher says that it sees nothing, and why: once for each word of trouble.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

from agent.clock import Clock, Instant
from agent.reading import MISSED_POLLS, Channel
from agent.watchers.child import ChildLost
from agent.watchers.serial_bus import Bus, Place, shared_bus
from agent.watchers.serial_candidates import Where
from agent.watchers.serial_port import LineSettings, NoReading, Task
from agent.watchers.watcher import Emit, Fault, Said, Seen, WatcherSettings
from protocol.entry import clean_text

CHILD_PATIENCE_S = 5.0
URL_SCHEMES = ("rfc2217", "socket")
"""Of pyserial's URLs those that are ports of a device server; the others are for tests or write files."""

AT_ONCE = ("port", "child")

PortName = Annotated[str, Meta(min_length=1, max_length=200)]
_PORTS = Meta(description="the name of a port, a rfc2217:// or socket:// URL, or a list of names and patterns")


class PortSettings(WatcherSettings, frozen=True):
    """Where a serial watcher finds its port. `usb_serial`: only the USB adapter with this serial number."""

    port: Annotated[PortName | Annotated[tuple[PortName, ...], Meta(min_length=1, max_length=16)], _PORTS]
    usb_serial: Annotated[str, Meta(max_length=100)] = ""

    def faults(self) -> Iterator[tuple[str, str]]:
        for name in self.where.names:
            scheme, is_url, _ = name.partition("://")
            if is_url and scheme not in URL_SCHEMES:
                yield "port", f"{name!r}: no such kind of URL; known: rfc2217://host:port, socket://host:port"
            elif is_url and self.usb_serial:
                yield "usb_serial", f"{name} is no USB adapter; remove one of them"

    def faults_of_silence(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong for a device that never answers: at which of several ports it is, nothing can tell."""
        if not self.where.only and not self.usb_serial:
            yield "port", "nothing here answers a question, so name one port, or the adapter by usb_serial as well"

    @property
    def where(self) -> Where:
        """The candidates."""
        return Where((self.port,) if isinstance(self.port, str) else self.port, self.usb_serial)

    @property
    def line(self) -> LineSettings:
        """How the port is opened; a kind whose bytes matter takes it from SpeedSettings."""
        return LineSettings()

    @property
    def occupies(self) -> str:
        return self.where.only


class SpeedSettings(PortSettings, frozen=True):
    """A port whose bytes are read."""

    baudrate: Annotated[int, Meta(ge=300, le=4_000_000)] = 9600
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    bytesize: Literal[7, 8] = 8

    @property
    def line(self) -> LineSettings:
        return LineSettings(self.baudrate, self.parity, self.stopbits, self.bytesize)


class ChildLine(msgspec.Struct):
    """What every child may say; a kind adds its own values. A line without `error`, `port`, `trying` is a good poll."""

    wall_ms: int
    mono_ms: int
    error: str | None = None
    reason: str = ""
    port: str = ""
    trying: str = ""


Line = TypeVar("Line", bound=ChildLine)


class SerialWatcher(ABC, Generic[Line]):
    """The shell. `clock` is only asked when the child says nothing; else its lines bring the time.

    `task` is what the child's observer is made of; a line comes each `poll_s`, and later by `poll_takes_s` at most.
    A kind that `shares_port` may have several watchers at one: its observers ask one after the other.
    """

    kind: ClassVar[str]
    child_module: ClassVar[str]
    shares_port: ClassVar[bool] = False
    line_type: type[Line]

    def __init__(
        self,
        settings: PortSettings,
        clock: Clock,
        *,
        channels: tuple[Channel, ...],
        poll_s: float,
        poll_takes_s: float,
        task: Task,
    ) -> None:
        self.name = settings.name
        self.asset = settings.asset
        self.channels = channels
        self._clock = clock
        self._place = Place(self.child_module, settings.where, settings.line)
        self.task = task
        self._patience_ms = round(MISSED_POLLS * poll_s * 1000)
        self.silence_s = MISSED_POLLS * poll_s + poll_takes_s + CHILD_PATIENCE_S
        self._port = settings.where.only
        self._seen_at = ""  # the port that `status` was told
        self._good_ms: int | None = None
        self._told: str | None = None  # the word of the last fault, until a good line comes

    @abstractmethod
    def hear(self, at: Instant, line: Line) -> Iterable[Said]:
        """Return what a good line says; NoReading when it is not believed."""

    @property
    def is_down(self) -> bool:
        """Whether a fault was said, and nothing good since."""
        return self._told is not None

    def particulars(self) -> tuple[tuple[str, str | int], ...]:
        """Return what `status` may show beside the port."""
        return ()

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Keep a child at the port until `stop`."""
        if self.shares_port and self._place.where.only:
            with shared_bus(self._place) as bus:
                bus.attend(self, emit, stop)
        else:
            Bus(self._place).attend(self, emit, stop)

    def lose(self, reason: str, emit: Emit) -> None:
        """Say that the child is lost."""
        self._complain(self._clock.now(), "child", reason=reason, emit=emit)

    def take(self, raw: bytes, emit: Emit) -> None:
        """Turn one line of the child into what it says."""
        try:
            line = msgspec.json.decode(raw, type=self.line_type)
        except msgspec.DecodeError as error:
            raise ChildLost(f"its process said {clean_text(raw.decode(errors='replace'))}") from error
        at = Instant(line.wall_ms, line.mono_ms)
        if line.port:
            self._port = line.port
        elif line.error:
            self._complain(at, line.error, reason=line.reason, emit=emit)
        elif not line.trying:
            self._believe(at, line, emit)

    def _believe(self, at: Instant, line: Line, emit: Emit) -> None:
        try:
            said = list(self.hear(at, line))
        except NoReading as none:
            self._complain(at, none.word, reason=str(none), emit=emit)
            return
        if self._good_ms is None or self._told or self._port != self._seen_at:
            emit(Seen(self.name, at, (("port", self._port), *self.particulars())))
        self._seen_at = self._port
        self._good_ms = at.mono_ms
        self._told = None
        for one in said:
            emit(one)

    def _complain(self, at: Instant, word: str, *, reason: str, emit: Emit) -> None:
        bears_with = self._good_ms is not None and at.mono_ms - self._good_ms <= self._patience_ms
        if word == self._told or (bears_with and word not in AT_ONCE):
            return
        self._told = word
        emit(Fault(self.name, at, clean_text(f"unobserved because {reason}")))
