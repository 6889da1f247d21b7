"""The instrument's control software: whether it runs, how much it computes, and how much it reads and writes.

It tells that the PC is on and the software open. A signal on the agent's own host is easy to fake, so alone it weighs
little. Channels:

- `process`, state: `running` or `absent`;
- `cpu`, gauge: thousandths of a percent of one core, so that the cutting rules made for mW fit (5 W is 5 % here);
- `io`, count: bytes that it read and wrote, of files and devices, where the system lets this be seen;
- `instance`, event: `start=<UTC ms> path=<16 hex digits>` for each process that appears, `ended start=… path=…` when it
  goes, and `path=… exe=<16 hex digits>` once the digest of the program's file is known, and when it is another one. The
  digits of `path` begin the SHA-256 of the executable's path, which may hold a person's name.
"""

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Annotated

import psutil
from msgspec import Meta

from agent.clock import Clock, Instant
from agent.finding import Finding
from agent.reading import Channel, Sample
from agent.watchers.executable import DIGEST_HEX, Executables
from agent.watchers.watcher import Emit, Kind, Seen, WatcherSettings

LOOKS = 2
"""A new process is judged at its first two looks: between fork and exec it still wears its parent's command line."""

LOOK_AFRESH_EVERY = 30
"""After so many looks all processes are judged anew, in case a process id was given out again unseen."""

FULL_CORE = 100_000  # thousandths of a percent


class ProcessSettings(WatcherSettings, frozen=True):
    """`[[watcher]] kind = "process"`: by `executable` (path or bare name) or by a part of its `command_line`."""

    executable: Annotated[str, Meta(min_length=1)] | None = None
    command_line: Annotated[str, Meta(min_length=3)] | None = None
    poll_s: Annotated[float, Meta(ge=0.5, le=60)] = 2.0

    def faults(self) -> Iterator[tuple[str, str]]:
        if (self.executable is None) == (self.command_line is None):
            yield "executable", "the process must be named by exactly one of executable and command_line"


def matches(settings: ProcessSettings, *, executable: str, arguments: list[str]) -> bool:
    """Whether a process is the one meant."""
    if settings.command_line is not None:
        return settings.command_line in " ".join(arguments)
    # PurePath compares as the system's file names do: without regard to case on Windows.
    wanted, path = PurePath(settings.executable or ""), PurePath(executable)
    return path == wanted if len(wanted.parts) > 1 else PurePath(path.name) == wanted


class Finder:
    """Finds the processes that match; every other one is looked at twice, so that looking each second is cheap."""

    def __init__(self, settings: ProcessSettings) -> None:
        self._settings = settings
        self._looked_at: dict[int, int] = {}
        self._until_afresh = LOOK_AFRESH_EVERY
        self.found: dict[int, psutil.Process] = {}
        self.ended: list[int] = []

    def look(self) -> list[psutil.Process]:
        """Bring `found` and `ended` up to date and return what is new in `found`."""
        alive = {pid: process for pid, process in self.found.items() if _is_alive(process)}
        self.ended = [pid for pid in self.found if pid not in alive]
        for pid in self.ended:
            self._looked_at.pop(pid, None)  # its number may be another's already
        self.found = alive
        self._until_afresh -= 1
        if self._until_afresh == 0:
            self._looked_at = {}
            self._until_afresh = LOOK_AFRESH_EVERY
        pids = psutil.pids()
        self._looked_at = {pid: self._looked_at.get(pid, 0) for pid in pids}
        new = [process for pid in pids if pid not in self.found and (process := self._judge(pid))]
        self.found |= {process.pid: process for process in new}
        return new

    def _judge(self, pid: int) -> psutil.Process | None:
        if self._looked_at[pid] >= LOOKS or pid == os.getpid():
            return None
        self._looked_at[pid] += 1
        try:
            process = psutil.Process(pid)
            # Only what is needed is asked for: the command line of another user's process may be closed to us.
            if self._settings.command_line is not None:
                meant = matches(self._settings, executable="", arguments=process.cmdline())
            else:
                meant = matches(self._settings, executable=path_of(process), arguments=[])
            return process if meant and _is_alive(process) else None
        except psutil.Error:  # it ended meanwhile, or may not be looked at
            return None


def path_of(process: psutil.Process) -> str:
    """Return the executable's path; where that may not be read, its name by the command line, or its mere name.

    Raises psutil.NoSuchProcess.
    """
    for ask in (process.exe, lambda: next(iter(process.cmdline()), ""), process.name):
        with contextlib.suppress(psutil.AccessDenied):
            if path := ask():
                return path
    return ""


