"""Files that an auditor hands to and gets from `jishi-audit`: read whole up to a limit, and never written over."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from protocol.errors import MalformedFindings


def read(path: Path, limit: int) -> bytes:
    """The file's bytes; MalformedFindings where there are more than `limit`, OSError."""
    with path.open("rb") as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise MalformedFindings(f"{path} has more than {limit} bytes, which none of these files has")
    return raw


def must_be_new(path: Path) -> None:
    """MalformedFindings where a file of this name stands already: asked before somebody types a passphrase."""
    if path.exists():
        raise MalformedFindings(f"{path} exists already, and nothing is written over: name another file")


def write(path: Path, raw: bytes) -> None:
    """A new file, on disk when this returns. MalformedFindings where it exists, OSError."""
    with new_file(path) as file:
        file.write(raw)


@contextmanager
def kept_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that keeps what was written, whatever happens then. MalformedFindings where it exists, OSError."""
    must_be_new(path)
    with path.open("xb") as file:
        yield file


@contextmanager
def new_file(path: Path, *, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A new file to write into, on disk at the end; none is left where that fails, as on a full stick.

    MalformedFindings where it exists, OSError.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    except FileExistsError:
        must_be_new(path)
        raise
    with ExitStack() as undo:
        undo.callback(path.unlink, missing_ok=True)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        undo.pop_all()
