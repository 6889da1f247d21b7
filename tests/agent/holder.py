"""Another program that has a port open, as a terminal program has."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PROGRAM = """\
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
if "locked" in sys.argv:
    import fcntl
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def hold(port: str, *, locked: bool = False) -> Iterator[int]:
    """Keep a port open in another process; yields its process id."""
    words = [sys.executable, "-c", _PROGRAM, port, *(["locked"] if locked else [])]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        yield process.pid
        process.communicate()
