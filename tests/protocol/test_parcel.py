"""The manifest of a parcel: what is written is read, and what was cut or altered is told."""

import re

import pytest

from protocol.batch import MAX_WIRE_BYTES
from protocol.errors import ForeignBytesError, MalformedParcel
from protocol.parcel import Manifest, Piece, directory_name, pack_manifest, parse_manifest, piece_of

ORIGIN = "jishi.example/a/em-01/1"
PIECES = (piece_of(0, 256, b"first"), piece_of(256, 300, b"second"))
WHOLE = Manifest(ORIGIN, "2026-11-26T22:10:00Z", PIECES)
RAW = pack_manifest(WHOLE)


def test_the_example_of_the_module_is_what_is_written() -> None:
    assert RAW.startswith(
        b"jishi-parcel/v1\norigin jishi.example/a/em-01/1\nmade 2026-11-26T22:10:00Z\nbatches 2\n\n"
        b"000000000000-000000000256.batch 5 "
    )
    assert parse_manifest(RAW) == WHOLE
    assert directory_name(ORIGIN) == "jishi.example_a_em-01_1"


def test_a_manifest_cut_anywhere_is_not_a_manifest() -> None:
    for length in range(len(RAW)):
        with pytest.raises(ForeignBytesError):
            parse_manifest(RAW[:length])


@pytest.mark.parametrize(
    ("found", "written", "complaint"),
    [
        (b"jishi-parcel/v1", b"jishi-parcel/v2", "no manifest"),
        (b"batches 2", b"batches 3", "names 2 batches and says that there are 3"),
        (b"000000000256-", b"000000000255-", "leaves a gap"),
        (b"000000000300.batch", b"0000000000300.batch", "no batch can be so"),
        (b"000000000300.batch", b"000000000256.batch", "no batch can be so"),
        (b"000000000256-", b"../00000000256-", "<file> <bytes> <SHA-256>"),
        (b".batch 5 ", b".batch %d " % (MAX_WIRE_BYTES + 1), "no batch can be so"),
        (b"Z\n", b"Z \xe6\n", "no manifest"),
        (b"em-01/1\n", b"EM/1\n", "agent id"),
    ],
)
def test_what_no_agent_writes_is_refused(found: bytes, written: bytes, complaint: str) -> None:
    with pytest.raises(ForeignBytesError, match=re.escape(complaint)):
        parse_manifest(RAW.replace(found, written, 1) if found != b"000000000256-" else _second(found, written))


def test_a_manifest_without_end_is_not_read() -> None:
    with pytest.raises(MalformedParcel, match="at most"):
        parse_manifest(bytes(16 * 1024 * 1024 + 1))


def test_what_would_be_read_as_another_is_not_written() -> None:
    with pytest.raises(ValueError, match="gap"):
        pack_manifest(Manifest(ORIGIN, "2026-11-26T22:10:00Z", (PIECES[1], PIECES[0])))


def test_a_piece_knows_its_bytes() -> None:
    piece = piece_of(0, 256, b"first")
    assert piece == Piece(0, 256, 5, piece.sha256)
    assert piece.is_of(b"first")
    assert not piece.is_of(b"fIrst")
    assert not piece.is_of(b"first ")


def _second(found: bytes, written: bytes) -> bytes:
    """With the beginning of the second line altered."""
    head, line = RAW.rsplit(found, 1)
    return head + written + line
