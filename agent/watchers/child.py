"""A child process that says what it sees in lines: the watcher's half of a port that may hang.

The child ends when its standard input closes, so it never outlives the agent, however that ends. The other way round,
`end` closes, waits a moment and kills: what a driver holds for ever costs one child and never the agent.
"""

import contextlib
import subprocess
import sys
import threading
import time
from queue import Empty, SimpleQueue
from typing import IO

LOOK_S = 0.5
"""How often `next_line` looks whether it should stop; a pipe cannot be waited for together with an event on Windows."""

END_PATIENCE_S = 0.5


def command(module: str, argument: str) -> list[str]:
    """Return the command line of a child. A program that PyInstaller built is its own interpreter (commands/child)."""
    how = ["child"] if getattr(sys, "frozen", False) else ["-m"]
    return [sys.executable, *how, module, argument]


class ChildLost(Exception):
    """The child ended or fell silent; its text says which."""


class Child:
    """One running child. Its lines are read by a thread, because a pipe cannot be read with a time-out everywhere."""

    def __init__(self, module: str, argument: str) -> None:
        # On Windows a group of its own: Ctrl-C and Ctrl-Break are for the agent, which ends its children in order.
        group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        self._process = subprocess.Popen(
            command(module, argument), stdin=subprocess.PIPE, stdout=subprocess.PIPE, creationflags=group
        )
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        assert self._process.stdout is not None
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def next_line(self, silence_s: float, stop: threading.Event) -> bytes | None:
        """Return the next line, or None when `stop` is set; ChildLost when none comes for `silence_s`."""
        end_s = time.monotonic() + silence_s
        while not stop.is_set():
            try:
                line = self._lines.get(timeout=min(LOOK_S, max(0.0, end_s - time.monotonic())))
            except Empty:
                if time.monotonic() >= end_s:
                    raise ChildLost(f"its process said nothing for {silence_s:g} s and was ended") from None
                continue
            if line is None:
                raise ChildLost(f"its process ended with exit code {self._process.wait(END_PATIENCE_S)}")
            return line
        return None

    def is_running(self) -> bool:
        """Whether it is still there; after `end` that is one which the system does not let go."""
        return self._process.poll() is None

    def end(self) -> None:
        """Let the child end, or kill it. A child that not even that ends (stuck in a driver) is left behind."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(END_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_PATIENCE_S)

    def _read(self, stdout: IO[bytes]) -> None:
        with stdout:
            for line in stdout:
                self._lines.put(line)
        self._lines.put(None)
