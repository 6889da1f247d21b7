"""What every child process that owns a serial port does: open it, keep it, open it again, and say what it sees.

A port can hang for ever in the driver (an unplugged adapter on Windows does), so it lives in a process of its own that
the watcher (`serial_watcher`) may kill. The child prints JSON lines and ends when its standard input closes, that is,
when the watcher is gone, however it went. It imports little, because there is one of it for each port.

    {"wall_ms": 1764554716036, "mono_ms": 72893813, "port": "/dev/ttyUSB0"}          this is the port, from now on
    {"wall_ms": 1764554716036, "mono_ms": 72893813, "power_mw": 904900, "energy_mwh": 1646000}
    {"wall_ms": 1764554717041, "mono_ms": 72894818, "error": "silent", "reason": "no answer from address 1 within …"}
    {"wall_ms": 1764554719041, "mono_ms": 72896818, "trying": "/dev/ttyUSB1"}        where it may get stuck

Where one child observes for several watchers, `of` names the one that a line is for.

A module that is to be such a child offers an `Observer` and hands its maker to `serve`:

    def main() -> None:
        serve(lambda port, line, task: MeterObserver(port, line, **task))

| member      | what it does                                                                                        |
|-------------|-----------------------------------------------------------------------------------------------------|
| poll_s      | seconds from one poll to the next; 0 when `poll` itself waits for what comes (for 1 s at most)      |
| recognise() | returns when the right thing answers here, else NoReading; only asked where there is a choice       |
| poll()      | looks once and calls `say`, with nothing but the time when nothing is new: it is alive; NoReading   |

Whatever the port raises (PORT_ERRORS) goes through; the loop closes the port, says so, and opens it again.
"""

import errno
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

from agent.watchers.serial_candidates import Search, Where, present_ports, why_none

if TYPE_CHECKING:
    import serial

try:
    from termios import error as TerminalError  # noqa: N812
except ImportError:  # Windows
    TerminalError = OSError  # type: ignore[misc,assignment]

SLICE_S = 0.05
"""How long one read of the port may block."""

WRITE_TIMEOUT_S = 1.0
REOPEN_S = 1.0
NEXT_CANDIDATE_S = 0.1
LOST_POLLS = 5
"""After so many polls without a reading, the port is closed and looked for again, where that can help."""

REST_S = 4.0
"""A meter that is lost among others is asked less often: the others wait for its time-outs."""

PSEUDO_TERMINALS = "/dev/pts/"

PORT_ERRORS = (OSError, ValueError, TerminalError)
"""What pyserial raises for a port that fails: SerialException is an OSError, wrong settings are ValueErrors."""


class LineSettings(NamedTuple):
    """How bytes travel; what a card reader or a meter needs to be understood."""

    baudrate: int = 9600
    parity: str = "N"
    stopbits: int = 1
    bytesize: int = 8


class NoReading(Exception):
    """A poll without a reading. `word` is for programs; the text says what was found, expected, and the remedy."""

    def __init__(self, word: str, reason: str) -> None:
        super().__init__(reason)
        self.word = word


class Port(Protocol):
    """What is used of serial.Serial, opened with a time-out of SLICE_S."""

    @property
    def in_waiting(self) -> int: ...

    def read(self, size: int, /) -> bytes: ...

    def write(self, raw: bytes, /) -> int | None: ...

    def reset_input_buffer(self) -> None: ...


class Observer(Protocol):
    """What a kind of watcher does at its open port; see the table above."""

    @property
    def poll_s(self) -> float: ...

    def recognise(self) -> None: ...

    def poll(self) -> None: ...


Task = dict[str, Any]
"""What the watcher's half tells its child beside the port, as JSON: tuples arrive as lists."""

MakeObserver = Callable[["serial.Serial", LineSettings, Task], Observer]
"""Takes the open port, how it was opened, and the task."""


