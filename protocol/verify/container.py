"""What a bundle lies in, as its reader sees it: paths, sizes, bytes. Pure: directory and zip are the shell's.

`Held` adds what makes bytes trustworthy: a file is read against the size and the SHA-256 that the manifest states, each
time it is read, so that what is checked is what is used. No file is read whole unless it is small by its format.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, Protocol

from protocol.errors import MalformedMessage, TooLarge

MAX_FILES: Final = 200_000
MAX_PATH: Final = 200
MAX_LINE: Final = 8 * 1024 * 1024
"""The longest line of a file of lines; an hour record has at most half of it."""


class Container(Protocol):
    """A directory or a zip. Whatever cannot be read raises a ForeignBytesError or an OSError."""

    def sizes(self) -> Mapping[str, int]:
        """Bytes of every file by its path below the bundle."""

    def chunks(self, path: str) -> Iterator[bytes]:
        """The bytes of a file in pieces of bounded size."""


class Stated(NamedTuple):
    """What the manifest states of a file."""

    size: int
    sha256: str


class ChangedFile(MalformedMessage):
    """A file is not the one that the manifest states."""


class Held:
    """The files of a bundle that the manifest states."""

    def __init__(self, container: Container, stated: Mapping[str, Stated]) -> None:
        self._container = container
        self.stated = stated

    def __contains__(self, path: str) -> bool:
        return path in self.stated

    def under(self, prefix: str) -> list[str]:
        """The stated paths that begin so, in order."""
        return sorted(path for path in self.stated if path.startswith(prefix))

    def chunks(self, path: str) -> Iterator[bytes]:
        """The bytes; ChangedFile behind the last ones where they are not what the manifest states."""
        stated, digest, size = self.stated[path], hashlib.sha256(), 0
        for chunk in self._container.chunks(path):
            size += len(chunk)
            if size > stated.size:
                raise ChangedFile(f"it has more than the {stated.size} bytes that the manifest states")
            digest.update(chunk)
            yield chunk
        if size != stated.size:
            raise ChangedFile(f"it has {size} bytes, and the manifest states {stated.size}")
        if digest.hexdigest() != stated.sha256:
            raise ChangedFile(f"its SHA-256 is {digest.hexdigest()}, and the manifest states {stated.sha256}")

    def read(self, path: str, *, most: int) -> bytes:
        """The whole of a small file; TooLarge before anything is read where it is none, ChangedFile."""
        if self.stated[path].size > most:
            raise TooLarge(
                f"a file of this kind has at most {most} bytes, and the manifest states {self.stated[path].size}"
            )
        return b"".join(self.chunks(path))

    def lines(self, path: str) -> Iterator[bytes]:
        """The lines without their line feeds; each line has one. ChangedFile, TooLarge, MalformedMessage."""
        rest = b""
        for chunk in self.chunks(path):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
            if len(rest) > MAX_LINE:
                raise TooLarge(f"a line of more than {MAX_LINE} bytes")
        if rest:
            raise MalformedMessage("the last line has no line feed at its end")


def is_sound_path(path: str) -> bool:
    """Whether a path may stand in a bundle: it leads nowhere else, on any system, and is spelt in one way."""
    if not 0 < len(path) <= MAX_PATH or not set(path) <= _SOUND:
        return False
    return all(part and part.strip(".") and not part.endswith(".") for part in path.split("/"))


_SOUND: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/")
