"""The demo's child processes: started, watched, started again when somebody kills one, and stopped in order.

Starting and stopping are the collector's own (a session of its own, death with the parent); what is the demo's is the
log per child, the restart and the error that shows the log's last lines.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from collector.embedded.children import start_child, stop_child
from deploy.demo.places import DemoError

STOP_S = 30.0
"""How long a child may take to stop: an agent waits for its last receipts, the collector for its database."""


@dataclass(slots=True)
class Child:
    """One process of the demo and what it takes to start it again."""

    name: str
    command: list[str]
    log: Path
    restarted: bool = True
    """Whether it is started again when it dies; a simulator is not, because its truth would be gone."""
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    restarts: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = start_child(
                self.command,
                output=log,
                death_signal=signal.SIGTERM,
                stdin=subprocess.PIPE,
                env={**os.environ, **self.environment},
            )

    def tell(self, line: str) -> None:
        """Writes a line to its standard input, if it is still there."""
        if self.process is not None and self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.write(f"{line}\n".encode())
                self.process.stdin.flush()

    def finish(self, *, within_s: float) -> None:
        """Waits for it to end by itself; DemoError when it fails or takes longer."""
        assert self.process is not None
        try:
            failed = self.process.wait(within_s) != 0
        except subprocess.TimeoutExpired:
            self.stop()
            failed = True
        if failed:
            raise DemoError(f"{self.name} failed; its last lines:\n{self.tail()}")

    def revive(self) -> bool:
        """Starts it again if it has died; True if it had. DemoError for one that cannot be started again."""
        if self.process is None or self.process.poll() is None:
            return False
        if not self.restarted:
            raise DemoError(f"{self._ended()}; its last lines:\n{self.tail()}")
        self.restarts += 1
        self.start()
        return True

    def stop(self) -> None:
        """Asks it to stop and waits; DemoError when it had to be killed or says that it failed."""
        if self.process is None:
            return
        began = time.monotonic()
        status = stop_child(self.process, timeout_s=STOP_S)
        self.process = None
        if status == -signal.SIGKILL and time.monotonic() - began >= STOP_S:
            raise DemoError(f"{self.name} did not stop within {STOP_S:.0f} s; its last lines:\n{self.tail()}")

    def await_ready(self, ready: Callable[[], bool], *, within_s: float) -> None:
        """Polls `ready()` until it is true; DemoError when the child ends first or the time is over."""
        deadline = time.monotonic() + within_s
        while not ready():
            if self.process is not None and self.process.poll() is not None:
                raise DemoError(f"{self._ended()}; its last lines:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise DemoError(f"{self.name} was not ready within {within_s:.0f} s; its last lines:\n{self.tail()}")
            time.sleep(0.1)

    def tail(self, lines: int = 12) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (it printed nothing)"

    def _ended(self) -> str:
        return f"{self.name} ended with status {self.process.returncode if self.process else '?'}"
