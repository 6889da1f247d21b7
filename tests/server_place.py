"""Where the database server of some tests keeps its files: in memory, where there is room for it.

Most tests begin with a copy of a migrated database, which is several hundred files; on a disk that takes longer than
the test itself, and nothing in it is to outlive the tests. `/dev/shm` is memory on every Linux; a container may have
hardly any of it, so that the place is /tmp there. What a killed run left is removed by a later one, because nobody
else gives the memory back.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEMORY, DISK = Path("/dev/shm"), Path("/tmp")
_PREFIX = "jishi-pg-"
_ENOUGH_BYTES = 2_000_000_000  # four servers side by side, each with its log ahead and some databases
_FORGOTTEN_AFTER_S = 600.0  # much longer than it takes to lock what was made


@contextmanager
def server_place(memory: Path = MEMORY, disk: Path = DISK) -> Iterator[Path]:
    """A directory of its own that every user may enter, for as long as it is needed; its path is short."""
    path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=memory if _has_room(memory) else disk))
    path.chmod(0o755)
    held = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        remove_forgotten(memory)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(held)


def remove_forgotten(memory: Path) -> None:
    """Remove the places there that nobody holds any more."""
    for path in memory.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another run may remove it at the same time
            _remove_unless_held(path)


def _remove_unless_held(path: Path) -> None:
    if path.stat().st_mtime > time.time() - _FORGOTTEN_AFTER_S:
        return
    tried = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(tried, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(tried)


def _has_room(memory: Path) -> bool:
    try:
        return shutil.disk_usage(memory).free > _ENOUGH_BYTES
    except OSError:
        return False
