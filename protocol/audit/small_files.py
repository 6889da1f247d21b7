"""Files that an auditor hands to and gets from `jishi-audit`: read whole up to a limit, and never written over."""

import os
from pathlib import Path

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
    try:
        with path.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        must_be_new(path)
