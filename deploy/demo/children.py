"""The demo's child processes: started, watched, started again when somebody kills one, and stopped in order.

A child gets a session of its own, so that Ctrl-C reaches only the demo, and dies with it (Linux), so that even a
demo killed with -9 leaves nothing behind. What a child prints goes to its log.
"""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from collector.embedded.children import die_with_parent
from deploy.demo.places import DemoError

STOP_S = 25.0
"""How long a child may take to stop: an agent waits for its last receipts, the collector for its database."""


@dataclass(slots=True)
class Child:
    """One process of the demo and what it takes to start it again."""

    name: str
    command: list[str]
    log: Path
    restarted: bool = True
    """Whether it is started again when it dies; a simulator is not, because its truth would be gone."""
    restarts: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def revive(self) -> bool:
        """Starts it again if it has died; True if it had. DemoError for one that cannot be started again."""
        if self.process is None or self.process.poll() is None:
            return False
        if not self.restarted:
            raise DemoError(
                f"{self.name} ended with status {self.process.returncode}; its last lines:\n{self.tail()}"
            )
        self.restarts += 1
        self.start()
        return True

    def stop(self) -> None:
        """Asks it to stop and waits; kills it when it does not, which is an error of the demo."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise DemoError(
                f"{self.name} did not stop within {STOP_S:.0f} s; its last lines:\n{self.tail()}"
            ) from None

    def tail(self, lines: int = 12) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (it printed nothing)"


def wait_until(ready: Callable[[], bool], *, within_s: float, what: str, child: Child) -> None:
    """Polls `ready()` until it is true; DemoError when the child dies first or the time is over."""
    deadline = time.monotonic() + within_s
    while not ready():
        if child.process is not None and child.process.poll() is not None:
            raise DemoError(
                f"{what}: {child.name} ended with status {child.process.returncode}:\n{child.tail()}"
            )
        if time.monotonic() > deadline:
            raise DemoError(f"{what}: not within {within_s:.0f} s; {child.name} says:\n{child.tail()}")
        time.sleep(0.1)