def serve(make: MakeObserver) -> NoReturn:
    """Observe until standard input closes. What to do stands on the command line, as `argument` wrote it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the watcher ends this process
    threading.Thread(target=_end_with_watcher, daemon=True).start()
    (names, *narrowed), line, tasks = json.loads(sys.argv[1])
    where = Where(tuple(names), *narrowed)
    search = Search(where)
    while True:
        names = present_ports(where)
        if names:
            _visit(search.choose(names), make, where=where, line=LineSettings(*line), tasks=tasks, search=search)
        else:
            say(error="port", reason=why_none(where))
        time.sleep(REOPEN_S if where.only or not names else NEXT_CANDIDATE_S)


def argument(where: Where, line: LineSettings, tasks: dict[str, Task]) -> str:
    """Return the command line of a child, with the task of each watcher that it observes for, by name.

    It is readable by all users of the machine: no secrets in a task.
    """
    return json.dumps((where, line, tasks))


def _visit(
    name: str, make: MakeObserver, *, where: Where, line: LineSettings, tasks: dict[str, Task], search: Search
) -> None:
    """Observe at one port for as long as the right thing answers there, and say why it ended."""
    if not where.only:
        say(trying=name)
    found = False
    try:
        with open_port(name, line) as port:
            turns = [_Turn(watcher, make(port, line, task)) for watcher, task in tasks.items()]
            if not where.only:
                turns[0].observer.recognise()  # who may choose shares with nobody
            search.found(name)
            found = True
            say(port=name)
            _observe(turns, patient=name == where.only and "://" not in name)
    except NoReading as none:
        search.failed(name, f"{name}: {none}")
    except PORT_ERRORS as error:
        reason = why_port_failed(error, name)
        search.failed(name, reason)
        if found or where.only:
            say(error="port", reason=reason)
            return
    if not where.only and (summary := search.summary(present_ports(where))):
        say(error="nowhere", reason=summary)


class _Turn:
    """When a watcher's observer polls next."""

    def __init__(self, watcher: str, observer: Observer) -> None:
        self.observer = observer
        self.failed = 0
        self.due_s = time.monotonic()
        self._watcher = watcher

    def poll(self, *, alone: bool) -> NoReading | None:
        """Poll, and say it when there is no reading."""
        lost = None
        with _speaking_for("" if alone else self._watcher):
            try:
                self.observer.poll()
                self.failed = 0
            except NoReading as none:
                say(error=none.word, reason=str(none))
                self.failed, lost = self.failed + 1, none
        pause_s = self.observer.poll_s
        if not alone and self.failed >= LOST_POLLS:
            pause_s = max(pause_s, REST_S)
        self.due_s = max(self.due_s + pause_s, time.monotonic())
        return lost


def _observe(turns: list[_Turn], *, patient: bool) -> None:
    """Poll for ever, or until all had LOST_POLLS in a row without a reading and closing the port may help.

    `patient`: it would not.
    """
    while True:
        turn = min(turns, key=lambda turn: turn.due_s)
        time.sleep(max(0.0, turn.due_s - time.monotonic()))
        lost = turn.poll(alone=len(turns) == 1)
        if lost and not patient and all(turn.failed >= LOST_POLLS for turn in turns):
            raise lost


def open_port(name: str, line: LineSettings) -> "serial.Serial":
    """Open a port by name or URL, for this process alone and always with time-outs; PORT_ERRORS."""
    import serial

    if os.path.realpath(name).startswith(PSEUDO_TERMINALS):
        line = line._replace(parity="N")  # it has none, and to ask for nothing else is an invalid argument there
    # pyserial's RFC 2217 refuses a time-out for writing; the socket under it has one of 5 s.
    write_timeout_s = None if name.startswith("rfc2217:") else WRITE_TIMEOUT_S
    return serial.serial_for_url(name, **line._asdict(), timeout=SLICE_S, write_timeout=write_timeout_s, exclusive=True)


def prove_alive(port: "serial.Serial") -> None:
    """Make a device server answer, for one whose link is cut looks like one that has nothing to say; PORT_ERRORS.

    Only RFC 2217 has a question that changes nothing: RTS is set to what it is. A port of this machine fails by itself.
    """
    if str(port.port).startswith("rfc2217:"):
        port.rts = port.rts


def now() -> tuple[int, int]:
    """Return UTC and monotonic milliseconds: the clocks of agent.clock, whose imports a child does without."""
    return time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000


_of = ""


@contextmanager
def _speaking_for(watcher: str) -> Iterator[None]:
    """Let what is said be for this watcher alone, unless it is empty."""
    global _of
    _of = watcher
    try:
        yield
    finally:
        _of = ""


def say(at: tuple[int, int] | None = None, **members: str | int | None) -> None:
    """Print one JSON line; end the process when nobody reads it."""
    wall_ms, mono_ms = at or now()
    heading = {"wall_ms": wall_ms, "mono_ms": mono_ms} | ({"of": _of} if _of else {})
    line = json.dumps({**heading, **members})
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(0)


def why_port_failed(error: BaseException, port: str) -> str:
    """Return what happened to the port, and the remedy."""
    text = str(error.args[-1]) if isinstance(error, TerminalError) and error.args else str(error)
    match getattr(error, "errno", None) or _windows_errno(text):
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return f"there is no port {port}: plug the adapter in, or correct `port`"
        case errno.EACCES | errno.EPERM:
            return f"no permission to open {port}: add the agent's user to the group that owns it (often dialout)"
        case errno.EAGAIN | errno.EBUSY:
            return f"{port} is in use by another program: end it, or give the watcher a port of its own"
    if "://" in port:
        return f"{port} failed ({text}): is the device server reachable, and is nobody else at its port?"
    if isinstance(error, ValueError):
        return f"{port} does not take these settings ({text}): check baudrate, parity and stopbits"
    return f"{port} failed ({text}): was the adapter unplugged?"


def _windows_errno(text: str) -> int | None:
    # There pyserial keeps the cause in the text alone, and a port that another program has open is access denied.
    if "FileNotFoundError" in text:
        return errno.ENOENT
    return errno.EBUSY if "PermissionError" in text else None


def _end_with_watcher() -> None:
    sys.stdin.buffer.read()
    os._exit(0)
