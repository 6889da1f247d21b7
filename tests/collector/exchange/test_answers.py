"""What platforms answer is foreign: only a code that the mapping knows decides anything."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.exchange import mapping
from collector.exchange.answers import read_answer
from tests.collector.exchange.served_days import EXAMPLE

PLATFORM = mapping.parse(EXAMPLE).mapping.platform


@pytest.mark.parametrize(
    ("said", "status", "heard", "told"),
    [
        ({"code": "100", "id": "R-1"}, 200, "accepted", "code 100"),
        ({"code": 100, "id": 17}, 200, "accepted", "code 100"),
        ({"code": "101", "message": "数据填写有误"}, 200, "refused", "code 101: 数据填写有误"),
        ({"code": "101"}, 400, "refused", "code 101"),
        ({"code": "301"}, 200, "again", "code 301"),
        ({"code": "404"}, 404, "unknown", "code 404"),
        ({"code": "100"}, 500, "nothing", "the platform answered 500"),
        ({"code": "100"}, 503, "nothing", "the platform answered 503"),
        ({"code": None}, 200, "nothing", "has no code"),
        ({"code": True}, 200, "nothing", "has no code"),
        ({"code": ["100"]}, 200, "nothing", "has no code"),
        (["100"], 200, "nothing", "has no code"),
        ("100", 200, "nothing", "has no code"),
    ],
)
def test_an_answer_is_read_as_the_mapping_says(said: object, status: int, heard: str, told: str) -> None:
    answer = read_answer(json.dumps(said).encode(), status, PLATFORM)
    assert answer.heard == heard
    assert told in answer.told


def test_a_receipt_is_kept_of_what_was_accepted_alone() -> None:
    assert read_answer(b'{"code":"100","id":"R-1"}', 200, PLATFORM).receipt == "R-1"
    assert read_answer(b'{"code":"101","id":"R-1"}', 200, PLATFORM).receipt == ""


@given(st.binary(max_size=200), st.integers(100, 599))
def test_foreign_bytes_never_raise_and_never_accept(raw: bytes, status: int) -> None:
    assert read_answer(raw, status, PLATFORM).heard in ("nothing", "refused")


@pytest.mark.parametrize(
    "raw",
    [b"[" * 100_000, b'{"code":' + b"9" * 5000 + b"}", b'{"code":"\\ud800"}', b'{"code":"1\\u0000\\n0"}', b"\xff"],
)
def test_hostile_answers_are_told_on_one_line(raw: bytes) -> None:
    answer = read_answer(raw, 200, PLATFORM)
    assert answer.heard != "accepted"
    assert answer.told.isprintable()
    answer.told.encode()
