"""Frames are found again whatever surrounds them, and nothing else is taken for one."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.watchers.modbus_frame import Frame, ReadRequest, Refusal, Values, crc16, encode, find_reply, parse, scan

# Published, captured and computed frames, each with its source; two of them are broken on purpose.
COLLECTED = json.loads(Path(__file__).with_name("modbus_frames.json").read_text(encoding="utf-8"))

POWER = ReadRequest(1, 4, 0x000C, 2)
POWER_RAW = bytes.fromhex("01 04 00 0C 00 02 B1 C8")
REPLY = Values(1, 4, bytes.fromhex("43 66 00 00"))
REPLY_RAW = bytes.fromhex("01 04 04 43 66 00 00 0E 1F")
REFUSAL_RAW = bytes.fromhex("01 84 02 C2 C1")

# Captured or published frames; the CRCs were computed by an independent route (bit by bit, see reference_crc).
GOLDEN: list[tuple[str, Frame]] = [
    ("01 04 00 0C 00 02 B1 C8", POWER),
    ("01 04 01 56 00 02 90 27", ReadRequest(1, 4, 0x0156, 2)),
    ("01 04 04 43 66 00 00 0E 1F", REPLY),
    ("01 04 04 43 66 33 34 1B 38", Values(1, 4, bytes.fromhex("43 66 33 34"))),
    ("01 84 02 C2 C1", Refusal(1, 4, 2)),
    ("01 03 00 0C 00 02 04 08", ReadRequest(1, 3, 0x000C, 2)),
    ("01 03 04 42 C8 00 00 6F B5", Values(1, 3, bytes.fromhex("42 C8 00 00"))),
]


def reference_crc(body: bytes) -> int:
    """The CRC as MODBUS over Serial Line 6.2.2 describes it, one bit at a time."""
    crc = 0xFFFF
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


@pytest.mark.parametrize(("hexadecimal", "frame"), GOLDEN)
def test_golden_frames_are_read_and_written(hexadecimal: str, frame: Frame) -> None:
    raw = bytes.fromhex(hexadecimal)
    assert parse(raw) == frame
    assert type(parse(raw)) is type(frame)
    assert encode(frame) == raw


@pytest.mark.parametrize("collected", COLLECTED, ids=lambda collected: collected["name"])
def test_each_collected_frame_is_taken_or_refused_as_it_should(collected: dict[str, Any]) -> None:
    raw = bytes.fromhex(collected["hex"])
    if not collected["valid"]:
        assert scan(raw) == []
    elif raw[1] == 0x10:
        assert crc16(raw[:-2]) == int.from_bytes(raw[-2:], "little")
        assert parse(raw) is None, "the agent has no words for a write"
    else:
        assert parse(raw) is not None
        assert encode(parse(raw)) == raw  # type: ignore[arg-type]


def test_collected_frames_say_what_is_noted_beside_them() -> None:
    noted = 0
    for collected in COLLECTED:
        frame = parse(bytes.fromhex(collected["hex"])) if collected["valid"] else None
        decoded = collected["decoded"]
        if isinstance(frame, ReadRequest) and "reg" in decoded:
            assert frame.register == decoded["reg"]
            noted += 1
        if isinstance(frame, Values) and "float32" in decoded:
            assert struct.unpack(">f", frame.payload) == (decoded["float32"],)
            noted += 1
        if isinstance(frame, Refusal):
            assert frame.code == decoded["exception"]
            noted += 1
    assert noted > 8


@pytest.mark.parametrize(
    "before",
    ["", "FF", "00 00", "01", "01 04", "01 04 04", "01 04 04 43 66", "01 04 FA", "01 84", "01 04 00 0C 00 02 B1 C8"],
    ids=lambda before: before or "nothing",
)
@pytest.mark.parametrize("after", ["", "FF 01 04"])
def test_a_reply_is_found_behind_noise_echo_and_half_frames(before: str, after: str) -> None:
    heard = bytes.fromhex(before) + REPLY_RAW + bytes.fromhex(after)
    assert find_reply(heard, POWER) == REPLY


def test_a_refusal_is_a_reply() -> None:
    assert find_reply(b"\xff" + REFUSAL_RAW, POWER) == Refusal(1, 4, 2)


@pytest.mark.parametrize(
    "other",
    [
        POWER,  # an echo
        Values(2, 4, b"\0\0\0\0"),
        Values(1, 3, b"\0\0\0\0"),
        Values(1, 4, b"\0\0"),
        Values(1, 4, b"\0\0\0\0\0\0"),
        Refusal(2, 4, 2),
        Refusal(1, 3, 2),
    ],
)
def test_what_does_not_fit_the_request_is_no_reply(other: Frame) -> None:
    assert scan(encode(other)) == [other]
    assert find_reply(encode(other), POWER) is None
    assert find_reply(encode(other) + REPLY_RAW, POWER) == REPLY


def test_a_frame_within_a_frame_is_payload() -> None:
    outer = Values(1, 3, POWER_RAW)
    assert scan(encode(outer) + REPLY_RAW) == [outer, REPLY]


def test_every_flipped_bit_makes_a_frame_none() -> None:
    for position in range(8 * len(REPLY_RAW)):
        broken = bytearray(REPLY_RAW)
        broken[position // 8] ^= 1 << position % 8
        assert find_reply(bytes(broken), POWER) is None


def test_every_half_frame_is_none() -> None:
    for length in range(len(REPLY_RAW)):
        assert scan(REPLY_RAW[:length]) == []


def test_crc_is_the_one_of_the_specification() -> None:
    for body in (b"", b"\0", b"123456789", bytes(range(256))):
        assert crc16(body) == reference_crc(body)
    assert crc16(b"123456789") == 0x4B37


NOISE = st.binary(max_size=40)
REQUESTS = st.builds(
    ReadRequest, st.integers(1, 247), st.sampled_from((3, 4)), st.integers(0, 0xFFFF), st.integers(1, 125)
)


def half_of(raw: bytes) -> st.SearchStrategy[bytes]:
    return st.integers(0, len(raw) - 1).map(lambda length: raw[:length])


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[ReadRequest, Values | Refusal]:
    """A question and an answer to it."""
    request = draw(REQUESTS)
    payload = st.binary(min_size=2 * request.length, max_size=2 * request.length)
    values = st.builds(Values, st.just(request.address), st.just(request.function), payload)
    refusals = st.builds(Refusal, st.just(request.address), st.just(request.function), st.integers(1, 11))
    return request, draw(st.one_of(values, refusals))


@settings(max_examples=150, deadline=None)
@given(exchanges(), NOISE, NOISE)
def test_an_answer_is_found_behind_any_noise(
    exchange: tuple[ReadRequest, Values | Refusal], before: bytes, after: bytes
) -> None:
    request, answer = exchange
    raw = encode(answer)
    if not scan(before + raw[:-1]):  # a frame by chance would swallow it, once in 65 536
        assert find_reply(before + raw + after, request) == answer


@settings(max_examples=150, deadline=None)
@given(exchanges(), st.integers(0, 3), st.data())
def test_an_answer_is_found_behind_echoes_and_half_frames(
    exchange: tuple[ReadRequest, Values | Refusal], echoes: int, data: st.DataObject
) -> None:
    request, answer = exchange
    before = encode(request) * echoes + data.draw(half_of(encode(answer)) | half_of(encode(request)))
    frames = scan(before + encode(answer)[:-1])
    if all(isinstance(frame, ReadRequest) for frame in frames):
        assert find_reply(before + encode(answer), request) == answer


def test_an_echo_that_the_answers_first_byte_makes_whole_does_not_hide_the_answer() -> None:
    request = ReadRequest(7, 3, 900, 8)  # its last byte on the wire is 7, like the answer's first
    answer = Values(7, 3, bytes(16))
    assert find_reply(encode(request)[:-1] + encode(answer), request) == answer


@settings(max_examples=300, deadline=None)
@given(exchanges(), st.data())
def test_a_damaged_answer_is_none(exchange: tuple[ReadRequest, Values | Refusal], data: st.DataObject) -> None:
    """A burst of up to 16 flipped bits is always seen by a CRC of 16."""
    request, answer = exchange
    raw = bytearray(encode(answer))
    burst, start = data.draw(st.integers(1, 0xFFFF)), data.draw(st.integers(0, 8 * len(raw) - 16))
    damage = (burst << 8 * len(raw) - 16 - start).to_bytes(len(raw), "big")
    damaged = bytes(byte ^ flipped for byte, flipped in zip(raw, damage, strict=True))
    assert parse(damaged) is None
    assert find_reply(damaged, request) != answer


@settings(max_examples=150, deadline=None)
@given(exchanges(), exchanges())
def test_the_answer_to_another_meter_function_or_length_is_no_answer(
    exchange: tuple[ReadRequest, Values | Refusal], other: tuple[ReadRequest, Values | Refusal]
) -> None:
    request, answer = exchange[0], other[1]
    fits = answer[:2] == request[:2] and (isinstance(answer, Refusal) or len(answer.payload) == 2 * request.length)
    assert (find_reply(encode(answer), request) is not None) == fits


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(NOISE, exchanges().map(lambda exchange: encode(exchange[1]))), max_size=6))
def test_any_bytes_are_scanned_without_complaint_and_nothing_is_made_up(pieces: list[bytes]) -> None:
    heard = b"".join(pieces)
    end = 0
    for frame in scan(heard):
        end = heard.index(encode(frame), end) + len(encode(frame))
