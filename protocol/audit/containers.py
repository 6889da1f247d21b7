"""A bundle as it lies on a disk: a directory, or the one zip that it can be (protocol/stored_zip.py).

Nothing is unpacked and nothing is written. Links, devices and what is neither file nor directory are refused before
they are opened; a name is never joined to a path that it could leave. Of a zip the directory at its end says where
files lie, and every other byte is made again and compared: so there is no room in it for a second meaning.
"""

import os
import stat
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from protocol import stored_zip
from protocol.errors import MalformedMessage, NotABundle, TooLarge, excerpt
from protocol.stored_zip import Member
from protocol.verify.container import MAX_FILES, is_sound_path

_CHUNK: Final = 1 << 18
_DEEPEST: Final = 16
_MAX_ENDING: Final = 64 << 20
_END: Final = struct.Struct("<4sHHHHIIH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")


def open_container(path: Path) -> "Directory | Zip":
    """The bundle at a path; MalformedMessage where it is neither a directory nor a file."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return Directory(path)
    if stat.S_ISREG(mode):
        return Zip(path)
    raise MalformedMessage(f"{path} is neither a directory nor a file")


class Directory:
    """A bundle as a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def sizes(self) -> Mapping[str, int]:
        """Every file below; MalformedMessage for a link or a name that no bundle has, TooLarge."""
        return dict(self._walk("", 0))

    def chunks(self, path: str) -> Iterator[bytes]:
        """The bytes of a file that `sizes` named."""
        if not is_sound_path(path):
            raise MalformedMessage(f"the path {excerpt(path, 200)} leads out of a bundle")
        descriptor = os.open(self._root / path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def _walk(self, prefix: str, depth: int) -> Iterator[tuple[str, int]]:
        if depth > _DEEPEST:
            raise MalformedMessage(f"{excerpt(prefix, 200)} lies deeper than {_DEEPEST} directories")
        count = 0
        with os.scandir(self._root / prefix) as found:
            for each in found:
                count += 1
                path = f"{prefix}{each.name}"
                if count > MAX_FILES:
                    raise TooLarge(f"a bundle has at most {MAX_FILES} files")
                if not is_sound_path(path):
                    raise MalformedMessage(f"the name {excerpt(path, 200)} cannot stand in a bundle")
                if each.is_symlink() or not (each.is_file(follow_symlinks=False) or each.is_dir(follow_symlinks=False)):
                    raise MalformedMessage(f"{path} is a link or no file: a bundle holds files alone")
                if each.is_dir(follow_symlinks=False):
                    yield from self._walk(f"{path}/", depth + 1)
                else:
                    yield path, each.stat(follow_symlinks=False).st_size


class Zip:
    """A bundle as a stored zip."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, Member]] = {}

    def sizes(self) -> Mapping[str, int]:
        """Every file in it; MalformedMessage where any byte outside the contents is not as it must be, NotABundle."""
        with self._path.open("rb") as file:
            members = self._read_members(file)
            at = 0
            for member in members:
                head = stored_zip.local_header(member)
                file.seek(at)
                if file.read(len(head)) != head:
                    raise MalformedMessage(f"the header of {member.path} at byte {at} is not the one that it must have")
                self._places[member.path] = at + len(head), member
                at += len(head) + member.size
            ending = stored_zip.ending(members)
            file.seek(at)
            if file.read(len(ending) + 1) != ending:
                raise MalformedMessage(f"the directory of the zip at byte {at} is not the one that its files make")
        return {member.path: member.size for member in members}

    def chunks(self, path: str) -> Iterator[bytes]:
        """The bytes of a file that `sizes` named; MalformedMessage behind the last where the CRC is another."""
        start, member = self._places[path]
        crc, rest = 0, member.size
        with self._path.open("rb") as file:
            file.seek(start)
            while rest and (chunk := file.read(min(_CHUNK, rest))):
                rest -= len(chunk)
                crc = zlib.crc32(chunk, crc)
                yield chunk
        if rest or crc != member.crc:
            raise MalformedMessage(f"the zip states the CRC {member.crc:08x} for {path}, and its content has {crc:08x}")

    def _read_members(self, file) -> list[Member]:  # type: ignore[no-untyped-def]
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END.size))
        ending = file.read(_END.size)
        if not ending.startswith(b"PK\x05\x06") or len(ending) < _END.size:
            raise NotABundle(
                f"its {size} bytes do not end as a zip does. It is another file, or a copy that was cut short, as by a "
                "full stick: compare its size, and copy it again"
            )
        _, _, _, _, count, length, at, _ = _END.unpack(ending)
        if at + length + _END.size != size or count > MAX_FILES or length > _MAX_ENDING:
            raise MalformedMessage(
                "not the zip of a bundle: it must be stored, without comment or extras, as the collector writes it. "
                "Where somebody packed it again, unpack it and verify the directory"
            )
        file.seek(at)
        return list(_members(file.read(length)))


def _members(directory: bytes) -> Iterator[Member]:
    at = 0
    seen: set[str] = set()
    while at < len(directory):
        if at + _CENTRAL.size > len(directory):
            raise MalformedMessage("the directory of the zip ends in the middle of a line")
        fields = _CENTRAL.unpack_from(directory, at)
        crc, size, name_bytes = fields[7], fields[9], fields[10]
        at += _CENTRAL.size
        path = directory[at : at + name_bytes].decode("utf-8", "replace")
        at += name_bytes
        if not is_sound_path(path) or path in seen:
            raise MalformedMessage(f"the name {excerpt(path, 200)} cannot stand in a bundle, or stands there twice")
        seen.add(path)
        yield Member(path, crc, size)
