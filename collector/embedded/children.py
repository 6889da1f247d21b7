"""Child processes that cannot outlive us, and when to start them again.

`start_child` starts a program in a session of its own (Ctrl-C reaches only the supervisor, which then stops
everybody in order) and asks the kernel to signal it when the starter dies (Linux: PR_SET_PDEATHSIG), so that
kill -9 of the supervisor leaves nothing behind. The kernel watches the *thread* that started the child:
start children from a thread that lives as long as they should.

`Restart` is the retry policy as a value that is told the time; the loop that sleeps is in up.py.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

_PR_SET_PDEATHSIG = 1
STOP_TIMEOUT_S = 15.0


class ServerUser(NamedTuple):
    """The ordinary user as whom a server runs that refuses to run as root."""

    name: str
    uid: int
    gid: int


def server_user() -> ServerUser | None:
    """`nobody` when we are root, else None: the server runs as ourselves."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def start_child(
    argv: Sequence[str],
    *,
    user: ServerUser | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] | None = subprocess.DEVNULL,
    output: IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Starts `argv`; stdout and stderr go to `output`, or where ours go.

    `death_signal` is what the child gets when this thread's process dies. Raises OSError when the program
    cannot be started.
    """
    return subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=stdin,
        stdout=output,
        stderr=output,
        start_new_session=True,
        user=None if user is None else user.uid,
        group=None if user is None else user.gid,
        extra_groups=None if user is None else [],
        # Runs after the change of user, which would clear the parent-death signal.
        preexec_fn=_die_with_parent(death_signal),  # noqa: PLW1509 it only makes two system calls
    )


def stop_child(
    process: subprocess.Popen[bytes],
    *,
    with_signal: signal.Signals = signal.SIGTERM,
    timeout_s: float = STOP_TIMEOUT_S,
) -> int:
    """Asks the child to end, kills it after `timeout_s`; returns its exit status. Ending twice is harmless."""
    if process.poll() is None:
        process.send_signal(with_signal)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """What the child does between fork and exec; None where the system has no such thing."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # loaded before the fork: no allocation after it
    parent = os.getpid()
    number = int(death_signal)

    def ask_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl: nobody would signal us any more
            os._exit(1)

    return ask_kernel


class Restart:
    """When a child that died may start again: at once the first time, then 1, 2, 4 … up to 30 seconds.

    A child that lived for a minute has proved itself, and counts from the beginning.
    """

    FIRST_S = 0.2
    LONGEST_S = 30.0
    PROVED_AFTER_S = 60.0

    def __init__(self) -> None:
        self.deaths = 0
        self._delay_s = 0.0
        self._started_s = 0.0

    def started(self, now_s: float) -> None:
        self._started_s = now_s

    def died(self, now_s: float) -> float:
        """Returns the instant (same clock as `now_s`) at which to start it again."""
        self.deaths += 1
        if now_s - self._started_s >= self.PROVED_AFTER_S or self._delay_s == 0.0:
            self._delay_s = self.FIRST_S
        else:
            self._delay_s = min(max(1.0, self._delay_s * 2), self.LONGEST_S)
        return now_s + self._delay_s
