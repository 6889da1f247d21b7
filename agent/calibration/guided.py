"""A guided recording: somebody is asked to bring the instrument to off, to idle and through one run, and it is watched.

The watcher is the configured one, so what is recorded is what will be counted. Each sample is written to the file as
it comes: whatever ends the recording, Ctrl-C too, what was recorded is kept and can be read with `--from`.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TextIO

from agent.calibration.verdict import Phases
from agent.clock import Clock
from agent.errors import CalibrationError
from agent.reading import Sample
from agent.supervisor import Supervisor
from agent.watchers.watcher import Fault, Said, Watcher
from protocol.interval import Interval
from protocol.policy import POWER
from protocol.sample_file import Notation

Ask = Callable[[str], str]
"""Shows a text, waits for Enter, and returns what was typed."""
Tell = Callable[[str], None]

LEAST_SAMPLES = 30
SKIP = "s"

_TIMES = Notation("local")


class Question(NamedTuple):
    """One phase: what to do first, and what ends it."""

    prepare: str
    finish: str


OFF = Question(
    f"1/3 Switch the instrument off. Enter when it is off; {SKIP} and Enter where it never is: ",
    "    Leave it off for two minutes or more, then Enter: ",
)
IDLE = Question(
    "2/3 Switch it on and let it idle, warmed up and ready. Enter when it idles: ",
    "    Leave it idle for five minutes or more, then Enter: ",
)
RUN = Question(
    "3/3 Begin one run as usual. Enter when it has begun: ",
    "    Let it run to its end. Enter when the run has ended: ",
)


class PowerLog:
    """Takes what a watcher says, from its thread, and writes the samples of power to a file."""

    def __init__(self, file: TextIO, tell: Tell) -> None:
        self._file, self._tell = file, tell
        self._lock = threading.Lock()
        self.taken: list[int] = []
        """When the samples came, in UTC ms."""
        file.write("time,power_w,energy_wh\n")

    def emit(self, said: Said) -> None:
        """Keep a sample; pass on why there is none."""
        if isinstance(said, Fault):
            self._tell(f"    {said.watcher}: {said.reason}")
        elif isinstance(said, Sample) and said.channel == POWER and isinstance(said.value, int):
            self._keep(said.at.wall_ms, said.value, said.counter_mwh)

    def count(self, when: Interval) -> int:
        """How many samples speak for a stretch of time; each speaks for the time before it."""
        return sum(when[0] < at_ms <= when[1] for at_ms in self.taken)

    def _keep(self, at_ms: int, power_mw: int, counter_mwh: int | None) -> None:
        energy = "" if counter_mwh is None else f"{counter_mwh / 1000:.3f}"
        with self._lock:
            self._file.write(f"{_TIMES.write(at_ms)},{power_mw / 1000:.3f},{energy}\n")
            self._file.flush()
            self.taken.append(at_ms)


def record(watcher: Watcher, path: Path, *, ask: Ask, tell: Tell, clock: Clock) -> Phases:
    """Record what the operator is led through. CalibrationError: no power channel, or the file exists already."""
    if POWER not in {channel.name for channel in watcher.channels}:
        raise CalibrationError(f"watcher {watcher.name!r} tells no power; name a meter or a plug")
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError as error:
        raise CalibrationError(f"{path} exists already; name another file (--recording)") from error
    with file:
        log = PowerLog(file, tell)
        supervisor = Supervisor([watcher], log.emit, clock=clock)
        supervisor.start()
        try:
            return _lead(log, ask=ask, tell=tell, clock=clock)
        finally:
            supervisor.stop()


def _lead(log: PowerLog, *, ask: Ask, tell: Tell, clock: Clock) -> Phases:
    skipped = ask(OFF.prepare).strip().lower() == SKIP
    off = None if skipped else _phase(log, OFF.finish, ask=ask, tell=tell, clock=clock)
    ask(IDLE.prepare)
    idle = _phase(log, IDLE.finish, ask=ask, tell=tell, clock=clock)
    ask(RUN.prepare)
    return Phases(off, idle, _phase(log, RUN.finish, ask=ask, tell=tell, clock=clock))


def _phase(log: PowerLog, finish: str, *, ask: Ask, tell: Tell, clock: Clock) -> Interval:
    """From now to the Enter before which enough was seen."""
    start_ms = clock.now().wall_ms
    while True:
        ask(finish)
        phase = start_ms, clock.now().wall_ms
        if log.count(phase) >= LEAST_SAMPLES:
            return phase
        tell(f"    {log.count(phase)} samples so far, {LEAST_SAMPLES} are needed; go on recording")
