"""Bytes as others may send them: anything at all, and good ones that were damaged; for every parser's tests."""

from random import Random

from hypothesis import strategies as st

from protocol.batch import Batch, pack_bundle
from protocol.header import format_header

TROUBLE = (
    *(b"\n", b"\n\n", b" ", b"0", b"-", b"9" * 30, b"\x00", b"\xff", b"\xed\xa0\x80", b"\xe2\x80\x94 ", b"\\ud800"),
    *(b"[", b"[" * 2000, b"{" * 2000, b'"', b"null", b"true", b"1e999", b"1.5", b"\xe2\x80\xa8", b"=", b"+", b","),
    *(b'{"a":' * 2000, b"9" * 5000, b"\x02", b"\x03", b"\x68", b"\x16", b"%", b"%00", b"&", b";", b"\r"),
)
fragments = st.binary(max_size=12) | st.sampled_from(TROUBLE)


@st.composite
def mutations(draw: st.DrawFn, valid: tuple[bytes, ...]) -> bytes:
    """One of the good ones with up to three damages."""
    raw = draw(st.sampled_from(valid))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw)))
        end = draw(st.integers(at, min(len(raw), at + 12)) | st.just(len(raw)))
        change = draw(st.sampled_from(["replace", "cut", "double", "flip"]))
        if change == "replace":
            raw = raw[:at] + draw(fragments) + raw[end:]
        elif change == "cut":
            raw = raw[:at] + raw[end:]
        elif change == "double":
            raw = raw[:end] + raw[at:]
        elif at < len(raw):
            raw = raw[:at] + bytes([raw[at] ^ 1 << draw(st.integers(0, 7))]) + raw[at + 1 :]
    return raw


def flip_a_bit(raw: bytes, chance: Random) -> bytes:
    """The same bytes with one bit flipped, anywhere."""
    at = chance.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << chance.randrange(8)]) + raw[at + 1 :]


def pack_plainly(batch: Batch) -> bytes:
    """A batch that is not compressed: no checksum in it sees a flipped bit."""
    bundle = pack_bundle(batch.entries)
    lengths = {"old": batch.old, "note": len(batch.note), "entries": len(bundle), "deflate": 0}
    return (
        format_header("jishi-batch/v1", [(name, str(value)) for name, value in lengths.items()]) + batch.note + bundle
    )