class ProcessWatcher:
    """The watcher; each poll gives one sample of `process`, `cpu` and `io`."""

    kind = "process"

    def __init__(self, settings: ProcessSettings, clock: Clock) -> None:
        poll_ms = round(settings.poll_s * 1000)
        self.name = settings.name
        self.asset = settings.asset
        self.channels = (
            Channel("process", "state", poll_ms),
            Channel("cpu", "gauge", poll_ms),
            Channel("io", "count", poll_ms),
            Channel("instance", "event", poll_ms),
        )
        self._clock = clock
        self._poll_s = settings.poll_s
        self._finder = Finder(settings)
        self._executables = Executables()
        self._told: dict[int, str] = {}  # how each process that is there was told
        self._cpu_ms, self._io_bytes = Rises(_cpu_ms), Rises(_io_bytes)
        self._before: Instant | None = None

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Look at every poll until `stop`."""
        while True:
            self.look(emit)
            if stop.wait(self._poll_s):
                return

    def look(self, emit: Emit) -> None:
        """Look once."""
        now = self._clock.now()
        new = self._finder.look()
        for pid in self._finder.ended:
            self._tell(now, f"ended {self._told.pop(pid, 'unseen')}", emit=emit)
        for process in new:
            self._tell_new(process, now, emit=emit)
        for path, executable in self._executables.answers():
            self._tell(now, f"path={_digest(path)} exe={executable}", emit=emit)
        self._measure(now, emit)
        emit(Sample(self.name, "process", now, "running" if self._finder.found else "absent"))
        self._before = now

    def _tell(self, now: Instant, word: str, *, emit: Emit) -> None:
        emit(Sample(self.name, "instance", now, word))

    def _tell_new(self, process: psutil.Process, now: Instant, *, emit: Emit) -> None:
        try:
            started_ms, path = round(process.create_time() * 1000), path_of(process)
        except psutil.Error:
            return
        self._told[process.pid] = f"start={started_ms} path={_digest(path)}"
        self._tell(now, self._told[process.pid], emit=emit)
        self._executables.ask(process.pid, path)
        emit(Seen(self.name, now, (("pid", process.pid), ("started_ms", started_ms))))

    def _measure(self, now: Instant, emit: Emit) -> None:
        processes = self._finder.found
        worked_ms, moved_bytes = self._cpu_ms.rise(processes), self._io_bytes.rise(processes)
        if self._before is None or now.mono_ms <= self._before.mono_ms:
            return
        if worked_ms is not None:
            emit(Sample(self.name, "cpu", now, worked_ms * FULL_CORE // (now.mono_ms - self._before.mono_ms)))
        if moved_bytes is not None:
            emit(Sample(self.name, "io", now, moved_bytes))


class Rises:
    """By how much a total of all processes rose since the last look. What one had when it was first seen is no rise."""

    def __init__(self, total: Callable[[psutil.Process], int]) -> None:
        self._total = total
        self._before: dict[int, int] = {}

    def rise(self, processes: dict[int, psutil.Process]) -> int | None:
        """Return it; None when there are processes, and not one lets itself be looked at."""
        before, self._before = self._before, {}
        for pid, process in processes.items():
            try:
                self._before[pid] = self._total(process)
            except (psutil.Error, AttributeError):  # it ended, or may not be looked at; not every system has totals
                continue
        if processes and not self._before:
            return None
        return sum(max(0, total - before.get(pid, total)) for pid, total in self._before.items())


def _digest(path: str) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:DIGEST_HEX]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.AccessDenied:
        return True  # it is there, and somebody else's
    except psutil.Error:
        return False


def _cpu_ms(process: psutil.Process) -> int:
    times = process.cpu_times()
    return round((times.user + times.system) * 1000)


def _io_bytes(process: psutil.Process) -> int:
    io = process.io_counters()
    if hasattr(io, "read_chars"):
        return int(io.read_chars + io.write_chars)  # Linux: read_bytes would leave out devices, and what was cached
    return int(io.read_bytes + io.write_bytes)


def examine(settings: ProcessSettings) -> Iterator[Finding]:
    """Say whether the process runs now, and which name is near where it does not."""
    from agent.watchers.process_examination import judge_process  # the running agent does without

    pids = [process.pid for process in Finder(settings).look()]
    yield judge_process(settings.name, settings.executable or settings.command_line or "", pids)


KIND = Kind(ProcessSettings, ProcessWatcher, examine)
