"""Frames are found again whatever surrounds them, and nothing else is taken for one."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.watchers.modbus_frame import Frame, ReadRequest, Refusal, Values, crc16, encode, find_reply, parse, scan

SHARED_FRAMES = Path(__file__).parents[4] / "shared" / "frames.json"

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


def shared_frames() -> list[Any]:
    if not SHARED_FRAMES.exists():
        return []
    frames = json.loads(SHARED_FRAMES.read_text(encoding="utf-8"))
    return [frame for frame in frames if frame["protocol"] == "modbus-rtu"]


@pytest.mark.skipif(not SHARED_FRAMES.exists(), reason="the shared frames are not on this machine")
def test_shared_frames_are_told_apart() -> None:
    assert len(shared_frames()) > 20
    for shared in shared_frames():
        raw = bytes.fromhex(shared["hex"])
        if shared["valid"] and raw[1] == 0x10:
            assert crc16(raw[:-2]) == int.from_bytes(raw[-2:], "little"), shared["name"]
            assert parse(raw) is None, "the agent has no words for a write"
        elif shared["valid"]:
            assert parse(raw) is not None, shared["name"]
        else:
            assert scan(raw) == [], shared["name"]


@pytest.mark.skipif(not SHARED_FRAMES.exists(), reason="the shared frames are not on this machine")
def test_shared_frames_say_what_is_noted_beside_them() -> None:
    noted = 0
    for shared in shared_frames():
        frame = parse(bytes.fromhex(shared["hex"])) if shared["valid"] else None
        decoded = shared["decoded"]
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


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40), st.binary(max_size=40))
def test_noise_around_a_reply_never_hides_it(before: bytes, after: bytes) -> None:
    if not scan(before + REPLY_RAW[:-1]):  # a frame by chance would swallow it, once in 65 536
        assert REPLY in scan(before + REPLY_RAW + after)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_scanned_without_complaint(heard: bytes) -> None:
    for frame in scan(heard):
        assert encode(frame) in heard
