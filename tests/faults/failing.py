"""Syncs that fail in a running program: strace says so in the kernel's place, for every n-th of them. Linux."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def why_not() -> str | None:
    """Why no sync can be made to fail here; None where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "tracing another program needs root on Linux"
    return None if shutil.which("strace") else "strace is not installed (apt-get install strace)"


class Syncs:
    """What strace has written: each sync, with the file's path."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def failed(self) -> list[str]:
        """Names of the segments whose sync was made to fail, in order."""
        return [name for name, failed in self._seen() if failed]

    def repeated(self) -> list[str]:
        """Names of those that were synced again afterwards."""
        seen = self._seen()
        return [name for at, (name, failed) in enumerate(seen) if failed and name in dict(seen[at + 1 :])]

    def _seen(self) -> list[tuple[str, bool]]:
        lines = self._trace.read_text("utf-8", errors="replace") if self._trace.exists() else ""
        return [(Path(path).name, "(INJECTED)" in rest) for path, rest in _SYNC.findall(lines)]


@contextmanager
def failing_syncs(pid: int, *, every: int, trace: Path) -> Iterator[Syncs]:
    """From now on every n-th fdatasync of this process and its threads fails with EIO, until the end of the block."""
    inject = f"inject=fdatasync:error=EIO:when={every}+{every}"
    command = ["strace", "-f", "-y", "-qq", "-p", str(pid), "-e", "trace=fdatasync", "-e", inject, "-o", str(trace)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        yield Syncs(trace)
    finally:
        tracer.terminate()
        tracer.communicate()


_SYNC = re.compile(r"fdatasync\([0-9]+<([^>]*\.log)>(.*)")
