"""The canonical zip: any reader reads it, and its bytes follow from names and contents alone."""

import io
import zipfile
import zlib

import pytest

from protocol.stored_zip import MAX_FILES, Member, ending, local_header

FILES = {"MANIFEST": b"m", "agents/em-01/1/frontier": b"", "读我.txt": "不".encode() * 1000}


def made() -> bytes:
    members = [Member(path, zlib.crc32(raw), len(raw)) for path, raw in FILES.items()]
    parts = [local_header(member) + FILES[member.path] for member in members]
    return b"".join(parts) + ending(members)


def test_any_reader_reads_it() -> None:
    with zipfile.ZipFile(io.BytesIO(made())) as opened:
        assert opened.testzip() is None
        assert {info.filename: opened.read(info) for info in opened.infolist()} == FILES
        assert {info.compress_type for info in opened.infolist()} == {zipfile.ZIP_STORED}
        assert {info.date_time for info in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_its_bytes_are_the_same_each_time() -> None:
    assert made() == made()


def test_more_than_it_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="write the bundle as a directory"):
        ending([Member("a", 0, 2**32)])
    with pytest.raises(ValueError, match="65535 files"):
        ending([Member(f"{number}", 0, 0) for number in range(MAX_FILES + 1)])
    with pytest.raises(ValueError, match="4 GiB"):
        ending([Member("a", 0, 2**31), Member("b", 0, 2**31)])
