"""DL/T 645-2007 frames: bytes <-> values, found again after noise, echoes and half frames. Pure, and small to import.

    FE FE FE FE 68 61 01 00 00 00 00 68 11 04 33 33 36 35 18 16             ask 000000000161 for 02030000, the power
    FE FE FE FE 68 61 01 00 00 00 00 68 91 07 33 33 36 35 78 56 34 9D 16    its answer: 1.2345 kW
    68 61 01 00 00 00 00 68 D1 01 35 39 16                                  its refusal: error 02, no such data

A frame is 68, six address bytes, 68, a control code, the length of the data, the data with 33H added to each byte, the
sum of all that, 16. Everything goes low byte first and in BCD; any number of FE may wake the receiver before it. Sum
and marks decide at every place of the buffer whether a frame begins there, so noise is passed over, and a 68 or a 16
within the data means nothing. What is a frame, but none that is spoken of here, is stepped over as a whole: nothing in
its data is taken for a frame.

Answers carry the meter's address and the data identifier asked for; `find_answer` checks both. Refusals carry no
identifier. Frames that write, freeze, clear or switch cannot be expressed here, on purpose.

Source: DL/T 645-2007 (5.2 frame, 5.3.3 times of response, 7 application layer: 11H read data, 13H read address; annex A
for identifiers and formats, table A.3 note 2 for the sign of a power; annex C for the error byte).
"""

from typing import NamedTuple

START, END, WAKE = 0x68, 0x16, 0xFE
OFFSET = 0x33
SMALLEST_FRAME_BYTES = 12
MOST_DATA_BYTES = 200

READ_DATA, READ_ADDRESS = 0x11, 0x13
FROM_METER, REFUSED, FOLLOWED = 0x80, 0x40, 0x20

ANY_ADDRESS = "AAAAAAAAAAAA"
"""The wildcard of 5.2: each meter that hears it answers, and names its own address."""

ERRORS = (
    "other error",
    "it has no such data",
    "wrong password, or not authorised",
    "the rate of transmission cannot be changed",
    "too many yearly time zones",
    "too many daily periods",
    "too many tariffs",
    "reserved",
)
"""What the bits of an error byte mean, bit 0 first (annex C)."""


class ReadData(NamedTuple):
    """Ask a meter for the data of an identifier, 0x02030000 for example."""

    address: str
    identifier: int


class ReadAddress(NamedTuple):
    """Ask whatever meter hears it for its address; where there are two, their answers collide."""

    address: str = ANY_ADDRESS


class Data(NamedTuple):
    """A meter's answer to ReadData: low byte first, without the 33H. `followed`: more of it is to be had."""

    address: str
    identifier: int
    payload: bytes
    followed: bool = False


class Address(NamedTuple):
    """A meter's answer to ReadAddress."""

    address: str


class Refusal(NamedTuple):
    """A meter's answer that it will not: `function` is READ_DATA or READ_ADDRESS, `error` the byte of annex C."""

    address: str
    function: int
    error: int


class Other(NamedTuple):
    """A sound frame of another kind: somebody else speaks on this line."""

    address: str
    control: int


Frame = ReadData | ReadAddress | Data | Address | Refusal | Other
Sendable = ReadData | ReadAddress | Data | Address | Refusal


class Found(NamedTuple):
    """A frame and the place in the buffer after it."""

    frame: Frame
    end: int


class NotDecimal(ValueError):
    """Bytes that should be BCD digits are none, so they are no value; the text shows them."""


def encode(frame: Sendable) -> bytes:
    """Return the bytes of a frame on the wire, without the FE before it."""
    match frame:
        case ReadData(address, identifier):
            control, data = READ_DATA, _identifier_bytes(identifier)
        case ReadAddress(address):
            control, data = READ_ADDRESS, b""
        case Data(address, identifier, payload, followed):
            control = FROM_METER | READ_DATA | (FOLLOWED if followed else 0)
            data = _identifier_bytes(identifier) + payload
        case Address(address):
            control, data = FROM_METER | READ_ADDRESS, _address_bytes(address)
        case Refusal(address, function, error):
            control, data = FROM_METER | REFUSED | function, bytes((error,))
    head = bytes((START, *_address_bytes(address), START, control, len(data)))
    body = head + bytes((byte + OFFSET) & 0xFF for byte in data)
    return body + bytes((_sum(body), END))


