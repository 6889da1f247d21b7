"""Who is at the desk, kept over restarts: `state_dir`/desk.json, and what the journal says beyond it.

    {"origin":"jishi.example/a/em-01/1","size":1243,"present":[{"asset":"A001",…}],"names":{"<hash>":"张三"}}

The journal is the truth: the file says how far it has been read (`size`), and what was declared since is read from it.
A crash between the journal and the file costs a name at most, never a presence. Without a file the whole journal is
read once. Names are clear here and nowhere else; the file is readable by the agent's user alone, and a person's name
is in it only while that person is there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agent.identity import write_private
from agent.shelf import Shelf, read
from protocol.entry import Declaration, Entry
from protocol.presence import Ended, Presence, Present, follow

FILE = "desk.json"

_DECLARED = b'"k":"declaration"'

log = logging.getLogger(__name__)


class _File(msgspec.Struct, frozen=True):
    origin: str
    size: int
    present: tuple[Presence, ...] = ()
    names: dict[str, str] = {}


class Book:
    """Who is there. `present` and `names` are replaced, never changed, so that any thread may read them."""

    def __init__(self, path: Path, origin: str) -> None:
        self._path = path
        self._origin = origin
        self._size = 0
        self.present: Present = {}
        self.names: Mapping[str, str] = {}

    def enter(self, entry: Entry, *, name: str | None = None) -> Ended | None:
        """Take a declaration that stands in the journal; what it ended."""
        names = dict(self.names)
        if name is not None and isinstance(entry.body, Declaration):
            names[entry.body.operator] = name
        self.present, ended = follow(self.present, entry)
        there = {presence.operator for presence in self.present.values()}
        self.names = {operator: known for operator, known in names.items() if operator in there}
        self._size = entry.index + 1
        return ended

    def learn(self, operator: str, name: str) -> None:
        """Know somebody's name again who is there, where the file that had it was lost."""
        if self.names.get(operator) != name:
            self.names = {**self.names, operator: name}
            self.save()

    def name_of(self, operator: str) -> str:
        """A person's name, or what the journal says in its place."""
        return self.names.get(operator, f"#{operator[:8]}")

    def save(self) -> None:
        """Make it durable. A disk that refuses costs nothing but the names: the journal has the rest."""
        kept = _File(self._origin, self._size, tuple(self.present.values()), dict(self.names))
        try:
            write_private(self._path, msgspec.json.encode(kept))
        except OSError as problem:
            log.error("desk could not be saved", extra={"path": str(self._path), "problem": str(problem)})

    def _resume(self, kept: _File, journal: Shelf) -> None:
        if kept.origin == journal.origin and kept.size <= journal.size:
            self._size = kept.size
            self.present = {presence.key: presence for presence in kept.present}
            self.names = kept.names
        elif kept.origin != journal.origin:
            # Whoever was there when the epoch before ended still is; what the new journal says of them comes after.
            self.present = {presence.key: replace(presence, index=0) for presence in kept.present}
            self.names = kept.names
        for entry in read(journal, self._size, only=_DECLARED):
            self.enter(entry)
        self._size = journal.size


def open_book(state_dir: Path, journal: Shelf) -> Book:
    """The book of a state directory, brought up to date; JournalError where the journal cannot be read."""
    book = Book(state_dir / FILE, journal.origin)
    book._resume(_read_file(state_dir / FILE), journal)
    return book


def _read_file(path: Path) -> _File:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File)
    except FileNotFoundError:
        return _File("", 0)
    except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError) as problem:
        log.warning("desk is read from the journal", extra={"path": str(path), "problem": str(problem)})
        return _File("", 0)
