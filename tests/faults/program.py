"""A process of the world: started, asked to end, killed, stopped in its tracks.

Every program is started from this checkout (or from the copy that a proof runs in), whatever is installed. One that
ends without having been asked is remembered: that is a violation, however well the rest went.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import Popen

from collector.embedded.children import start_child, stop_child

ROOT = Path(__file__).resolve().parents[2]
STOP_S = 30.0


class Program:
    """One program, which may be started again and again; its output goes to one log."""

    def __init__(
        self, name: str, words: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self.falls: list[str] = []
        self._words = list(words)
        self.environment = dict(environment or {})
        self.extra: tuple[str, ...] = ()  # more words, from the next start on
        self._process: Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, unless it runs."""
        self.look()
        if self.is_running:
            return
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment}
        with self.log.open("ab") as log:
            self._process = start_child(
                [sys.executable, "-m", *self._words, *self.extra], env=environment, output=log, cwd=self.log.parent
            )

    def stop(self, *, within_s: float = STOP_S) -> None:
        """Ask it to end and wait; one that has to be killed has fallen."""
        self.look()
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        code = stop_child(process, timeout_s=within_s)
        if code not in (0, -signal.SIGTERM):  # uvicorn ends in order, and then by the signal
            self.falls.append(f"{self.name} ended with status {code} when it was asked to stop")

    def kill(self) -> None:
        """kill -9."""
        self.look()
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def pause(self) -> None:
        """SIGSTOP: it is there, and does nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def end_expected(self, *, within_s: float = STOP_S) -> int:
        """Wait for it to end by itself, which is no fall; the exit status."""
        assert self._process is not None, f"{self.name} was not started"
        process, self._process = self._process, None
        return process.wait(within_s)

    def look(self) -> None:
        """Notice that it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            self.falls.append(f"{self.name} ended by itself with status {self._process.returncode}:\n{self.tail()}")
            self._process = None

    def tail(self, lines: int = 8) -> str:
        """The end of its log."""
        said = self.log.read_text("utf-8", errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"    {line}" for line in said[-lines:])
