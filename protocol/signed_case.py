"""What a person decides of a unit, signed with his key: fraud (指引八), transfer (指引十一); bytes <-> values. Pure.

A signed note (note.py) by a person's key, `<domain>/person/<word>`. Its text has two lines, the second one JSON object
in canonical form (members in the order of the structs, no spaces, integers only, optional ones left out):

    jishi-case/v1
    {"kind":"fraud","v":1,"at":1764554716036,"by":"li.ming","unit":"9161…","round":"2026","first_year":2027,…}

`by` drew the text up, `approver` signs it, and they are never the same. `evidence` names what is proved: a signed
decision about an instrument's time, findings of an on-site check, the proof of a fork, a stored document; each by its
SHA-256. A flag is a suspicion and has no name here.
"""

import hashlib
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from protocol import uscc
from protocol.canonical import decode_canonical
from protocol.entry import Text, WallMs, Word, has_control_character
from protocol.errors import MalformedCase, excerpt
from protocol.keys import SigningKey, VerifierKey
from protocol.note import sign
from protocol.person_key import open_signed
from protocol.topics import parse_person

KIND = "jishi-case/v1"
MAX_CASE_BYTES = 16_384
MAX_EVIDENCE = 100
Evidence = Annotated[str, Meta(pattern=r"\A(decision|finding|fork|document):[0-9a-f]{64}\Z")]
Way = Literal["within-unit", "within-department", "across-departments"]
"""单位内部调配 · 部门内无偿划拨 · 跨部门无偿划拨."""
_Year = Annotated[int, Meta(ge=2000, le=2199)]


class _Decided(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """What every decision about a unit has; the field order of the subclasses is the order of the members."""

    kind: ClassVar[str]
    v: Literal[1]
    at: WallMs
    by: Text
    unit: str  # USCC
    round: Word

    def check(self, approver: str) -> None:
        """ValueError for a unit that is none, or two people who are one."""
        if wrong := uscc.fault(self.unit):
            raise ValueError(wrong)
        if self.by == approver:
            raise ValueError(f"{self.by} drew it up and signs it: these are two people")


class Fraud(_Decided, frozen=True, tag_field="kind", tag="fraud", kw_only=True):
    """弄虚作假: the unit is poor in that round and takes no part in rounds of these years, both included."""

    kind: ClassVar[str] = "fraud"
    first_year: _Year
    last_year: _Year
    why: Text
    evidence: Annotated[tuple[Evidence, ...], Meta(min_length=1, max_length=MAX_EVIDENCE)]
    approver: Text

    def __post_init__(self) -> None:
        self.check(self.approver)
        if not self.first_year <= self.last_year <= self.first_year + 98:
            raise ValueError("the exclusion ends in the year in which it begins or later, after 99 years at most")
        if len(set(self.evidence)) != len(self.evidence):
            raise ValueError("something is named twice as evidence")
        if all(each.startswith("document:") for each in self.evidence):
            raise ValueError("documents alone prove no fraud: a decision, findings or a fork is needed beside them")


class Transfer(_Decided, frozen=True, tag_field="kind", tag="transfer", kw_only=True):
    """An instrument goes to other hands; `to` is the unit that gets it, none where it stays in its unit."""

    kind: ClassVar[str] = "transfer"
    asset: Word
    way: Way
    to: str | None = None
    why: Text
    approver: Text

    def __post_init__(self) -> None:
        self.check(self.approver)
        if (self.to is None) != (self.way == "within-unit"):
            raise ValueError("a transfer out of the unit names the unit that gets it, one inside names none")
        if self.to is not None and (wrong := uscc.fault(self.to)):
            raise ValueError(wrong)
        if self.to == self.unit:
            raise ValueError("the unit that gets it is the one that has it")


CaseDecision = Fraud | Transfer
_DECODER: msgspec.json.Decoder[Fraud | Transfer] = msgspec.json.Decoder(Fraud | Transfer)


def case_text(decision: CaseDecision) -> str:
    """Return the text that the approver signs; MalformedCase for what cannot be one."""
    try:
        text = f"{KIND}\n{msgspec.json.encode(decision).decode()}\n"
    except UnicodeEncodeError as error:
        raise MalformedCase("a decision about a unit holds characters that are none") from error
    parse_case(text)
    return text


def parse_case(text: str) -> CaseDecision:
    """Read the text of a note; MalformedCase for any other than the canonical form, TooLarge."""
    lines = text.split("\n")
    if len(lines) != 3 or lines[0] != KIND or lines[2]:
        raise MalformedCase(f"a decision about a unit has two lines, the first {KIND!r}, not {excerpt(text)}")
    raw = lines[1].encode("utf-8", "surrogatepass")
    found: CaseDecision = decode_canonical(
        raw, _decode, what="a decision about a unit", error=MalformedCase, most=MAX_CASE_BYTES
    )
    return found


def sign_case(text: str, key: SigningKey) -> bytes:
    """Return the signed note; MalformedCase for a text that is none, MalformedName for a key of no person."""
    parse_person(key.name)
    parse_case(text)
    return sign(text, key)


def open_case(raw: bytes, key: VerifierKey) -> CaseDecision:
    """Return what this person's key signed; BadSignature, MalformedCase, MalformedName, MalformedNote, TooLarge."""
    return parse_case(open_signed(raw, key))


def identity(decision: CaseDecision) -> str:
    """The SHA-256 of the signed text, in hex."""
    return hashlib.sha256(case_text(decision).encode()).hexdigest()


def _decode(raw: bytes) -> CaseDecision:
    if has_control_character(raw):
        raise msgspec.ValidationError("it holds a control character")
    return _DECODER.decode(raw)
