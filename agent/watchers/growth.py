"""What became of a directory's files between two looks: bytes grown, and files that came, ended or went. Pure.

    a file's name       its size and time            growth          told as
    goes on             larger                       the difference
    goes on             smaller                      0               shrunk
    goes on             those of another file        0               moved   (renamed, as a rotated log is)
    goes on             other ones, another number   its whole size  replaced (written anew, then renamed)
    is new              those of a file that went    0               moved
    is new              its own                      its whole size  new

`done` is told when a file that came or grew has not been touched for a while, `gone` when it goes before that. What
the first look finds was there before; so was what another file system brings along, and what lies in a folder that
could not be read the last time. No clock is asked: that a file was touched is told by its modification time being
another one, so a wrong clock, here or on the file server, changes nothing.

Names may hold personal data: `name_digest` is what is told of them.
"""

import hashlib
import os
from collections.abc import Iterator
from typing import Literal, NamedTuple

DIGEST_HEX = 16


class FileState(NamedTuple):
    """One file at one look. `stored`: bytes that the disk holds of it, fewer than `size` where it has holes."""

    size: int
    stored: int
    mtime_ns: int
    number: int  # in its file system; some network shares give another one each time

    @property
    def content(self) -> tuple[int, int]:
        """The same as long as nobody wrote to the file, also under another name."""
        return self.size, self.mtime_ns


class Listing(NamedTuple):
    """All files that matched at one look, by name under the directory, and what could not be looked into."""

    device: int
    files: dict[str, FileState]
    unreadable: frozenset[str] = frozenset()
    too_deep: int = 0
    other_disks: int = 0


class Happening(NamedTuple):
    """What became of one file. `size` in bytes, the last one known; `other`: the name that it had before."""

    word: Literal["new", "replaced", "shrunk", "moved", "done", "gone"]
    name: str
    size: int
    other: str = ""


class Growth(NamedTuple):
    """What one look saw: bytes grown over all files, and what else happened, in the order of names."""

    grown: int
    happenings: tuple[Happening, ...]


NOTHING = Growth(0, ())


class _Change(NamedTuple):
    name: str
    grown: int
    happening: Happening | None

    @property
    def moved_from(self) -> str:
        return self.happening.other if self.happening is not None else ""


class Follower:
    """Compares each listing with the one before. `quiet_ms`: a file that nobody has touched for this long is done."""

    def __init__(self, quiet_ms: int) -> None:
        self._quiet_ms = quiet_ms
        self._before: Listing | None = None
        self._active: dict[str, int] = {}  # monotonic time at which each unfinished file was last seen to be touched

    @property
    def active(self) -> int:
        """How many files came or grew and are not done."""
        return len(self._active)

    def has_lost_its_disk(self, listing: Listing) -> bool:
        """Whether the files went together with their file system, which is not mounted any more."""
        before = self._before
        return before is not None and bool(before.files) and not listing.files and listing.device != before.device

    def look(self, listing: Listing, mono_ms: int) -> Growth:
        """Take the next listing."""
        before, self._before = self._before, listing
        if before is None or before.device != listing.device:
            self._active = {}
            return NOTHING
        changes = list(_changes(before, listing))
        self._note_touched(changes, mono_ms)
        happenings = [change.happening for change in changes if change.happening is not None]
        happenings += self._take_ended(before, listing, mono_ms=mono_ms)
        return Growth(sum(change.grown for change in changes), tuple(happenings))

    def _note_touched(self, changes: list[_Change], mono_ms: int) -> None:
        was_active = self._active
        moves = {change.name: change.moved_from for change in changes if change.moved_from}
        stay = {name: at for name, at in was_active.items() if name not in moves.values()}
        moved = {name: was_active[other] for name, other in moves.items() if other in was_active}
        touched = {change.name: mono_ms for change in changes if change.name not in moves}
        self._active = stay | moved | touched

    def _take_ended(self, before: Listing, now: Listing, *, mono_ms: int) -> Iterator[Happening]:
        for name, touched_ms in sorted(self._active.items()):
            if name not in now.files:
                yield Happening("gone", name, before.files[name].size)
            elif mono_ms - touched_ms >= self._quiet_ms:
                yield Happening("done", name, now.files[name].size)
            else:
                continue
            del self._active[name]


def name_digest(name: str) -> str:
    """Return the first 16 hex digits of the SHA-256 of a file's name under the directory, `/` between folders.

    Of the name's bytes as the system has them, which need be no UTF-8.
    """
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:DIGEST_HEX]


def _changes(before: Listing, now: Listing) -> Iterator[_Change]:
    """Yield what became of each file that is not as it was."""
    loose = {
        state.content: name
        for name, state in before.files.items()
        if name not in now.files or now.files[name].content != state.content
    }
    for name, state in sorted(now.files.items()):
        was = before.files.get(name)
        if was is not None and was.content == state.content:
            continue
        if was is None and _was_hidden(name, before.unreadable):
            continue
        yield _change(name, was, state, moved_from=loose.get(state.content, ""))


def _change(name: str, was: FileState | None, state: FileState, *, moved_from: str) -> _Change:
    if moved_from:
        return _Change(name, 0, Happening("moved", name, state.size, other=moved_from))
    if was is None:
        return _Change(name, state.stored, Happening("new", name, state.size))
    if was.number != state.number:
        return _Change(name, state.stored, Happening("replaced", name, state.size))
    if state.size < was.size:
        return _Change(name, 0, Happening("shrunk", name, state.size))
    return _Change(name, max(0, state.stored - was.stored), None)


def _was_hidden(name: str, unreadable: frozenset[str]) -> bool:
    folder = name.rpartition("/")[0]
    while folder:
        if folder in unreadable:
            return True
        folder = folder.rpartition("/")[0]
    return False
