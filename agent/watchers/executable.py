"""Which program a process really is: the SHA-256 of its executable's file, told once for each file that is run.

A program can be put under any name; its bytes stay what they are. The file is read by a thread in the background,
without haste and only to a limit, and not again while it is the same file, so that a look at the processes never
waits for a disk.
"""

import hashlib
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

DIGEST_HEX = 16
READ_BYTES = 512 * 2**20
"""Of a larger file only so much counts; an executable of this size is none."""

CHUNK_BYTES = 256 * 2**10
PAUSE_S = 1 / 64  # 16 MiB/s: a few percent of a core, for some seconds, once
UNREADABLE = "-"


class Told(NamedTuple):
    """The first 16 hex digits of the digest of what runs under a path; `-` where it may not be read."""

    path: str
    digest: str


class _Asked(NamedTuple):
    pid: int
    path: str


class Executables:
    """Finds digests in the background. `ask` and `answers` belong to one thread."""

    def __init__(self, pause_s: float = PAUSE_S) -> None:
        self._pause_s = pause_s
        self._asked: SimpleQueue[_Asked] = SimpleQueue()
        self._found: SimpleQueue[Told] = SimpleQueue()
        self._told: dict[str, str] = {}
        self._worker: threading.Thread | None = None

    def ask(self, pid: int, path: str) -> None:
        """Let the digest of this process's executable be found."""
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name="executables", daemon=True)
            self._worker.start()
        self._asked.put(_Asked(pid, path))

    def answers(self) -> list[Told]:
        """Return what was found since the last call and is not as it was told before."""
        news: list[Told] = []
        while True:
            try:
                told = self._found.get_nowait()
            except Empty:
                return news
            if self._told.get(told.path) != told.digest:
                self._told[told.path] = told.digest
                news.append(told)

    def _work(self) -> None:
        known: dict[tuple[int, ...], str] = {}
        while True:
            asked = self._asked.get()
            self._found.put(Told(asked.path, self._digest_of(asked, known)))

    def _digest_of(self, asked: _Asked, known: dict[tuple[int, ...], str]) -> str:
        for file in _files_of(asked):
            try:
                found = file.stat()
                version = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
                if version not in known:
                    known[version] = digest(file, self._pause_s)
                return known[version]
            except OSError:
                continue
        return UNREADABLE


def digest(file: Path, pause_s: float) -> str:
    """Return the first 16 hex digits of the SHA-256 of a file, resting after each chunk; OSError."""
    sha256, left = hashlib.sha256(), READ_BYTES
    with file.open("rb", buffering=0) as opened:
        while left > 0 and (chunk := opened.read(min(CHUNK_BYTES, left))):
            sha256.update(chunk)
            left -= len(chunk)
            time.sleep(pause_s)
    return sha256.hexdigest()[:DIGEST_HEX]


def _files_of(asked: _Asked) -> list[Path]:
    """Return where the executable can be read, the surest first: Linux keeps even one that was replaced since."""
    path, running = Path(asked.path), Path(f"/proc/{asked.pid}/exe")
    by_path = [path] if path.is_absolute() else []
    return [running, *by_path] if _leads_to(running, asked.path) else by_path


def _leads_to(link: Path, path: str) -> bool:
    """Whether the process is still the one that was asked for: its number may be another's by now."""
    try:
        return str(link.readlink()) in (path, f"{path} (deleted)")
    except OSError:
        return False
