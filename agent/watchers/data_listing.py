"""One look at a directory of data files: all that match, within bounds, or why they cannot be seen.

Everything that a look costs is bounded: entries, depth, time, and what is read of a file (4 KiB, once). Links are not
followed, and nothing but a regular file is ever opened. Runs in the child process of `data_scan`.
"""

import errno
import fnmatch
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agent.watchers.growth import DIGEST_HEX, FileState, Listing

GIVE_UP_POLLS = 1.25
"""With as long a pause after it, a look that takes so many polls still brings a sample in less than three."""

HEAD_BYTES = 4096
BLOCK_BYTES = 512  # the unit of st_blocks, whatever the file system's own is

_PASSED_OVER = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}  # it went, or was replaced, while we looked
_FORBIDDEN = {errno.EACCES, errno.EPERM}


class ScanSettings(NamedTuple):
    """All that the child is told, as one JSON array on its command line."""

    directory: str
    names: list[str]
    depth: int
    max_entries: int
    mount: str | None
    poll_s: float
    quiet_s: float


class Unseen(Exception):
    """The directory cannot be looked at now. `word` names the cause, the text says it with its remedy."""

    def __init__(self, word: str, reason: str) -> None:
        super().__init__(reason)
        self.word = word


def list_files(settings: ScanSettings) -> Listing:
    """Return all files that match; Unseen where not all of them can be seen."""
    if settings.mount is not None and not os.path.ismount(settings.mount):
        raise Unseen("unmounted", "nothing is mounted at `mount`: mount the share, or correct `mount`")
    directory = Path(settings.directory)
    try:
        walk = _Walk(settings, directory.stat().st_dev)
        files = dict(walk.files())
        if directory.stat().st_dev != walk.device:
            raise Unseen("unmounted", "a disk was mounted or unmounted meanwhile: the next look will tell")
    except OSError as error:
        raise _why_unseen(error) from error
    return Listing(walk.device, files, frozenset(walk.unreadable), walk.too_deep, walk.other_disks)


def head_digest(path: Path) -> str:
    """Return the first 16 hex digits of the SHA-256 of a file's first 4 KiB; `-` where it may not be read."""
    try:
        with path.open("rb", buffering=0) as file:
            return hashlib.sha256(file.read(HEAD_BYTES)).hexdigest()[:DIGEST_HEX]
    except OSError:
        return "-"


class _Walk:
    """One walk through the directory, breadth first, never through a link, and never to another disk.

    A share that is mounted below the directory would bring all its files at once whenever it comes.
    """

    def __init__(self, settings: ScanSettings, device: int) -> None:
        self.device = device
        self.unreadable: list[str] = []
        self.too_deep = 0
        self.other_disks = 0
        self._settings = settings
        self._limit_s = GIVE_UP_POLLS * settings.poll_s
        self._give_up_s = time.monotonic() + self._limit_s
        self._entries = 0

    def files(self) -> Iterator[tuple[str, FileState]]:
        """Yield (name under the directory, state); OSError, Unseen."""
        folders = [""]
        for depth in range(self._settings.depth + 1):
            deeper: list[str] = []
            for folder in folders:
                yield from self._look_into(folder, deeper)
            folders = deeper
            if depth == self._settings.depth:
                self.too_deep = len(deeper)

    def _look_into(self, folder: str, deeper: list[str]) -> Iterator[tuple[str, FileState]]:
        try:
            with os.scandir(Path(self._settings.directory, folder)) as entries:
                for entry in entries:
                    self._count()
                    name = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        self._note_folder(name, entry.path, deeper=deeper)
                    elif any(fnmatch.fnmatch(entry.name, wanted) for wanted in self._settings.names):
                        state = _state_of(entry.path)
                        if state is not None:
                            yield name, state
        except OSError as error:
            if not folder or error.errno not in _FORBIDDEN | _PASSED_OVER:
                raise
            if error.errno in _FORBIDDEN:
                self.unreadable.append(folder)

    def _note_folder(self, name: str, path: str, *, deeper: list[str]) -> None:
        found = _stat(path)
        if found is not None and found.st_dev == self.device:
            deeper.append(name)
        elif found is not None:
            self.other_disks += 1

    def _count(self) -> None:
        self._entries += 1
        if self._entries > self._settings.max_entries:
            raise Unseen(
                "too-many",
                f"there are more than {self._settings.max_entries} files and folders: "
                "point `directory` at the part where new data appear, or raise `max_entries`",
            )
        if time.monotonic() > self._give_up_s:
            raise Unseen(
                "slow",
                f"looking at {self._entries} files took more than {self._limit_s:g} s: raise `poll_s`, "
                "or point `directory` at the part where new data appear",
            )


def _state_of(path: str) -> FileState | None:
    """Return a regular file's state; None for anything else, and for what has just gone."""
    found = _stat(path)
    if found is None or not stat.S_ISREG(found.st_mode):
        return None
    blocks = getattr(found, "st_blocks", 0)  # Windows, and some shares, do not tell
    stored = min(found.st_size, blocks * BLOCK_BYTES) if blocks else found.st_size
    return FileState(found.st_size, stored, found.st_mtime_ns, found.st_ino)


def _stat(path: str) -> os.stat_result | None:
    """Return what the system says of it, None when it has just gone; OSError.

    Not the directory entry's own stat: on Windows that is what the directory remembers, which lags behind while a file
    is open for writing, and leaves out the disk.
    """
    try:
        return os.lstat(path)
    except OSError as error:
        if error.errno in _PASSED_OVER:
            return None
        raise


def _why_unseen(error: OSError) -> Unseen:
    # The system's message holds the path, and that may hold a name; only its words are passed on.
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return Unseen("missing", "the directory is not there: mount its share, or correct `directory`")
        case errno.EACCES | errno.EPERM:
            return Unseen("forbidden", "the agent's user may not read the directory: grant it the right to list it")
    return Unseen("failed", f"the directory cannot be read ({error.strerror}): is its disk or file server all right?")
