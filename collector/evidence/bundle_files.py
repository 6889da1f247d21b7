"""The files of a bundle as they are written: into a directory, hashed on the way, and from there into one stored zip.

A bundle is whole or not there: it is made under another name beside its place, and gets its own when the manifest is
signed. The zip's bytes follow from the files (protocol/stored_zip.py), the manifest comes last.
"""

import hashlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from collector.errors import BundleError
from protocol.stored_zip import Member, ending, local_header

MANIFEST = "MANIFEST"
CHUNK_BYTES = 1 << 20


class Written(NamedTuple):
    """A file of a bundle."""

    size: int
    sha256: str


class Sink:
    """Takes files below a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files: dict[str, Written] = {}

    def add(self, path: str, content: bytes) -> None:
        """Write one file."""
        with self.open(path) as file:
            file.write(content)

    @contextmanager
    def open(self, path: str) -> Iterator["_Hashing"]:
        """A file to be written piece by piece."""
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as raw:
            hashing = _Hashing(raw.write)
            yield hashing
        self.files[path] = Written(hashing.size, hashing.digest.hexdigest())


class _Hashing:
    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self.size, self.digest = 0, hashlib.sha256()

    def write(self, content: bytes) -> None:
        self.size += len(content)
        self.digest.update(content)
        self._write(content)


@contextmanager
def at_place(target: Path) -> Iterator[Path]:
    """A directory beside `target` that becomes it when nothing went wrong; BundleError where something is there."""
    if target.exists():
        raise BundleError(f"{target} exists: a bundle never replaces anything; choose another --out")
    if not target.parent.is_dir():
        raise BundleError(f"there is no directory {target.parent} to write the bundle into")
    making = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    making.chmod(0o755)
    packed = making.with_name(f"{making.name}.zip")
    try:
        yield making
        if target.suffix == ".zip":
            with packed.open("xb") as file:
                for chunk in zip_of(making):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            packed.rename(target)
        else:
            making.rename(target)
    except ValueError as error:
        raise BundleError(str(error)) from error
    finally:
        packed.unlink(missing_ok=True)
        shutil.rmtree(making, ignore_errors=True)


def zip_of(directory: Path) -> Iterator[bytes]:
    """The zip of a bundle that lies in a directory, in pieces. ValueError for more than a zip can hold."""
    paths = sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())
    paths.remove(MANIFEST)
    members = []
    for name in [*paths, MANIFEST]:
        member = _measure(directory, name)
        members.append(member)
        yield local_header(member)
        yield from _chunks(directory / name)
    yield ending(members)


def _measure(directory: Path, name: str) -> Member:
    crc = size = 0
    for chunk in _chunks(directory / name):
        crc, size = zlib.crc32(chunk, crc), size + len(chunk)
    return Member(name, crc, size)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
