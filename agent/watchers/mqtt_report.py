"""What one MQTT message of a plug or gateway tells, and how its payload is read without believing it. Pure.

Payloads are foreign bytes: each gives a value or `Nonsense`, and no other exception. Numbers must be finite, JSON must
be what RFC 8259 allows (so no NaN, no Infinity, no invalid UTF-8), and a payload may have 64 KiB. A member that is
absent or null tells nothing: it is never zero.
"""

import re
from typing import Literal, NamedTuple, Protocol

import msgspec

from protocol.entry import clean_text

MAX_PAYLOAD_BYTES = 65_536
MAX_WORD = 64
MOST = 1e12
"""No number beyond this is a measurement; in thousandths, it is still an integer that the journal can hold."""

MOST_MWH = 10**15
"""A million MWh: beyond any counter of a plug."""

PowerUnit = Literal["W", "kW"]
EnergyUnit = Literal["Wh", "kWh", "Wmin"]

MILLI_OF = {"W": 1e3, "kW": 1e6, "Wh": 1e3, "kWh": 1e6, "Wmin": 1e3 / 60}
"""How many mW or mWh one of these is."""

_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_POINTER = re.compile(r"(?:/(?:[^/~]|~[01])*)*")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


class Message(NamedTuple):
    """One delivery. `retained`: the broker had kept it, so nobody can tell how old it is."""

    topic: str
    payload: bytes
    retained: bool = False


class Reachable(NamedTuple):
    """Somebody's word on whether the plug is there; `source` is how a message for people names who said it."""

    source: str
    yes: bool


class Report(NamedTuple):
    """What a message tells; what is None, it does not tell.

    `value`: power in mW, or the value of another channel. `counter_mwh`: the energy counter. `particulars` are for
    `status` alone.
    """

    value: int | str | None = None
    counter_mwh: int | None = None
    reachable: Reachable | None = None
    particulars: tuple[tuple[str, str | int], ...] = ()


NOTHING = Report()


class Nonsense(Exception):
    """A message that cannot be used. `word` is for programs; the text says what was found, expected, and the remedy."""

    def __init__(self, word: Literal["garbage", "absurd"], reason: str) -> None:
        super().__init__(reason)
        self.word = word


class Dialect(Protocol):
    """How one kind of plug speaks. `topics` are exact, without wildcards; `read` raises nothing but Nonsense.

    `question` is what may be published to make the plug report at once, None where it takes no such question.
    `hint` ends the message that the plug is silent: what to look at. `apart`: value and counter may come in messages
    of their own, the value first.
    """

    @property
    def topics(self) -> tuple[str, ...]: ...

    @property
    def question(self) -> Message | None: ...

    @property
    def hint(self) -> str: ...

    @property
    def apart(self) -> bool: ...

    def read(self, message: Message) -> Report: ...


def read_json(message: Message) -> object:
    """Return the document; Nonsense for anything that is none."""
    _check_size(message)
    try:
        return msgspec.json.decode(message.payload)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        found = f"{excerpt(message.payload)} on {message.topic} is no JSON ({error})"
        raise Nonsense("garbage", f"{found}: does something else publish there?") from error


def read_object(message: Message) -> dict[str, object]:
    """Return the members of a JSON object; Nonsense."""
    document = read_json(message)
    if not isinstance(document, dict):
        raise Nonsense("garbage", f"{excerpt(message.payload)} on {message.topic} is no JSON object, which is expected")
    return document


def read_text(message: Message) -> str:
    """Return a payload that is plain text, without the space around it; Nonsense."""
    _check_size(message)
    try:
        return message.payload.decode().strip()
    except UnicodeDecodeError as error:
        raise Nonsense("garbage", f"{excerpt(message.payload)} on {message.topic} is no UTF-8 text") from error


def as_object(value: object) -> dict[str, object]:
    """Return a member's members; none where it is absent or something else."""
    return value if isinstance(value, dict) else {}


def find(document: object, pointer: str) -> object:
    """Return what a JSON pointer (RFC 6901) leads to; None where it leads nowhere."""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and _ARRAY_INDEX.fullmatch(name) and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document


def is_pointer(text: str) -> bool:
    """Whether a text is a JSON pointer: empty, or steps that each begin with `/`, and `~` only in `~0` and `~1`."""
    return _POINTER.fullmatch(text) is not None


def number(value: object, *, where: str) -> float | None:
    """Return a finite number, None where there is none; Nonsense for anything else."""
    if value is None:
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= MOST:
        raise Nonsense("garbage", f"{where} is {clean_text(repr(value), 60)}, and a number is expected")
    return float(value)


def power_mw(value: object, unit: PowerUnit, *, max_w: float, where: str) -> int | None:
    """Return a power in mW, None where there is none; Nonsense, also for more than `max_w` in either direction."""
    power = number(value, where=where)
    if power is None:
        return None
    watts = power * MILLI_OF[unit] / 1000
    if abs(watts) > max_w:
        raise Nonsense("absurd", f"{where} says {watts:.6g} W, more than max_w = {max_w:g}: correct the unit or max_w")
    return round(watts * 1000)


def energy_mwh(value: object, unit: EnergyUnit, *, where: str) -> int | None:
    """Return an energy counter in mWh, None where there is none; Nonsense, also for what no counter shows."""
    energy = number(value, where=where)
    if energy is None:
        return None
    mwh = energy * MILLI_OF[unit]
    if not 0 <= mwh <= MOST_MWH:
        raise Nonsense("absurd", f"{where} says {mwh / 1e6:.6g} kWh, which is no energy counter: correct the unit")
    return round(mwh)


def word(value: object, *, where: str) -> str | None:
    """Return a state in one word of 1 to 64 characters, None where there is none; Nonsense."""
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else msgspec.json.encode(value).decode()
    if isinstance(value, (dict, list)) or not 1 <= len(text) <= MAX_WORD or not text.isprintable():
        found = clean_text(repr(value), 60)
        raise Nonsense("garbage", f"{where} is {found}, and a word of 1 to {MAX_WORD} characters is expected")
    return text


def reachable(text: str, *, yes: str, no: str, source: str, where: str) -> Report:
    """Return what a last will or an availability topic says; nothing where it was cleared; Nonsense."""
    if text not in (yes, no, ""):
        raise Nonsense("garbage", f"{where} is {clean_text(repr(text), 60)}, and {yes} or {no} is expected")
    return Report(reachable=Reachable(source, text == yes)) if text else NOTHING


def excerpt(payload: bytes) -> str:
    """Return the beginning of a payload for a message, fit to be shown."""
    text = clean_text(payload[:60].decode(errors="replace"))
    return f"{text!r}" + (" …" if len(payload) > 60 else "")


def _check_size(message: Message) -> None:
    size = len(message.payload)
    if size > MAX_PAYLOAD_BYTES:
        raise Nonsense("garbage", f"a message of {size} bytes on {message.topic}; at most {MAX_PAYLOAD_BYTES} are read")
