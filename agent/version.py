"""The version that a `start` entry names and what a build is: kept in the source, for an installed package's metadata
costs two megabytes of memory to ask."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

VERSION = "0.1.0"


def build_hash() -> str:
    """SHA-256 in hex over the program's own source files (agent and protocol), by name and content."""
    root = Path(__file__).parent.parent
    digest = sha256()
    for path in sorted((*root.glob("agent/**/*.py"), *root.glob("protocol/**/*.py"))):
        digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
        digest.update(sha256(path.read_bytes()).digest())
    return digest.hexdigest()
