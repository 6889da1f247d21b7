"""Running the watchers of a configuration without recording anything: to try a wiring, and to look at it live.

The watchers run as they do in the agent, under the supervisor; what they say is kept as the newest word of each, in the
shape that `status` has. Card numbers are personal data and end here.
"""

import logging
import queue
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from agent.clock import Clock
from agent.reading import Sample
from agent.supervisor import Supervisor, make_watcher
from agent.watchers.watcher import Card, Fault, Said, Watcher, WatcherSettings

Row = dict[str, Any]
"""One watcher as status.json shows it: name, kind, asset, state, last_at_ms, last, particulars, reason."""

QUEUE_ITEMS = 4096
LOOK_S = 0.5

PATIENCE_S = 10.0
FAULT_PATIENCE_S = 5.0
"""How long to wait for the first sample. A first question may fail and a second one not; so a fault is not believed
before this time."""

_AGENTS = logging.getLogger("agent")


class Trial:
    """Watchers that run from `with` on. `rows` holds the newest word of each, and `news` brings it up to date."""

    def __init__(self, settings: Iterable[WatcherSettings], clock: Clock) -> None:
        self.watchers: tuple[Watcher, ...] = tuple(make_watcher(one, clock) for one in settings)
        self.rows = {watcher.name: first_row(watcher) for watcher in self.watchers}
        self._said: queue.Queue[Said] = queue.Queue(QUEUE_ITEMS)
        self._supervisor = Supervisor(self.watchers, self._emit, clock=clock)
        self._closed = threading.Event()
        self._level = logging.NOTSET

    def __enter__(self) -> "Trial":
        self._level = _AGENTS.level
        _AGENTS.setLevel(logging.CRITICAL)  # what fails is in the rows
        self._supervisor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._supervisor.stop()
        _AGENTS.setLevel(self._level)

    def news(self, timeout_s: float) -> list[Row]:
        """Take in all that was said, waiting for something at most so long; return the rows that it changed."""
        said = self._take(timeout_s)
        changed = []
        while said is not None:
            self.rows[said.watcher] = after(self.rows[said.watcher], said)
            changed.append(said.watcher)
            said = self._take(0)
        return [self.rows[name] for name in dict.fromkeys(changed)]

    def _take(self, timeout_s: float) -> Said | None:
        try:
            return self._said.get(timeout=timeout_s) if timeout_s else self._said.get_nowait()
        except queue.Empty:
            return None

    def _emit(self, said: Said) -> None:
        while not self._closed.is_set():
            try:
                self._said.put(said, timeout=LOOK_S)
            except queue.Full:
                continue
            return


def try_out(settings: Iterable[WatcherSettings], clock: Clock) -> list[Row]:
    """Run watchers until each has given a sample, or the patience is over; return the last word of each."""
    started_s = time.monotonic()
    with Trial(settings, clock) as trial:
        while (left_s := _patience_s(trial.rows.values()) - (time.monotonic() - started_s)) > 0:
            trial.news(left_s)
        return list(trial.rows.values())


def _patience_s(rows: Iterable[Row]) -> float:
    states = {row["state"] for row in rows}
    if "starting" in states:
        return PATIENCE_S
    return FAULT_PATIENCE_S if "down" in states else 0.0


def first_row(watcher: Watcher) -> Row:
    """The row of a watcher that has said nothing yet."""
    return {
        "name": watcher.name,
        "kind": watcher.kind,
        "asset": watcher.asset,
        "state": "starting",
        "last_at_ms": None,
        "last": {},
        "particulars": {},
        "reason": "",
    }


def after(row: Row, said: Said) -> Row:
    """The row after this was said."""
    if isinstance(said, Sample):
        name = "power_mw" if said.channel == "power" else said.channel
        counter = {} if said.counter_mwh is None else {"energy_mwh": said.counter_mwh}
        last = row["last"] | {name: said.value} | counter
        return row | {"state": "up", "last_at_ms": said.at.wall_ms, "last": last, "reason": ""}
    if isinstance(said, Fault):
        return row | {"state": "down", "last": {}, "reason": said.reason}
    if isinstance(said, Card):
        return row | {"state": "up", "last_at_ms": said.at.wall_ms, "last": {"card": "presented"}, "reason": ""}
    return row | {"particulars": dict(said.particulars)}
