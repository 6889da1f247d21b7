"""Hints: what an agent's watchers show just now, while its backlog is still on the way. Shown to people, never counted.

    jishi-hint/v1
    jishi.example/a/em-01/1
    1764554716036              the agent's clock, UTC ms
    8640                       entries that wait for a receipt
    meter1 power 905800        watcher, channel, newest value: a whole number or a word
    door contact closed

    — jishi.example/a/em-01/1 leduGC…

A signed note by the log's own key, so that a broker cannot make a page show what no agent said. The text has four lines
and one for each channel, at most 64: it cannot be taken for a checkpoint, which has three. Source: faults.md section 2.
"""

import re
from dataclasses import dataclass

from protocol.entry import MAX_INT, NAME_PATTERN
from protocol.errors import MalformedMessage, TooLarge, excerpt
from protocol.keys import SigningKey, VerifierKey
from protocol.note import sign, verify

HINT_KIND = "jishi-hint/v1"
MAX_HINT_BYTES = 16_384
MAX_VALUES = 64

_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")
_NAME = re.compile(NAME_PATTERN)
_VALUE = re.compile(r"[\x21-\x7e]{1,64}")


@dataclass(frozen=True, slots=True)
class Showing:
    """The newest value of one channel: digits, or a word without spaces, of 1 to 64 printable ASCII characters."""

    watcher: str
    channel: str
    value: str


@dataclass(frozen=True, slots=True)
class Hint:
    """What the watchers of one log show at `time_ms`, and how many of its entries wait."""

    origin: str
    time_ms: int
    waiting: int
    showing: tuple[Showing, ...]

    @property
    def text(self) -> str:
        """What the log's key signs."""
        lines = [f"{one.watcher} {one.channel} {one.value}\n" for one in self.showing]
        return f"{HINT_KIND}\n{self.origin}\n{self.time_ms}\n{self.waiting}\n{''.join(lines)}"


@dataclass(frozen=True, slots=True)
class SignedHint:
    """A hint as it came: a note whose signature nobody has looked at."""

    note: bytes


def is_showable(value: str) -> bool:
    """Whether a hint may hold this value."""
    return _VALUE.fullmatch(value) is not None


def sign_hint(hint: Hint, key: SigningKey) -> bytes:
    """Return the hint as it travels; ValueError where it breaks a rule or the key is another log's."""
    if key.name != hint.origin:
        raise ValueError(f"the key {key.name} signs no hint of {hint.origin}")
    raw = sign(hint.text, key)
    try:
        written = open_hint(raw, key.verifier)
    except (MalformedMessage, TooLarge) as error:
        raise ValueError(f"this is not a hint that may be sent: {error}") from error
    if written != hint:
        raise ValueError(f"this hint would be read as another: {excerpt(raw)}")
    return raw


def open_hint(raw: bytes, key: VerifierKey) -> Hint:
    """Return the hint that the log's own key signed; BadSignature, MalformedNote, MalformedMessage, TooLarge."""
    if len(raw) > MAX_HINT_BYTES:
        raise TooLarge(f"a hint has at most {MAX_HINT_BYTES} bytes, not {len(raw)}")
    lines = verify(raw, key).split("\n")
    if len(lines) < 5 or lines[0] != HINT_KIND or lines[1] != key.name:
        raise MalformedMessage(f"not a hint of {key.name}: {excerpt(raw)}")
    if len(lines) - 5 > MAX_VALUES:
        raise TooLarge(f"a hint has at most {MAX_VALUES} values")
    time_ms, waiting = map(_number, lines[2:4])
    return Hint(key.name, time_ms, waiting, tuple(map(_showing, lines[4:-1])))


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > MAX_INT:
        raise MalformedMessage(f"{excerpt(text)}: a number below 2^53 without leading zeros is expected")
    return int(text)


def _showing(line: str) -> Showing:
    words = line.split(" ")
    if len(words) != 3 or not all(map(_NAME.fullmatch, words[:2])) or not _VALUE.fullmatch(words[2]):
        raise MalformedMessage(f"{excerpt(line)}: <watcher> <channel> <value> is expected")
    return Showing(*words)
