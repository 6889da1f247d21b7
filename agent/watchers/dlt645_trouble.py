"""Why what was heard on a DL/T 645 line is no answer, in words for the operator. Pure, and small to import."""

from typing import NamedTuple

from agent.watchers.dlt645_frame import WAKE, Address, Data, Frame, ReadAddress, ReadData, Refusal, encode, scan
from agent.watchers.serial_port import NoReading

FLOOD_BYTES = 2048
"""As much as this without an answer is listened to no longer."""


class Asked(NamedTuple):
    """What was asked: `address` is empty when any meter was; `late_s` is how late answers came lately, if they did."""

    request: ReadData | ReadAddress | None
    address: str
    timeout_s: float
    late_s: float | None = None

    @property
    def whom(self) -> str:
        """Who should have answered."""
        return f"meter {self.address}" if self.address else "any meter"


def why_none(heard: bytes, asked: Asked) -> NoReading:
    """Return why nothing in `heard` is the answer; the word is for programs, the text for the operator."""
    echo = encode(asked.request) if asked.request else b""
    rest = heard.replace(echo, b"") if echo else heard
    frames = scan(rest)
    if len(heard) >= FLOOD_BYTES:
        return NoReading("garbage", f"a flood of bytes without an answer ({heard[:8].hex(' ')} …): {_LINE}")
    if stranger := _stranger(frames, asked.address):
        return NoReading("foreign", f"meter {stranger} answered though meter {asked.address} was asked: {_WHOSE}")
    if asked.late_s is not None:
        return NoReading("late", _came_late(asked, asked.late_s))
    if frames:
        return NoReading("foreign", f"only frames that nobody here asked for were heard: {_WHOSE}")
    if rest.strip(bytes((WAKE,))):
        return NoReading("garbage", f"no intact frame in {len(rest)} bytes ({_excerpt(rest)}): {_mixed(asked)}{_LINE}")
    echoed = ", only the echo of the question came back" if echo and echo in heard else ""
    return NoReading("silent", f"no answer from {asked.whom} within {asked.timeout_s:g} s{echoed}: {_SILENT}")


def why_several(addresses: list[str]) -> NoReading:
    """Return what to do when more than one meter names itself."""
    return NoReading(
        "foreign", f"meters {' and '.join(addresses)} answer: set `address` to the one in this instrument's feed"
    )


_LINE = "check baudrate and parity (most meters: 2400, E), wiring, and whether another master uses the line"
_WHOSE = "set the address of this instrument's meter, or end the other master on the line"
_SILENT = "check power, wiring (A/B), address, baudrate and parity, and that the meter speaks DL/T 645-2007"


def _stranger(frames: list[Frame], address: str) -> str:
    """Return another meter that answered, when a certain one was asked."""
    answers = (frame.address for frame in frames if isinstance(frame, Data | Refusal | Address))
    return next((other for other in answers if address and other != address), "")


def _came_late(asked: Asked, late_s: float) -> str:
    return (
        f"{asked.whom} answers only after the time-out of {asked.timeout_s:g} s (within {late_s:.1f} s); "
        "such answers are not used: raise timeout_s"
    )


def _mixed(asked: Asked) -> str:
    return "" if asked.address else "where several meters are on the line, set `address`; else "


def _excerpt(heard: bytes) -> str:
    return heard[:16].hex(" ") + (" …" if len(heard) > 16 else "")
