"""Findings of an on-site check: what inspectors saw at an instrument, signed by one of them; bytes <-> frozen values.

A signed note (note.py) by a person's key, `<domain>/person/<word>`. Its text has two lines:

    jishi-findings/v1
    {"v":1,"asset":"A001","place":"B-204","plate":"SU8010, no. 0042","inspectors":["Wang"],"hosts":["Li"],…}

The second is one JSON object in canonical form (members in the order of `Findings`, no spaces, integers only, optional
ones left out), so that what was found has exactly one byte string. Times are UTC ms by the inspector's own clock; what
the host's clock said stands beside them where it was read. A host's clock that differs is a finding, not an error.

Findings decide nothing: they never change an hour. The collector holds them against what agents sent (live_test.py
and its own log), and shows both.
Source: evidence.md sections 2, 3 and 7.
"""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from protocol.canonical import decode_canonical
from protocol.entry import Base64, Int, Natural, Text, WallMs, Word, has_control_character
from protocol.errors import MalformedFindings, excerpt
from protocol.facts import Sha256
from protocol.keys import SigningKey, VerifierKey
from protocol.note import sign
from protocol.person_key import open_signed
from protocol.topics import parse_person

KIND = "jishi-findings/v1"
MAX_STEPS = 50
MAX_ROWS = 400

Nonce = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
_People = Annotated[tuple[Text, ...], Meta(max_length=20)]
_Origin = Annotated[str, Meta(min_length=3, max_length=300)]
_Seconds = Annotated[int, Meta(ge=0, le=86_400)]

Deed = Literal["off", "on", "idle", "run", "end"]
DEEDS: tuple[Deed, ...] = get_args(Deed)
"""From its time on the instrument was off · on, whatever that makes of it · idle · running; `end`: left alone."""
Stratum = Literal["external", "high", "quiet"]
STRATA: tuple[Stratum, ...] = get_args(Stratum)
Match = Literal["match", "differs", "missing", "open"]
MATCHES: tuple[Match, ...] = get_args(Match)
"""What the paper log says of a day: the same · something else · nothing · nobody has looked yet."""
Verdict = Literal["in-order", "questions", "not-in-order"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class _Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A canonical JSON object."""


class Nonced(_Member, frozen=True, kw_only=True):
    """A nonce that an agent journalled before the inspector's eyes: in which log, at which index.

    `note` is the checkpoint that the agent signed over it (base64), where the slip was taken along.
    """

    nonce: Nonce
    log: _Origin
    index: Natural
    note: Base64 | None = None


class Step(_Member, frozen=True, kw_only=True):
    """What the instrument was brought to at `at`; `host`: what the host's clock said then."""

    do: Deed
    at: WallMs
    host: WallMs | None = None


class Row(_Member, frozen=True, kw_only=True):
    """A day of the sample: what its hour record says, and what the paper log says (`paper_s`: effective seconds)."""

    day: str
    stratum: Stratum
    record: Sha256
    effective_s: _Seconds
    external_s: _Seconds
    found: Match
    paper_s: _Seconds | None = None
    remark: Text | None = None

    def __post_init__(self) -> None:
        if date.fromisoformat(self.day).isoformat() != self.day:
            raise ValueError("a day is written as YYYY-MM-DD")


class Sample(_Member, frozen=True, kw_only=True):
    """Which days were drawn from which bundle (SHA-256 of its MANIFEST) by which seed: day_sample.py draws them."""

    manifest: Sha256
    seed: Word
    rows: Annotated[tuple[Row, ...], Meta(max_length=MAX_ROWS)]

    def __post_init__(self) -> None:
        days = [row.day for row in self.rows]
        if days != sorted(set(days)):
            raise ValueError("the days of a sample stand in order, each once")


class Findings(_Member, frozen=True, kw_only=True):
    """All that was found at one instrument, from `begun` to `ended`."""

    v: Annotated[int, Meta(ge=1, le=1)]
    asset: Word
    place: Text
    plate: Text  # what the name plate says
    inspectors: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=20)]
    hosts: _People  # who was there for the unit
    begun: WallMs
    ended: WallMs
    clock_ms: Int | None = None  # the host's clock minus the inspector's
    nonce: Nonced | None = None
    steps: Annotated[tuple[Step, ...], Meta(max_length=MAX_STEPS)] = ()
    sample: Sample | None = None
    verdict: Verdict
    remarks: Annotated[str, Meta(max_length=4000)] = ""

    def __post_init__(self) -> None:
        times = [step.at for step in self.steps]
        if times != sorted(times) or self.begun > self.ended:
            raise ValueError("times stand in order: begun before ended, and each step after the one before")
        if times and not self.begun <= times[0] <= times[-1] <= self.ended:
            raise ValueError("steps lie between begun and ended")


def encode(findings: Findings) -> str:
    """Return the note's text; ValueError for what `parse_findings` would refuse."""
    text = f"{KIND}\n{_encode(findings).decode()}\n"
    if parse_findings(text) != findings:
        raise ValueError(f"these findings would be read as others: {excerpt(text)}")
    return text


def parse_findings(text: str) -> Findings:
    """Read the text of a note; MalformedFindings for any other than the canonical form."""
    lines = text.split("\n")
    if len(lines) != 3 or lines[0] != KIND or lines[2]:
        raise MalformedFindings(f"findings have two lines, the first {KIND!r}, not {excerpt(text)}")
    raw = lines[1].encode("utf-8", "surrogatepass")
    findings = decode_canonical(raw, _decode, what="a check's findings", error=MalformedFindings)
    if has_control_character(raw):
        raise MalformedFindings(f"findings with a control character in their text: {excerpt(raw)}")
    return findings


def sign_findings(findings: Findings, key: SigningKey) -> bytes:
    """Return the signed note; ValueError where the key is no person's, or the findings cannot be written."""
    parse_person(key.name)
    return sign(encode(findings), key)


def open_findings(raw: bytes, key: VerifierKey) -> Findings:
    """Return the findings that this person's key signed; BadSignature, MalformedFindings, MalformedName and others."""
    return parse_findings(open_signed(raw, key))


_encode = msgspec.json.Encoder().encode
_decode: Callable[[bytes], Findings] = msgspec.json.Decoder(Findings).decode
