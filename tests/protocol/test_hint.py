"""Hints: what is shown comes back, and nobody but the log's key can say it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import entry
from protocol.errors import BadSignature, ForeignBytesError, TooLarge
from protocol.hint import MAX_VALUES, Hint, Showing, SignedHint, open_hint, sign_hint
from protocol.keys import ED25519, SigningKey
from protocol.merkle import EMPTY_ROOT
from protocol.message import parse_down, parse_up
from protocol.note import Checkpoint, open_checkpoint, sign, sign_checkpoint

KEY = SigningKey("jishi.example/a/em-01/1", ED25519, bytes(32))
HINT = Hint(KEY.name, 1764554716036, 8640, (Showing("meter1", "power", "905800"), Showing("door", "contact", "closed")))

names = st.from_regex(entry.NAME_PATTERN, fullmatch=True)
values = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
numbers = st.integers(0, 2**53 - 1)
hints = st.builds(
    Hint, st.just(KEY.name), numbers, numbers, st.lists(st.builds(Showing, names, names, values), max_size=9).map(tuple)
)


def test_a_hint_is_a_note_of_a_line_for_each_channel() -> None:
    raw = sign_hint(HINT, KEY)
    assert raw.decode().partition("\n\n")[0].split("\n") == [
        "jishi-hint/v1",
        KEY.name,
        "1764554716036",
        "8640",
        "meter1 power 905800",
        "door contact closed",
    ]
    assert parse_up(raw) == SignedHint(raw)
    with pytest.raises(ForeignBytesError):
        parse_down(raw)


@given(hints)
def test_every_hint_comes_back(hint: Hint) -> None:
    assert open_hint(sign_hint(hint, KEY), KEY.verifier) == hint


def test_nobody_else_can_say_it() -> None:
    other = SigningKey(KEY.name, ED25519, bytes([1]) * 32)
    with pytest.raises(BadSignature):
        open_hint(sign_hint(HINT, other), KEY.verifier)
    with pytest.raises(ValueError, match="no hint of"):
        sign_hint(HINT, SigningKey("jishi.example/a/em-01/2", ED25519, bytes(32)))


def test_a_hint_is_no_checkpoint_and_a_checkpoint_no_hint() -> None:
    with pytest.raises(ForeignBytesError):
        open_checkpoint(sign_hint(HINT, KEY), KEY.verifier)
    with pytest.raises(ForeignBytesError):
        open_hint(sign_checkpoint(Checkpoint(KEY.name, 0, EMPTY_ROOT), KEY), KEY.verifier)


@pytest.mark.parametrize(
    "text",
    [
        HINT.text.replace("8640", "-1"),
        HINT.text.replace("8640", "08"),
        HINT.text.replace("power 905800", "power"),
        HINT.text.replace("meter1", "a/b"),
        HINT.text.replace("closed", "c" * 65),
        HINT.text.replace("em-01/1", "em-02/1"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ForeignBytesError):
        open_hint(sign(text, KEY), KEY.verifier)


def test_a_hint_has_a_bound() -> None:
    many = tuple(Showing("meter1", f"c{number}", "1") for number in range(MAX_VALUES + 1))
    with pytest.raises(ValueError, match="at most 64"):
        sign_hint(Hint(KEY.name, 1, 1, many), KEY)
    with pytest.raises(TooLarge):
        open_hint(bytes(20_000), KEY.verifier)
