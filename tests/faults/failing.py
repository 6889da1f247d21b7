"""Syncs that fail in a running program: strace says so in the kernel's place, for every n-th of them. Linux."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def why_not() -> str | None:
    """Why no sync can be made to fail here; None where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "tracing another program needs root on Linux"
    return None if shutil.which("strace") else "strace is not installed (apt-get install strace)"


@contextmanager
def failing_syncs(pid: int, *, every: int) -> Iterator[None]:
    """From now on every n-th fdatasync of this process and its threads fails with EIO, until the end of the block."""
    inject = f"inject=fdatasync:error=EIO:when={every}+{every}"
    command = ["strace", "-f", "-qq", "-p", str(pid), "-e", "trace=fdatasync", "-e", inject, "-o", os.devnull]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        yield
    finally:
        tracer.terminate()
        tracer.communicate()
