"""The computer that the agent runs on: that it is on, when it slept, and whether somebody has a session there.

The heartbeat tells powered-on time of the control PC and, by its absence, when nobody watched. Channels:

- `host`, state: `on`;
- `session`, state: `present` or `none`: whether any user is logged in; who it is, is not looked at. No sample where the
  system does not tell;
- `boot`, event: `boot=<8 hex digits>` when the watcher starts, `slept=<ms>` when the machine wakes from suspend,
  hibernation, or what Windows calls a shutdown with fast start-up.

A boot is known by the id that the system draws at random for it: psutil.boot_time() moves with the wall clock. Sleep of
the computer says nothing about the instrument; it explains why nothing was observed.
"""

import threading
from typing import Annotated

from msgspec import Meta

from agent.clock import Clock
from agent.reading import Channel, Sample
from agent.watchers.login import session
from agent.watchers.watcher import Emit, Kind, WatcherSettings

SLEEP_FLOOR_MS = 1000
"""The two clocks are not read at the same moment; a shorter sleep is none."""


class HostSettings(WatcherSettings, frozen=True):
    """`[[watcher]] kind = "host"`."""

    poll_s: Annotated[float, Meta(ge=1, le=60)] = 10.0


class HostWatcher:
    """The watcher; each poll gives one sample of `host`, and one of `session` where that can be told."""

    kind = "host"

    def __init__(self, settings: HostSettings, clock: Clock) -> None:
        poll_ms = round(settings.poll_s * 1000)
        self.name = settings.name
        self.asset = settings.asset
        self.channels = (
            Channel("host", "state", poll_ms),
            Channel("session", "state", poll_ms),
            Channel("boot", "event", poll_ms),
        )
        self._clock = clock
        self._poll_s = settings.poll_s
        self._asleep_ms = clock.asleep_ms()
        self._told_boot = False

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Look at every poll until `stop`."""
        while True:
            self.look(emit)
            if stop.wait(self._poll_s):
                return

    def look(self, emit: Emit) -> None:
        """Look once."""
        now = self._clock.now()
        if not self._told_boot:
            emit(Sample(self.name, "boot", now, f"boot={self._clock.boot_id}"))
            self._told_boot = True
        slept_ms = self._clock.asleep_ms() - self._asleep_ms
        if slept_ms >= SLEEP_FLOOR_MS:
            self._asleep_ms += slept_ms
            emit(Sample(self.name, "boot", now, f"slept={slept_ms}"))
        emit(Sample(self.name, "host", now, "on"))
        present = session()
        if present is not None:
            emit(Sample(self.name, "session", now, present))


KIND = Kind(HostSettings, HostWatcher)
