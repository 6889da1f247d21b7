"""One refusal for every format that has one byte string a value."""

import msgspec
import pytest

from protocol.canonical import decode_canonical
from protocol.errors import MalformedFact, TooLarge


class Pair(msgspec.Struct, frozen=True):
    a: int
    b: str = ""


def decode(raw: bytes, most: int | None = 20) -> Pair:
    return decode_canonical(raw, msgspec.json.Decoder(Pair).decode, what="a pair", error=MalformedFact, most=most)


def test_the_one_spelling_is_read() -> None:
    assert decode(b'{"a":1,"b":"x"}') == Pair(1, "x")


@pytest.mark.parametrize(("raw", "message"), [
    (b'{"a":"1","b":""}', "not a pair: "),
    (b'{"a":1', "not a pair: "),
    (b'{"a":1,"b":"\xff"}', "not a pair: "),
    (b'{"b":"","a":1}', "a pair that is not in canonical form: "),
    (b'{"a": 1,"b":""}', "a pair that is not in canonical form: "),
    (b'{"a":1}', "a pair that is not in canonical form: "),
])  # fmt: skip
def test_any_other_is_refused_in_the_formats_own_family(raw: bytes, message: str) -> None:
    with pytest.raises(MalformedFact, match=message):
        decode(raw)


def test_what_is_too_long_is_not_looked_at() -> None:
    with pytest.raises(TooLarge, match="a pair has at most 20 bytes, not 21"):
        decode(b"x" * 21)
    with pytest.raises(MalformedFact):
        decode(b"x" * 21, most=None)
