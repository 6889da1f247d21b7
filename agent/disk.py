"""What the journal asks of the operating system: whole writes, syncs that are meant, durable names, one writer.

Everything that must survive a power cut goes through one `Disk`, so that a test can hand in one that fails, tears
or counts. A call that returns has done what its name says; one that cannot raises OSError.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from agent.errors import JournalLocked

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Error numbers that say the disk (or the quota) is full, as opposed to broken."""

UNFINISHED = ".new"
"""Suffix of a file that is not whole yet; whoever finds one after a crash may remove it."""

_BINARY = getattr(os, "O_BINARY", 0)
_WINDOWS_LOCK_OFFSET = 1 << 30  # far behind the text, so that others can still read who holds the lock


class Disk:
    """The disk of this machine."""

    def write(self, fd: int, octets: bytes) -> None:
        """Write all of it; the system may take less than it is given at a time."""
        rest = memoryview(octets)
        while rest:
            rest = rest[os.write(fd, rest) :]

    def sync(self, fd: int) -> None:
        """Return when the file's bytes and its length are on the medium."""
        if sys.platform == "linux":
            os.fdatasync(fd)
        else:
            os.fsync(fd)

    def sync_directory(self, directory: Path) -> None:
        """Return when names made or removed in the directory are on the medium."""
        if sys.platform == "win32":
            return  # there is no such call; NTFS journals names by itself
        fd = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def create(self, path: Path, octets: bytes) -> None:
        """Make a file with this content, durable in content and name.

        The name appears only when the content is on the medium, so no crash leaves a half-made file under it.
        """
        unfinished = path.with_name(path.name + UNFINISHED)
        fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _BINARY, 0o640)
        try:
            try:
                self.write(fd, octets)
                self.sync(fd)
            finally:
                os.close(fd)
            self.rename(unfinished, path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        self.sync_directory(path.parent)

    def open_for_append(self, path: Path) -> int:
        """A descriptor whose writes go to the end of the file."""
        return os.open(path, os.O_RDWR | os.O_APPEND | _BINARY)

    def rename(self, old: Path, new: Path) -> None:
        """Give the file its new name, in place of whatever has it."""
        old.replace(new)

    def remove(self, path: Path) -> None:
        """Remove the name; nothing happens where there is none."""
        path.unlink(missing_ok=True)


class DeferredDisk(Disk):
    """A disk for a directory that counts for nothing until `settle`: one sync of all in place of one for each entry."""

    def sync(self, fd: int) -> None:
        pass

    def settle(self, directory: Path) -> None:
        """Return when all files in the directory, and their names, are on the medium."""
        for path in directory.iterdir():
            fd = os.open(path, os.O_RDWR | _BINARY)
            try:
                super().sync(fd)
            finally:
                os.close(fd)
        self.sync_directory(directory)


class WriterLock:
    """The right to write one directory: the kernel's lock on an open file, gone with the process that holds it.

    Children do not get it: Python's descriptors are not inheritable, and flock belongs to the open file.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / "lock"
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(self._fd)
        except OSError as refusal:
            holder = _read_holder(self._fd)
            os.close(self._fd)
            raise JournalLocked(
                f"{directory} is being written by another agent{f' (process {holder})' if holder else ''}; "
                "stop that one first, or give this one a state_dir of its own"
            ) from refusal
        os.ftruncate(self._fd, 0)
        os.write(self._fd, f"{os.getpid()}\n".encode("ascii"))

    def release(self) -> None:
        """Let others write. The file stays: removing it could let two in."""
        os.close(self._fd)


def lock_holder(directory: Path) -> str | None:
    """Process id of the writer of a directory, empty where it cannot be told; None where nobody has its lock.

    Nothing is made or changed. OSError where there is no lock file, or it may not be read.
    """
    fd = os.open(directory / "lock", os.O_RDONLY)
    try:
        _lock(fd)
    except OSError:
        return _read_holder(fd)
    finally:
        os.close(fd)
    return None


def _read_holder(fd: int) -> str:
    return os.pread(fd, 32, 0).decode("ascii", "replace").strip() if hasattr(os, "pread") else ""


if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int) -> None:
        os.lseek(fd, _WINDOWS_LOCK_OFFSET, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        os.lseek(fd, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
