"""An energy meter read by DL/T 645-2007: by which address, and how often. Chinese DIN-rail meters ship with it.

The port lives in a child process (`dlt645_port`); what it says is judged by `serial_meter`. Reading needs no password,
and nothing in this agent can write to a meter.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from msgspec import Meta

from agent.clock import Clock, Instant
from agent.finding import Finding
from agent.watchers.dlt645_line import MOST_W
from agent.watchers.dlt645_timing import LONGEST_DELAY_S, Timing
from agent.watchers.serial_meter import MeterLine, SerialMeter
from agent.watchers.serial_port import NoReading
from agent.watchers.serial_watcher import SpeedSettings
from agent.watchers.watcher import Kind, Said

ANY = "any"


class Dlt645MeterSettings(SpeedSettings, frozen=True, kw_only=True):
    """`[[watcher]] kind = "dlt645-meter"`. `address`: the twelve digits on the meter, or "any": the only one there."""

    address: Annotated[str, Meta(pattern=r"\A([0-9]{12}|any)\Z", description='the 12 digits of the meter, or "any"')]
    baudrate: Annotated[int, Meta(ge=600, le=115_200)] = 2400
    parity: Literal["N", "E", "O"] = "E"
    poll_s: Annotated[float, Meta(ge=0.1, le=60)] = 1.0
    timeout_s: Annotated[float, Meta(ge=0.05, le=5)] = LONGEST_DELAY_S + 0.1
    wake_bytes: Annotated[int, Meta(ge=0, le=16)] = 4

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from super().faults()
        shortest_s = self.timing.shortest_poll_s
        if self.poll_s < shortest_s:
            yield (
                "poll_s",
                f"at {self.baudrate} baud a poll takes {shortest_s:.2f} s on the wire alone; raise poll_s, or the "
                "baudrate, here and in the meter",
            )

    @property
    def timing(self) -> Timing:
        """How long to wait for what."""
        return Timing(self.timeout_s, self.wake_bytes, self.baudrate)


class Dlt645Line(MeterLine):
    """What the child says of one poll: `address` is the meter that answered."""

    address: str = ""


class Dlt645Meter(SerialMeter):
    """The watcher."""

    kind = "dlt645-meter"
    child_module = "agent.watchers.dlt645_port"
    line_type = Dlt645Line

    def __init__(self, settings: Dlt645MeterSettings, clock: Clock) -> None:
        self._address = "" if settings.address == ANY else settings.address
        task = {
            "address": self._address,
            "timeout_s": settings.timeout_s,
            "wakes": settings.wake_bytes,
            "poll_s": settings.poll_s,
        }
        super().__init__(
            settings,
            clock,
            poll_s=settings.poll_s,
            poll_takes_s=settings.timing.longest_poll_s,
            max_w=MOST_W,
            task=task,
        )

    def hear(self, at: Instant, line: MeterLine) -> Iterable[Said]:
        assert isinstance(line, Dlt645Line)
        before, self._address = self._address, line.address
        if before and line.address != before:
            # The word is one that is told at once: whose reading this is, is evidence.
            raise NoReading("port", f"meter {line.address} answers where meter {before} did; it counts from now on")
        return super().hear(at, line)

    def particulars(self) -> tuple[tuple[str, str | int], ...]:
        return (("address", self._address),)


def examine(settings: Dlt645MeterSettings) -> Iterable[Finding]:
    """Say at which settings the meter answers, where it does not at these."""
    from agent.watchers.meter_examination import Meant, examine_meter  # the running agent does without

    return examine_meter(settings, Meant("dlt645-meter", settings.address, settings.line, ""))


KIND = Kind(Dlt645MeterSettings, Dlt645Meter, examine)
