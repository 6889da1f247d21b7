"""Makes each watcher, runs it in a thread of its own, and starts it again when it fails; none can stop another.

What a watcher raises (also by sys.exit) is counted, logged, and told as a fault of that watcher; it is tried again
after a pause that doubles from 1 s to a minute and shrinks back once it has run for a minute. One that cannot even be
made is stood in for by one that says so. What it says passes an ear of its own (`hearing`). Stopping is prompt: a
thread that does not end in time is left to die with the process and named.
"""

import logging
import threading
import time
from collections.abc import Iterable

from agent.clock import Clock
from agent.errors import AgentError
from agent.hearing import Ear
from agent.watchers.registry import ask, find_kind
from agent.watchers.stand_in import BrokenSettings, StandIn, faults_of
from agent.watchers.watcher import Emit, Watcher, WatcherSettings

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
STEADY_S = 60.0

log = logging.getLogger(__name__)


def make_watcher(settings: WatcherSettings, clock: Clock) -> Watcher:
    """Return the watcher that is configured, or one in its place that only says why there is none."""
    if isinstance(settings, BrokenSettings):
        return StandIn(settings, settings.reason)
    kind = settings.kind
    try:
        watcher = ask(f"kind {kind!r} could not make its watcher", lambda: find_kind(kind).make(settings, clock))
        wrong = ask(f"kind {kind!r} made what is no watcher", lambda: faults_of(watcher, settings))
    except AgentError as error:
        return StandIn(settings, str(error))
    return StandIn(settings, f"kind {kind!r} made {wrong}") if wrong else watcher


class Pause:
    """How long to wait before the next start of a watcher that failed; it is told how long the run was."""

    def __init__(self) -> None:
        self._next_s = FIRST_PAUSE_S

    def after(self, ran_s: float) -> float:
        """Return the pause, in seconds, after a run that lasted `ran_s`."""
        if ran_s >= STEADY_S:
            self._next_s = FIRST_PAUSE_S
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, LONGEST_PAUSE_S)
        return pause_s


class Supervisor:
    """Owns the threads of all watchers. `failures` counts by watcher what was raised or returned too early."""

    def __init__(self, watchers: Iterable[Watcher], emit: Emit, *, clock: Clock) -> None:
        self._watchers = tuple(watchers)
        self._ears = {watcher.name: Ear(watcher, emit, clock) for watcher in self._watchers}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.failures = dict.fromkeys((watcher.name for watcher in self._watchers), 0)

    def start(self) -> None:
        """Start all watchers."""
        for watcher in self._watchers:
            thread = threading.Thread(target=self._keep, args=(watcher,), name=watcher.name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def look(self) -> None:
        """Say of each watcher that has fallen silent that it has; to be called every few seconds."""
        for ear in self._ears.values():
            ear.notice_silence()

    def stop(self, patience_s: float = 5.0) -> list[str]:
        """Stop all watchers; return the names of those that did not end within `patience_s`."""
        self._stop.set()
        end_s = time.monotonic() + patience_s
        for thread in self._threads:
            thread.join(max(0.0, end_s - time.monotonic()))
        stuck = [thread.name for thread in self._threads if thread.is_alive()]
        for name in stuck:
            log.error("watcher did not stop", extra={"watcher": name, "patience_s": patience_s})
        return stuck

    def _keep(self, watcher: Watcher) -> None:
        pause = Pause()
        while not self._stop.is_set():
            started_s = time.monotonic()
            reason = self._run(watcher)
            if self._stop.is_set():
                return
            pause_s = pause.after(time.monotonic() - started_s)
            self.failures[watcher.name] += 1
            log.error("watcher failed", extra={"watcher": watcher.name, "reason": reason, "pause_s": pause_s})
            self._ears[watcher.name].complain(reason)
            self._stop.wait(pause_s)

    def _run(self, watcher: Watcher) -> str:
        """Run a watcher until it ends, and return why it did."""
        try:
            watcher.run(self._ears[watcher.name], self._stop)
        except AgentError as error:
            return str(error)
        except (Exception, SystemExit) as error:  # one failing watcher, whoever wrote it, must not stop the others
            log.debug("watcher raised", exc_info=True)
            return f"the watcher failed ({type(error).__name__}: {error})"
        return "the watcher ended by itself"
