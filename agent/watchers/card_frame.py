"""What card readers on a serial line say: bytes -> card numbers, and who was presented when. Pure.

    rdm6300       02 31303030383646343434 3236 03        STX, ten hex digits, two of checksum, ETX; each 50 ms
    em4100-ascii  the same; a CR, or CR and LF, may stand before the ETX, as ID-12 and ID-20 modules send it
    em4100-bin    02 0A 02 06 008E6D5D B0 03             STX, length, type, batch, card, check, ETX
    wiegand26     86F444<CR>                             lines of a Wiegand converter: 6 hex digits, `134,62532`,
                  or 24 bits, 26 bits, or 8 hex digits that hold the 26 bits
    wiegand24     the same, where 8 hex digits hold the 24 bits without parity, as some converters fill up with zeros

Checks are those of the format: the XOR of the five bytes (RDM6300, ID-12), the XOR of length to card (em4100-bin), an
even parity bit over the first twelve bits and an odd one over the last twelve (Wiegand's 26 bits). What fails them is
no card. A number is written in upper-case hex: ten digits, six for Wiegand.

A card number is personal data: nothing here puts received bytes into a message, for a damaged frame holds most of one.
"""

import re
from collections.abc import Callable
from functools import reduce
from operator import xor
from typing import Literal, NamedTuple

FormatName = Literal["rdm6300", "em4100-ascii", "em4100-bin", "wiegand26", "wiegand24"]

AWAY_MS = 1000
"""A card is presented again once it was away for longer; a reader repeats its number each 50 ms while it lies there."""

MOST_AT_ONCE = 8
CALM_MS = 10_000
FAILED_FRAMES = 3
FAILED_BYTES = 200
LONGEST_LINE = 64


class Failed(NamedTuple):
    """Something in the form of a frame whose check does not fit, or a line that is none of the format's."""

    check: Literal["checksum", "parity", "form"]


Found = str | Failed
"""A card's number, or that there was none to be had."""


class Cut(NamedTuple):
    """What stood in some bytes, and the rest that may be the beginning of a frame."""

    found: list[Found]
    rest: bytes


def cut(received: bytes, form: FormatName) -> Cut:
    """Return what stands in the bytes received so far, noise and half frames passed over."""
    return FORMATS[form](received)


def _framed(pattern: "re.Pattern[bytes]", longest: int, read: Callable[[bytes], Found]) -> Callable[[bytes], Cut]:
    def cut_frames(received: bytes) -> Cut:
        found, at = [], 0
        while match := pattern.search(received, at):
            found.append(read(match[1]))
            # A frame may have begun within what only looked like one.
            at = match.start() + 1 if isinstance(found[-1], Failed) else match.end()
        return Cut(found, received[max(at, len(received) - longest + 1) :])

    return cut_frames


def _lines(read: Callable[[str], Found]) -> Callable[[bytes], Cut]:
    def cut_lines(received: bytes) -> Cut:
        *lines, rest = re.split(rb"[\r\n]+", received)
        found = [read(line.decode("latin-1").strip()) for line in lines if line.strip()]
        # What is too long for a line stays so long that its end is refused too.
        return Cut(found, rest[: LONGEST_LINE + 1])

    return cut_lines


def _read_ascii(digits: bytes) -> Found:
    *number, check = bytes.fromhex(digits.decode())
    return digits[:10].decode().upper() if reduce(xor, number) == check else Failed("checksum")


def _read_binary(body: bytes) -> Found:
    *checked, check = body
    return body[2:7].hex().upper() if reduce(xor, checked) == check else Failed("checksum")


def _read_wiegand26(line: str) -> Found:
    if re.fullmatch(r"[0-9A-Fa-f]{8}", line):
        return _from_26_bits(f"{int(line, 16):026b}")
    return _read_wiegand(line)


def _read_wiegand24(line: str) -> Found:
    if re.fullmatch(r"00[0-9A-Fa-f]{6}", line):
        return line[2:].upper()
    return _read_wiegand(line)


