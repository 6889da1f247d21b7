"""Files that facts name: stored once under their SHA-256, never changed, never deleted.

    <directory>/ab/abcdef…            the file, mode 0600
    <directory>/ab/.abcdef….<random>  one that is on its way

A file is whole and synced before the database knows of it; a file of which it does not know is harmless. What is read
is hashed again: a damaged file is an error, never an answer. A file that is stored again mends a damaged one.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from collector.errors import DocumentError
from collector.facts.file_type import BY_MEDIA_TYPE, examine
from collector.private_file import sync_directory
from collector.registry.audit import Actor, record_change
from collector.store.database import Connection
from collector.store.queries import load

MAX_NAME_CHARS = 200
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 1024 * 1024
_SQL = load("facts")


class Document(NamedTuple):
    """A stored file as lists show it."""

    sha256: str
    bytes: int
    media_type: str
    name: str
    stored_by: str

    @property
    def file_name(self) -> str:
        """What a copy of it is called; the suffix is that of its content."""
        return self.name or f"{self.sha256[:16]}{BY_MEDIA_TYPE[self.media_type].suffixes[0]}"


class DocumentFiles:
    """The directory of files."""

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self.directory = directory
        self.max_bytes = max_bytes

    def path_of(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise DocumentError(f"{sha256[:80]!a} is no SHA-256 of a file: 64 hex digits are expected")
        return self.directory / sha256[:2] / sha256

    @contextmanager
    def receive(self) -> Iterator["Incoming"]:
        """A file to be filled; gone afterwards unless it was kept. DocumentError where the disk refuses."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self.directory / f".{secrets.token_hex(16)}"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w+b") as file:
                try:
                    yield Incoming(self, path, file)
                finally:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise DocumentError(f"cannot store a file in {self.directory}: {error.strerror}") from error

    def read(self, sha256: str) -> bytes:
        """The file's bytes. DocumentError where it is gone or is not what it was."""
        try:
            content = self.path_of(sha256).read_bytes()
        except OSError as error:
            raise DocumentError(
                f"document {sha256} cannot be read: {error.strerror}; restore it from a backup"
            ) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DocumentError(f"document {sha256} is damaged: store the file again, or restore it from a backup")
        return content


class Incoming:
    """A file on its way into the store."""

    def __init__(self, files: DocumentFiles, path: Path, file: BinaryIO) -> None:
        self._files = files
        self._path = path
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Some more of it; DocumentError as soon as it is too large."""
        self.size += len(chunk)
        if self.size > self._files.max_bytes:
            most = self._files.max_bytes
            raise DocumentError(f"it has more than {most} bytes, the most that is taken; make it smaller, or divide it")
        self._hash.update(chunk)
        self._file.write(chunk)

    def keep(self, *, stated: str, name: str, by: str) -> Document:
        """Puts the file in its place, synced, if it is what it is said to be. Raises DocumentError."""
        found = examine(self._file, stated=stated, name=name)
        self._file.flush()
        os.fsync(self._file.fileno())
        document = Document(self._hash.hexdigest(), self.size, found.media_type, tidy_name(name), by)
        place = self._files.path_of(document.sha256)
        place.parent.mkdir(exist_ok=True, mode=0o700)
        self._path.replace(place)  # over the same bytes, or over a file that was damaged
        for directory in (place.parent, self._files.directory):
            sync_directory(directory)
        return document


def tidy_name(name: str) -> str:
    """A file's name without its folder, printable, of bounded length."""
    last = re.split(r"[/\\]", name)[-1]
    return "".join(character for character in last if character.isprintable())[-MAX_NAME_CHARS:]


def register_document(connection: Connection, document: Document, *, actor: Actor) -> bool:
    """Tells the database of a file that is in its place, and says whether it is new to it."""
    with connection.transaction():
        is_new = connection.execute(_SQL.insert_document, document._asdict()).rowcount > 0
        if is_new:
            new = {"name": document.name, "bytes": document.bytes, "media_type": document.media_type}
            record_change(connection, actor, "document.store", target=document.sha256, new=new)
    return is_new


def add_file(connection: Connection, files: DocumentFiles, path: Path, *, actor: Actor) -> tuple[Document, bool]:
    """Stores a file from the disk; the document, and whether it is new. Raises DocumentError."""
    with files.receive() as incoming:
        try:
            with path.open("rb") as file:
                for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
                    incoming.write(chunk)
        except OSError as error:
            raise DocumentError(f"cannot read it: {error.strerror}") from error
        document = incoming.keep(stated="", name=path.name, by=actor.name)
    return document, register_document(connection, document, actor=actor)


def list_documents(connection: Connection) -> Iterator[Document]:
    """All that the database knows, by SHA-256."""
    for row in connection.execute(_SQL.list_documents):
        yield Document(*row)
