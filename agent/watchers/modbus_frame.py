"""Modbus RTU frames: bytes <-> values, found again after noise, echoes and half frames. Pure, and small to import.

Modbus RTU marks frames by silence on the line, which a USB adapter does not keep, and its replies carry no number of
the request that they answer. So a frame is what has a known shape and a correct CRC, at any place of the buffer: noise
before it, our own request echoed by a two-wire adapter, and the first half of a lost frame are all passed over. Whether
a reply fits the request at hand is for `find_reply`; that it is no late answer to an older one is for the port.

    01 04 00 0C 00 02 B1 C8            request: address 1, function 4, register 0x000C, 2 registers; CRC low byte first
    01 04 04 43 66 00 00 0E 1F         reply: 4 bytes = float32 230.0
    01 84 02 C2 C1                     refusal: exception 2, illegal data address

Source: MODBUS over Serial Line V1.02 (2.5.1, and 6.2.2 for the CRC) and MODBUS Application Protocol V1.1b3 (6.3 and 6.4
read holding and input registers, 7 exceptions). Functions that write are not known here, on purpose.
"""

import struct
from typing import NamedTuple

READ_FUNCTIONS = (3, 4)
MAX_REGISTERS = 125
REQUEST_BYTES = 8
REFUSAL_BYTES = 5
REFUSED = 0x80
MAX_FRAME_BYTES = 256


class ReadRequest(NamedTuple):
    """Ask a meter for `length` registers from `register` on; function 3 reads holding, 4 input registers."""

    address: int
    function: int
    register: int
    length: int


class Values(NamedTuple):
    """A meter's reply: `payload` holds two bytes for each register, high byte first."""

    address: int
    function: int
    payload: bytes


class Refusal(NamedTuple):
    """A meter's exception reply to `function`; the codes are in section 7 of the application protocol."""

    address: int
    function: int
    code: int


Frame = ReadRequest | Values | Refusal


class Found(NamedTuple):
    """A frame, and the places in the buffer where it begins and after it."""

    frame: Frame
    start: int
    end: int


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC = _crc_table()


def crc16(body: bytes) -> int:
    """Return the Modbus CRC of `body`; it follows the body low byte first."""
    crc = 0xFFFF
    for byte in body:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame on the wire."""
    match frame:
        case ReadRequest(address, function, register, length):
            body = struct.pack(">BBHH", address, function, register, length)
        case Values(address, function, payload):
            body = bytes((address, function, len(payload))) + payload
        case Refusal(address, function, code):
            body = bytes((address, function | REFUSED, code))
    return body + struct.pack("<H", crc16(body))


def parse(raw: bytes) -> Frame | None:
    """Return the frame that `raw` is, byte for byte, or None."""
    found = _frame_at(raw, 0)
    return found.frame if found is not None and found.end == len(raw) else None


def scan(buffer: bytes) -> list[Frame]:
    """Return all frames in a buffer in their order, passing over what is none."""
    frames, start = [], 0
    while (found := _next(buffer, start)) is not None:
        frames.append(found.frame)
        start = found.end
    return frames


def find_reply(buffer: bytes, request: ReadRequest) -> Values | Refusal | None:
    """Return the first frame that can be the reply to `request`: same meter, same function, same length.

    A reply may begin inside a request: an echo that lost its last byte is whole again with the reply's first,
    where the two happen to be equal.
    """
    start = 0
    while (found := _next(buffer, start)) is not None:
        frame = found.frame
        if isinstance(frame, ReadRequest):
            start = found.start + 1
            continue
        start = found.end
        if frame[:2] == request[:2] and (isinstance(frame, Refusal) or len(frame.payload) == 2 * request.length):
            return frame
    return None


def _next(buffer: bytes, start: int) -> Found | None:
    """Return the first frame that begins at `start` or later."""
    places = range(start, len(buffer) - REFUSAL_BYTES + 1)
    return next((found for place in places if (found := _frame_at(buffer, place)) is not None), None)


def _frame_at(buffer: bytes, start: int) -> Found | None:
    """Return the frame that begins at `start`; the CRC decides whether it is a reply or a request."""
    if len(buffer) - start < REFUSAL_BYTES or not 0 < buffer[start] <= 247:
        return None
    address, function, third = buffer[start : start + 3]
    if function & ~REFUSED not in READ_FUNCTIONS:
        return None
    if function & REFUSED:
        frame = Refusal(address, function & ~REFUSED, third)
        return _if_intact(frame, buffer, start=start, length=REFUSAL_BYTES)
    if third and third % 2 == 0:
        end = start + 3 + third
        values = Values(address, function, bytes(buffer[start + 3 : end]))
        found = _if_intact(values, buffer, start=start, length=third + REFUSAL_BYTES)
        if found is not None:
            return found
    if len(buffer) - start < REQUEST_BYTES:
        return None
    register, length = struct.unpack_from(">HH", buffer, start + 2)
    request = ReadRequest(address, function, register, length)
    return _if_intact(request, buffer, start=start, length=REQUEST_BYTES)


def _if_intact(frame: Frame, buffer: bytes, *, start: int, length: int) -> Found | None:
    end = start + length
    if end > len(buffer):
        return None
    (crc,) = struct.unpack_from("<H", buffer, end - 2)
    return Found(frame, start, end) if crc == crc16(buffer[start : end - 2]) else None