def _read_wiegand(line: str) -> Found:
    if re.fullmatch(r"[01]{26}", line):
        return _from_26_bits(line)
    if re.fullmatch(r"[01]{24}", line):
        return f"{int(line, 2):06X}"
    if re.fullmatch(r"[0-9A-Fa-f]{6}", line):
        return line.upper()
    if match := re.fullmatch(r"([0-9]{1,3}), ?([0-9]{1,5})", line):
        facility, card = int(match[1]), int(match[2])
        return f"{facility:02X}{card:04X}" if facility <= 0xFF and card <= 0xFFFF else Failed("form")
    return Failed("form")


def _from_26_bits(bits: str) -> Found:
    if len(bits) != 26:
        return Failed("form")
    fits = bits[:13].count("1") % 2 == 0 and bits[13:].count("1") % 2 == 1
    return f"{int(bits[1:25], 2):06X}" if fits else Failed("parity")


FORMATS: dict[FormatName, Callable[[bytes], Cut]] = {
    "rdm6300": _framed(re.compile(rb"\x02([0-9A-Fa-f]{12})\x03"), 14, _read_ascii),
    "em4100-ascii": _framed(re.compile(rb"\x02([0-9A-Fa-f]{12})(?:\r\n?)?\x03"), 16, _read_ascii),
    "em4100-bin": _framed(re.compile(rb"\x02(\x0a.{7})\x03", re.DOTALL), 10, _read_binary),
    "wiegand26": _lines(_read_wiegand26),
    "wiegand24": _lines(_read_wiegand24),
}


class Reader:
    """One reader, listened to: which cards are presented, and whether what comes makes sense.

    `trouble` is one line for people while nothing intact comes, else empty; ten quiet seconds end it too.
    """

    def __init__(self, form: FormatName) -> None:
        self._form = form
        self._rest = b""
        self._lying: dict[str, int] = {}  # number -> when it was read last
        self._bytes = 0  # since the last intact frame
        self._failed: list[Failed] = []  # since then, the last few
        self._heard_ms = 0
        self.trouble = ""

    def hear(self, now_ms: int, received: bytes) -> list[str]:
        """Take what came since the last call, maybe nothing; return the numbers of cards that are presented now."""
        self._forget(now_ms - self._heard_ms)
        if not received:
            return []
        self._heard_ms = now_ms
        self._bytes += len(received)
        found, self._rest = cut(self._rest + received, self._form)
        presented = [number for one in found if (number := self._judge(now_ms, one))]
        self._failed = self._failed[-FAILED_FRAMES:]
        self.trouble = self._what_is_wrong()
        return presented

    def _forget(self, quiet_ms: int) -> None:
        if quiet_ms > AWAY_MS:
            self._rest = b""  # no frame pauses so long
            self._lying = {}
        if quiet_ms > CALM_MS:
            self._bytes, self._failed, self.trouble = 0, [], ""

    def _judge(self, now_ms: int, found: Found) -> str:
        """Return the number if it is presented now, else nothing."""
        if isinstance(found, Failed):
            self._failed.append(found)
            return ""
        self._bytes, self._failed = 0, []
        self._lying = {number: at_ms for number, at_ms in self._lying.items() if now_ms - at_ms <= AWAY_MS}
        lay_there = found in self._lying
        self._lying[found] = now_ms
        return "" if lay_there or len(self._lying) > MOST_AT_ONCE else found

    def _what_is_wrong(self) -> str:
        if len(self._lying) > MOST_AT_ONCE:
            return f"more than {MOST_AT_ONCE} cards within a second: that is no person; check the reader and its line"
        if len(self._failed) == FAILED_FRAMES:
            return _FAILED_WORDS[self._failed[-1].check].format(count=FAILED_FRAMES, form=self._form)
        if self._bytes > FAILED_BYTES:
            return f"{self._bytes} bytes and no card among them: check baudrate, and if the reader speaks {self._form}"
        return ""


_FAILED_WORDS = {
    "checksum": "{count} frames in a row with a wrong checksum: hold the card still, check wiring and baud rate",
    "parity": "{count} lines in a row with a wrong parity bit: check the wiring, or try format wiegand24",
    "form": "{count} lines in a row that are none of {form}: check `format` and the reader's own settings",
}
