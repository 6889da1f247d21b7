"""Watchers that do everything wrong, each in its own way, in an installed package."""

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from agent.clock import Clock, Instant
from agent.reading import Channel, Sample
from agent.watchers.watcher import Emit, Kind, WatcherSettings


class Scripted:
    """A watcher whose run is a function."""

    def __init__(self, settings: WatcherSettings, clock: Clock, script: Callable[..., None]) -> None:
        self.name, self.kind, self.asset = settings.name, settings.kind, settings.asset
        self.channels = (Channel("power", "gauge", 1000),)
        self._clock = clock
        self._script = script

    def run(self, emit: Emit, stop: threading.Event) -> None:
        self._script(self, emit, stop)

    def sample(self, watcher: str = "", at: Instant | None = None, value: Any = 5) -> Sample:
        return Sample(watcher or self.name, "power", at or self._clock.now(), value)


def kind(script: Callable[..., None]) -> Kind:
    return Kind(WatcherSettings, lambda settings, clock: Scripted(settings, clock, script))


def _raise(watcher: Scripted, emit: Emit, stop: threading.Event) -> None:
    raise ZeroDivisionError("division by zero")


def _exit(watcher: Scripted, emit: Emit, stop: threading.Event) -> None:
    sys.exit("enough")


def _return(watcher: Scripted, emit: Emit, stop: threading.Event) -> None:
    emit(watcher.sample())


def _block(watcher: Scripted, emit: Emit, stop: threading.Event) -> None:
    emit(watcher.sample())
    threading.Event().wait()


def _flood(watcher: Scripted, emit: Emit, stop: threading.Event) -> None:
    number = 0
    while True:  # does not even stop
        emit(watcher.sample(value=number))
        number += 1


def _babble(watcher: Scripted, emit: Emit, stop: threading.Event) -> None:
    while not stop.wait(0.01):
        emit({"power": float("nan")})  # type: ignore[arg-type]


def _pose(watcher: Scripted, emit: Emit, stop: threading.Event) -> None:
    while not stop.wait(0.01):
        emit(watcher.sample(watcher="good"))


def _dream(watcher: Scripted, emit: Emit, stop: threading.Event) -> None:
    while not stop.wait(0.01):
        emit(watcher.sample(at=Instant(0, 2**41)))


class Touchy(WatcherSettings, frozen=True):
    def faults(self) -> Iterator[tuple[str, str]]:
        raise KeyError("port")


RAISES, EXITS, RETURNS, BLOCKS = kind(_raise), kind(_exit), kind(_return), kind(_block)
FLOODS, BABBLES, POSES, CLOCK = kind(_flood), kind(_babble), kind(_pose), kind(_dream)
MAKE = Kind(WatcherSettings, lambda settings, clock: 1 // 0)  # type: ignore[arg-type,return-value]
MADE = Kind(WatcherSettings, lambda settings, clock: None)  # type: ignore[arg-type,return-value]
JUDGE = Kind(Touchy, lambda settings, clock: None)  # type: ignore[arg-type,return-value]
NONE = "no kind"
