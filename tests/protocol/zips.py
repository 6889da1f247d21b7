"""The zip of a bundle, made of the pure parts."""

import zlib
from collections.abc import Mapping

from protocol import stored_zip
from protocol.stored_zip import Member


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Sorted by path, MANIFEST last."""
    paths = [*sorted(set(files) - {"MANIFEST"}), "MANIFEST"]
    members = [Member(path, zlib.crc32(files[path]), len(files[path])) for path in paths]
    return b"".join(stored_zip.local_header(member) + files[member.path] for member in members) + stored_zip.ending(
        members
    )
