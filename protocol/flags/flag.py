"""A flag: that something ought to be looked at on site, with its figures; bytes <-> frozen values. Pure.

A flag is a signal and no verdict (evidence.md section 8): it orders the visits, and no hour, grade or standing ever
changes by it. Its bytes are canonical JSON, an array whose members stand in the order of the struct, so that the same
finding has one identity however often a rule finds it:

    [1,"A001","constant-load",1,"2026-03-02","2026-03-02",[["spread",900,"ppm"],["usual",52000,"ppm"]],[]]

`about` names what else it is about: another instrument, an earlier day, an order, a person by his salted hash.
"""

import hashlib
from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from protocol.canonical import decode_canonical
from protocol.entry import MAX_INT, Word
from protocol.errors import MalformedFlag

MAX_FLAG_BYTES = 8192
MAX_FIGURES = 16
MAX_ABOUT = 32

Unit = Literal["", "s", "days", "mW", "mWh", "ppm", "ppb", "fen", "bytes"]
"""Of a figure; "" is a number of things."""


class Figure(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One number that a rule states."""

    name: Word
    value: Annotated[int, Meta(ge=-MAX_INT, le=MAX_INT)]
    unit: Unit = ""


class Finding(msgspec.Struct, frozen=True):
    """What a rule says of the values that it was given: its figures, and what else it is about."""

    rule: str
    figures: tuple[Figure, ...]
    about: tuple[str, ...] = ()


class Flag(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A finding with its instrument, its days (both included) and the version of the rule that found it."""

    v: Literal[1]
    asset: Word
    rule: Word
    version: Annotated[int, Meta(ge=1, le=1_000_000)]
    first_day: str  # YYYY-MM-DD
    last_day: str
    figures: Annotated[tuple[Figure, ...], Meta(max_length=MAX_FIGURES)]
    about: Annotated[tuple[Word, ...], Meta(max_length=MAX_ABOUT)] = ()

    def __post_init__(self) -> None:
        days = [date.fromisoformat(day) for day in (self.first_day, self.last_day)]
        if [day.isoformat() for day in days] != [self.first_day, self.last_day] or days != sorted(days):
            raise ValueError("a flag has two days as YYYY-MM-DD, the earlier one first")
        names = [figure.name for figure in self.figures]
        if len(set(names)) != len(names):
            raise ValueError("a figure is named twice")


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Flag).decode


def encode(flag: Flag) -> bytes:
    """The one byte string of a flag."""
    return _encode(flag)


def decode(raw: bytes) -> Flag:
    """The flag of these bytes; TooLarge, or MalformedFlag where they are not canonical."""
    return decode_canonical(raw, _decode, what="a flag", error=MalformedFlag, most=MAX_FLAG_BYTES)


def identity(raw: bytes) -> str:
    """The SHA-256 of a flag's bytes, in hex."""
    return hashlib.sha256(raw).hexdigest()
