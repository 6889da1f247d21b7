"""Disks that misbehave: they fail on demand, take less than they are given, or forget what was not synced."""

import errno
import os
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from agent.disk import Disk


class FaultyDisk(Disk):
    """A real disk whose writes and syncs can be made to fail.

    `fail(operation, number)` is asked before each write and sync (numbered from 1, each kind apart) and returns an
    errno or 0. `log` lists what was done.
    """

    def __init__(self, fail: Callable[[str, int], int] = lambda operation, number: 0) -> None:
        self.fail = fail
        self.log: list[str] = []

    def write(self, fd: int, octets: bytes) -> None:
        self._note("write")
        super().write(fd, octets)

    def sync(self, fd: int) -> None:
        self._note("sync")
        super().sync(fd)

    def sync_directory(self, directory: Path) -> None:
        self._note("sync_directory")
        super().sync_directory(directory)

    def _note(self, operation: str) -> None:
        self.log.append(operation)
        if code := self.fail(operation, self.log.count(operation)):
            raise OSError(code, os.strerror(code))


class FullDisk(Disk):
    """A disk with `room` bytes for new content; what is removed gives its bytes back, writing in place costs none."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, fd: int, octets: bytes) -> None:
        grows = max(0, os.lseek(fd, 0, os.SEEK_CUR) + len(octets) - os.fstat(fd).st_size)
        if _appends(fd):
            grows = len(octets)
        taken = min(grows, self.room)
        self.room -= taken
        if taken < grows:
            super().write(fd, octets[: len(octets) - grows + taken])  # a short write first, as a real one does
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(fd, octets)

    def remove(self, path: Path) -> None:
        self.room += path.stat().st_size if path.exists() else 0
        super().remove(path)

    def create(self, path: Path, octets: bytes) -> None:
        before = self.room
        try:
            super().create(path, octets)
        except OSError:
            self.room = before
            raise


class ForgetfulDisk(Disk):
    """A disk that can show what a power cut would leave: only synced content under synced names (Linux)."""

    def __init__(self, directory: Path) -> None:
        self.before_write: Callable[[], None] = lambda: None
        self._directory = directory
        self._contents: dict[int, bytes] = {}
        self._names: dict[Path, dict[str, int]] = {}

    def write(self, fd: int, octets: bytes) -> None:
        self.before_write()
        super().write(fd, octets)

    def sync(self, fd: int) -> None:
        super().sync(fd)
        self._contents[os.fstat(fd).st_ino] = Path(f"/proc/self/fd/{fd}").read_bytes()

    def sync_directory(self, directory: Path) -> None:
        super().sync_directory(directory)
        self._names[directory] = {path.name: path.stat().st_ino for path in directory.iterdir() if path.is_file()}

    def after_power_cut(self, target: Path) -> Path:
        """Write the journal's directory as it would be found after a cut at this moment."""
        for directory, names in self._names.items():
            if directory != self._directory and self._directory not in directory.parents:
                continue
            place = target / directory.relative_to(self._directory)
            place.mkdir(parents=True, exist_ok=True)
            for name, inode in names.items():
                (place / name).write_bytes(self._contents.get(inode, b""))
        return target


class ShortDisk(Disk):
    """A system that takes at most three bytes at a time."""

    def write(self, fd: int, octets: bytes) -> None:
        real = os.write
        try:
            os.write = lambda fd, rest: real(fd, rest[:3])  # type: ignore[assignment]
            super().write(fd, octets)
        finally:
            os.write = real


class StoppingDisk(Disk):
    """A disk that calls `stop` before its step number `stop_before`: a write, a sync, or a new name.

    Files whose names match `careless` are never synced: a careless program, to see whether anybody notices (Linux).
    """

    def __init__(self, stop_before: int, stop: Callable[[], None], *, careless: str = "") -> None:
        self.steps = 0
        self._stop_before = stop_before
        self._stop = stop
        self._careless = careless

    def write(self, fd: int, octets: bytes) -> None:
        self._step()
        super().write(fd, octets)

    def sync(self, fd: int) -> None:
        self._step()
        if not fnmatch(Path(f"/proc/self/fd/{fd}").readlink().name, self._careless):
            super().sync(fd)

    def sync_directory(self, directory: Path) -> None:
        self._step()
        super().sync_directory(directory)

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        super().rename(old, new)

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self._stop_before:
            self._stop()


def _appends(fd: int) -> bool:
    import fcntl

    return bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND)