def parse(raw: bytes) -> Frame | None:
    """Return the frame that `raw` is, byte for byte after any FE, or None."""
    bare = raw.lstrip(bytes((WAKE,)))
    found = _frame_at(bare, 0)
    return found.frame if found is not None and found.end == len(bare) else None


def scan(buffer: bytes) -> list[Frame]:
    """Return all frames in a buffer in their order, passing over what is none."""
    frames, start = [], buffer.find(START)
    while start >= 0:
        found = _frame_at(buffer, start)
        if found is not None:
            frames.append(found.frame)
        start = buffer.find(START, start + 1 if found is None else found.end)
    return frames


def find_answer(buffer: bytes, request: ReadData) -> Data | Refusal | None:
    """Return the first frame that can be the answer to `request`: same meter, and same identifier if it has one."""
    for frame in scan(buffer):
        if isinstance(frame, Data) and frame[:2] == request:
            return frame
        if isinstance(frame, Refusal) and frame[:2] == (request.address, READ_DATA):
            return frame
    return None


def decimal(payload: bytes) -> int:
    """Return the digits of a payload as a number, low byte first; NotDecimal."""
    digits = payload[::-1].hex()
    if not digits.isdecimal():
        raise NotDecimal(f"the meter sent {payload[::-1].hex(' ')} where decimal digits belong")
    return int(digits)


def signed_decimal(payload: bytes) -> int:
    """Return the digits as a number whose sign is the topmost bit (table A.3 note 2); NotDecimal."""
    if not payload:
        raise NotDecimal("the meter sent nothing where decimal digits belong")
    top = payload[-1]
    value = decimal(payload[:-1] + bytes((top & 0x7F,)))
    return -value if top & 0x80 else value


def error_words(error: int) -> str:
    """Return what an error byte says, in words."""
    said = [words for bit, words in enumerate(ERRORS) if error >> bit & 1]
    return ", ".join(said) or "no reason given"


def _frame_at(buffer: bytes, start: int) -> Found | None:
    if len(buffer) - start < SMALLEST_FRAME_BYTES or buffer[start] != START or buffer[start + 7] != START:
        return None
    control, length = buffer[start + 8], buffer[start + 9]
    end = start + SMALLEST_FRAME_BYTES + length
    if length > MOST_DATA_BYTES or end > len(buffer) or buffer[end - 1] != END:
        return None
    if buffer[end - 2] != _sum(buffer[start : end - 2]):
        return None
    address = buffer[start + 1 : start + 7][::-1].hex().upper()
    data = bytes((byte - OFFSET) & 0xFF for byte in buffer[start + 10 : end - 2])
    return Found(_frame_of(address, control, data), end)


def _frame_of(address: str, control: int, data: bytes) -> Frame:
    """Return what a sound frame says; one that the standard does not know in this form is `Other`."""
    match control, len(data):
        case 0x11, 4:
            return ReadData(address, _identifier(data))
        case 0x13, 0:
            return ReadAddress(address)
        case ((0x91 | 0xB1), length) if length > 4 and address.isdecimal():
            return Data(address, _identifier(data), data[4:], bool(control & FOLLOWED))
        case 0x93, 6 if address.isdecimal() and data == _address_bytes(address):
            return Address(address)
        case ((0xD1 | 0xD3), 1) if address.isdecimal():
            return Refusal(address, control & 0x1F, data[0])
    return Other(address, control)


def _identifier(data: bytes) -> int:
    return int.from_bytes(data[:4], "little")


def _identifier_bytes(identifier: int) -> bytes:
    return identifier.to_bytes(4, "little")


def _address_bytes(address: str) -> bytes:
    return bytes.fromhex(address)[::-1]


def _sum(body: bytes) -> int:
    return sum(body) & 0xFF
