"""Data files of an instrument: that they grow, and which ones came and ended. Medium to hard to fake: a product.

A directory is looked at every poll, without the system's change notices, which network shares do not give. The looking
is done by a child process (`data_scan`), for a share whose server is gone can hold it for ever; this half starts it,
passes on what it says, and replaces it when it is silent. Channels:

- `growth`, count: bytes that the files grew by since the look before;
- `files`, event: `new`, `done` and others, with the file's name as a digest (`growth` draws the table).

No name and no path goes into the journal or the status: they may hold personal data.
"""

import threading
from collections.abc import Iterator
from pathlib import PurePath
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.clock import Clock, Instant
from agent.finding import Finding
from agent.reading import MISSED_POLLS, Channel, Sample
from agent.watchers.child import Child, ChildLost
from agent.watchers.data_listing import ScanSettings
from agent.watchers.watcher import Emit, Fault, Kind, Seen, WatcherSettings
from protocol.entry import MAX_INT, Natural, Word, clean_text

CHILD_MODULE = "agent.watchers.data_scan"
CHILD_PATIENCE_S = 5.0
RESTART_S = (0.5, 1.0, 2.0, 4.0)
STUCK_LOOK_S = 1.0
EXAMINE_S = 20.0

COUNTED = ("files", "active", "unreadable", "too_deep", "other_disks")

Pattern = Annotated[str, Meta(min_length=1, max_length=100)]


class DataFilesSettings(WatcherSettings, frozen=True):
    """`[[watcher]] kind = "data-files"`. `mount`: where a share must be mounted for the directory to be looked at."""

    directory: Annotated[str, Meta(min_length=1, max_length=1000)]
    names: Annotated[tuple[Pattern, ...], Meta(min_length=1, max_length=50, description="a list of patterns")] = ("*",)
    mount: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    depth: Annotated[int, Meta(ge=0, le=32)] = 8
    max_entries: Annotated[int, Meta(ge=1, le=1_000_000)] = 20_000
    poll_s: Annotated[float, Meta(ge=1, le=600)] = 10.0
    quiet_s: Annotated[float, Meta(ge=1, le=86_400)] = 60.0

    def faults(self) -> Iterator[tuple[str, str]]:
        if not PurePath(self.directory).is_absolute():
            yield "directory", f"{self.directory!r} is no absolute path; a service has no folder of its own to start at"
        if self.mount is not None and not PurePath(self.directory).is_relative_to(self.mount):
            yield "mount", "the directory does not lie in it; name the mount point that holds the directory"
        if any("/" in pattern or "\\" in pattern for pattern in self.names):
            yield "names", "a pattern is for the file's name alone; which folder is said by directory and depth"

    def for_scan(self) -> ScanSettings:
        """Return what the child needs."""
        return ScanSettings(
            self.directory, list(self.names), self.depth, self.max_entries, self.mount, self.poll_s, self.quiet_s
        )


class _Line(msgspec.Struct):
    """What the child says of one look."""

    wall_ms: int
    mono_ms: int
    grown: Natural = 0
    events: tuple[Word, ...] = ()
    files: int = 0
    active: int = 0
    unreadable: int = 0
    too_deep: int = 0
    other_disks: int = 0
    error: str | None = None
    reason: str = ""


class DataFiles:
    """The watcher. `clock` is only asked when the child says nothing; else its lines bring the time."""

    kind = "data-files"

    def __init__(self, settings: DataFilesSettings, clock: Clock) -> None:
        poll_ms = round(settings.poll_s * 1000)
        self.name = settings.name
        self.asset = settings.asset
        self.channels = (Channel("growth", "count", poll_ms), Channel("files", "event", poll_ms))
        self._clock = clock
        self._settings = settings
        self._patience_ms = MISSED_POLLS * poll_ms
        self._silence_s = MISSED_POLLS * settings.poll_s + CHILD_PATIENCE_S
        self._good_ms: int | None = None
        self._told: str | None = None  # the word of the last fault, until a good look comes
        self._losses = 0

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Keep a child at the directory until `stop`."""
        argument = msgspec.json.encode(self._settings.for_scan()).decode()
        while not stop.is_set():
            child = Child(CHILD_MODULE, argument)
            try:
                while (line := child.next_line(self._silence_s, stop)) is not None:
                    self.take(line, emit)
            except ChildLost as lost:
                self._complain(self._clock.now(), "child", reason=f"{lost}: does the disk hang?", emit=emit)
            finally:
                child.end()
            # One that hangs in the system cannot be ended; another one would hang beside it.
            while child.is_running() and not stop.wait(STUCK_LOOK_S):
                pass
            stop.wait(RESTART_S[min(self._losses, len(RESTART_S) - 1)])
            self._losses += 1

    def take(self, raw: bytes, emit: Emit) -> None:
        """Turn one line of the child into what it says."""
        try:
            line = msgspec.json.decode(raw, type=_Line)
        except msgspec.DecodeError as error:
            raise ChildLost(f"its process said {clean_text(raw.decode(errors='replace'))}") from error
        at = Instant(line.wall_ms, line.mono_ms)
        if line.error is not None:
            self._complain(at, line.error, reason=line.reason, emit=emit)
            return
        self._good_ms = at.mono_ms
        self._told = None
        self._losses = 0
        emit(Sample(self.name, "growth", at, min(line.grown, MAX_INT)))
        for event in line.events:
            emit(Sample(self.name, "files", at, event))
        emit(Seen(self.name, at, tuple((what, getattr(line, what)) for what in COUNTED)))

    def _complain(self, at: Instant, word: str, *, reason: str, emit: Emit) -> None:
        bears_with = self._good_ms is not None and at.mono_ms - self._good_ms <= self._patience_ms
        if word == self._told or (bears_with and word != "child"):
            return
        self._told = word
        emit(Fault(self.name, at, clean_text(f"unobserved because {reason}")))


def examine(settings: DataFilesSettings) -> Iterator[Finding]:
    """Look once, in a child, and say what is there or why nothing can be seen."""
    what = f"data files of {settings.name}"
    child = Child(CHILD_MODULE, msgspec.json.encode(settings.for_scan()).decode())
    try:
        raw = child.next_line(EXAMINE_S, threading.Event())
        line = msgspec.json.decode(raw or b"", type=_Line)
    except (ChildLost, msgspec.DecodeError) as lost:
        yield Finding(what, "fail", str(lost), "a list of files", "see whether the disk or the file server answers")
        return
    finally:
        child.end()
    if line.error is not None:
        found, _, remedy = line.reason.partition(": ")
        yield Finding(what, "fail", found, "a directory that can be listed", remedy)
        return
    yield Finding(what, "ok", f"{line.files} files match")
    if not line.files:
        yield Finding(what, "warn", "no file matches", "files of earlier work", "correct `directory` or `names`")
    if line.unreadable:
        remedy = "grant the agent's user the right to list them, if they hold data"
        yield Finding(what, "warn", f"{line.unreadable} folders may not be read", "none", remedy)
    if line.too_deep:
        yield Finding(what, "warn", f"{line.too_deep} folders lie below `depth`", "none", "raise `depth`")
    if line.other_disks:
        remedy = "give each of them a watcher of its own, if they hold data"
        yield Finding(what, "warn", f"{line.other_disks} folders lie on other disks", "none", remedy)


KIND = Kind(DataFilesSettings, DataFiles, examine)
