"""The one zip that a bundle can be: stored, dated 1980, without anything extra, so that every byte of it follows from
the names and the contents. Pure.

    for each file in its order   local header · name · content
    then                         a line of the central directory for each · its end

A reader that made these bytes itself and finds others has found a zip that somebody touched. 4 GiB and 65 535 files are
the limits of the format without its extensions; a bundle that is larger is a directory.
Source: PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
"""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

MAX_FILES: Final = 65_535
MAX_BYTES: Final = 0xFFFF_FFFF
_DATE, _TIME = 0x0021, 0
_VERSION = 20
_UTF8 = 0x0800
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")


class Member(NamedTuple):
    """A file: its path, CRC-32 and size."""

    path: str
    crc: int
    size: int


def local_header(member: Member) -> bytes:
    """What stands before a file's content."""
    name = member.path.encode()
    sizes = (member.crc, member.size, member.size)
    return _LOCAL.pack(b"PK\x03\x04", _VERSION, _UTF8, 0, _TIME, _DATE, *sizes, len(name), 0) + name


def ending(members: Iterable[Member]) -> bytes:
    """What stands behind the last content. ValueError for more than such a zip can hold."""
    at, count, directory = 0, 0, []
    for member in members:
        name = member.path.encode()
        sizes = (member.crc, member.size, member.size)
        if at > MAX_BYTES or member.size > MAX_BYTES:
            raise ValueError("a zip holds at most 4 GiB: write the bundle as a directory")
        directory.append(
            _CENTRAL.pack(
                b"PK\x01\x02", _VERSION, _VERSION, _UTF8, 0, _TIME, _DATE, *sizes, len(name), 0, 0, 0, 0, 0, at
            )
            + name
        )
        at += _LOCAL.size + len(name) + member.size
        count += 1
    whole = b"".join(directory)
    if count > MAX_FILES or at + len(whole) > MAX_BYTES:
        raise ValueError(f"a zip holds at most {MAX_FILES} files and 4 GiB: write the bundle as a directory")
    return whole + _END.pack(b"PK\x05\x06", 0, 0, count, count, len(whole), at, 0)
