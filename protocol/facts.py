"""Facts: what people and other systems said that changes an hour; bytes <-> frozen values, strictly.

A fact is one JSON object of at most 8192 bytes in canonical form: members in the order of the structs below, no
spaces, integers only; members that may be absent are left out. Decoding and encoding gives the same bytes, so that a
fact has one identity, the SHA-256 of its bytes. `kind` and `v` come first, then `at` (UTC ms) and `by`, who recorded
it, then the members of its kind:

    order       a service order (服务订单): for whom the unit `unit` works, under a number of its own
    document    one more document of an order; an order's documents are those of its own and of these
    use         使用登记 of a booking system, a LIMS or a person: who had an instrument when, and for what
    correction  takes a fact or a declaration out of account and may put another use or order in its place
    hand        hours that no watcher saw, entered by hand: a class of their own
    reported    hours of an instrument without an agent, as its unit reports them: never mixed with measured ones
    decision    what two people decided of an instrument's time that a flag, a fork or a grade put in doubt

    {"kind":"use","v":1,"at":1764554716036,"by":"lims","asset":"A001","start":1764550800000,"end":1764558000000,
     "purpose":"service-order","order":"SO-2026-014","user":"9f1c…","samples":3}

(one line in truth). What was said at the instrument itself is no fact but an entry of the agent's journal
(entry.Declaration). `user` is a salted hash or a word that means nothing outside the unit: nobody's name. Money is in
fen, days are local (UTC+8), a period of days includes both. Corrections and hand entries name two people, never the
same one (domain.md section 3, "hand entry"); so do decisions. What a fact does to an hour is decided in attribution.py
and hours.py; what a decision does to its grade, in decided.py and the grades.
"""

import hashlib
import re
from datetime import date
from typing import Annotated, ClassVar, Literal, get_args

import msgspec
from msgspec import Meta

from protocol import uscc
from protocol.canonical import decode_canonical
from protocol.entry import MAX_INT, Purpose, SaltedHash, Text, WallMs, Word, has_control_character
from protocol.errors import MalformedFact, TooLarge, excerpt
from protocol.interval import DAY_S

MAX_FACT_BYTES = 8192
MAX_DOCUMENTS = 32
MAX_USE_MS = 31 * 86_400_000
"""The longest use; a longer one is said in pieces, so that a fact touches a bounded number of days."""

UsePurpose = Purpose | Literal["fault"]
Way = Literal["occupy", "technical", "commissioned", "remote", "other"]
"""How a beneficiary is served: 机时占用, 技术服务, 委托测试, 远程, 其他 (domain.md section 6)."""
DocumentKind = Literal["agreement", "invoice", "voucher", "report"]
Verdict = Literal["accept", "exclude"]
MAX_FLAGS = 32
Fen = Annotated[int, Meta(ge=0, le=MAX_INT)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Seconds = Annotated[int, Meta(ge=0, le=MAX_INT)]
Sha256 = SaltedHash

_ENTRY = re.compile(r"entry:(?P<origin>\S{3,200})#(?P<index>0|[1-9][0-9]{0,15})")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FACT = re.compile(r"fact:(?P<sha256>[0-9a-f]{64})")


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document by what it is and its file's SHA-256; the file lies in the collector's store, not here."""

    kind: DocumentKind
    sha256: Sha256


class Voucher(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An innovation voucher (创新券)."""

    issuer: Text
    number: Word
    amount_fen: Fen


class _Said(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """What every fact has. The field order of the subclasses is the order of the members."""

    kind: ClassVar[str]
    v: Literal[1]
    at: WallMs
    by: Text


class Order(_Said, frozen=True, tag_field="kind", tag="order", kw_only=True):
    """A service order. Without a beneficiary the hours that serve it stay unresolved."""

    kind: ClassVar[str] = "order"
    unit: str  # USCC of the owner that took the order
    order: Word  # its number there
    beneficiary: str | None = None  # USCC
    beneficiary_name: Text | None = None
    content: Text | None = None
    way: Way | None = None
    first_day: str | None = None  # the days on which it may be served, both included
    last_day: str | None = None
    fee_fen: Fen | None = None
    voucher: Voucher | None = None
    documents: Annotated[tuple[Document, ...], Meta(max_length=MAX_DOCUMENTS)] = ()

    def __post_init__(self) -> None:
        _check_codes(self.unit, self.beneficiary)
        _check_days(self.first_day, self.last_day)
        if len(set(self.documents)) != len(self.documents):
            raise ValueError("a document is named twice")


class OrderDocument(_Said, frozen=True, tag_field="kind", tag="document", kw_only=True):
    """One more document of an order."""

    kind: ClassVar[str] = "document"
    unit: str
    order: Word
    document: Document

    def __post_init__(self) -> None:
        _check_codes(self.unit)


class Use(_Said, frozen=True, tag_field="kind", tag="use", kw_only=True):
    """Somebody had an instrument over [start, end), UTC ms. It never makes time: what ran is told by readings alone.

    `samples` and `run_s` are what a mixed batch is split by, `share` (parts of whatever the others declare) what two
    users said themselves.
    """

    kind: ClassVar[str] = "use"
    asset: Word
    start: WallMs
    end: WallMs
    purpose: UsePurpose
    order: Word | None = None
    user: Word | None = None
    samples: Count | None = None
    run_s: Count | None = None
    share: Count | None = None

    def __post_init__(self) -> None:
        if not 0 < self.end - self.start <= MAX_USE_MS:
            raise ValueError("a use ends after it begins, and lasts at most 31 days")
        if self.order is not None and self.purpose in ("maintenance", "calibration", "fault"):
            raise ValueError("maintenance, calibration and fault serve no order")


class Correction(_Said, frozen=True, tag_field="kind", tag="correction", kw_only=True):
    """Takes `target` out of account; `use` or `order` stands in its place where one is given.

    `target` is `fact:<sha256>`, `entry:<origin>#<index>` of a declaration's `in`, or absent where only something is
    added. `by` asked for it, `approver` agreed.
    """

    kind: ClassVar[str] = "correction"
    approver: Text
    approved_at: WallMs
    reason: Text
    target: str | None = None
    use: Use | None = None
    order: Order | None = None
    document: Sha256 | None = None

    def __post_init__(self) -> None:
        _check_two_people(self.by, self.approver)
        if self.target is not None and not (_ENTRY.fullmatch(self.target) or _FACT.fullmatch(self.target)):
            raise ValueError("a target is fact:<sha256> or entry:<origin>#<index>")
        if self.use is not None and self.order is not None:
            raise ValueError("a correction puts a use or an order in the place, not both")
        if self.target is None and self.use is None and self.order is None:
            raise ValueError("a correction takes something out of account or puts something in")


class HandEntry(_Said, frozen=True, tag_field="kind", tag="hand", kw_only=True):
    """Seconds of a day that no watcher saw. They stand beside the measured states, never inside them."""

    kind: ClassVar[str] = "hand"
    approver: Text
    approved_at: WallMs
    reason: Text
    asset: Word
    day: str  # YYYY-MM-DD
    seconds: Annotated[int, Meta(ge=1, le=DAY_S)]
    source: Text  # page of the paper log, or what else it was taken from
    order: Word | None = None
    document: Sha256 | None = None  # a photo of the page

    def __post_init__(self) -> None:
        _check_two_people(self.by, self.approver)
        _check_days(self.day, self.day)


class Reported(_Said, frozen=True, tag_field="kind", tag="reported", kw_only=True):
    """Hours of an instrument without an agent over a period of days, as its unit reports them; never scored."""

    kind: ClassVar[str] = "reported"
    unit: str
    asset: Word
    first_day: str
    last_day: str
    effective_s: Seconds
    external_s: Seconds
    document: Sha256 | None = None

    def __post_init__(self) -> None:
        _check_codes(self.unit)
        _check_days(self.first_day, self.last_day)
        days = (date.fromisoformat(self.last_day) - date.fromisoformat(self.first_day)).days + 1
        if not self.external_s <= self.effective_s <= days * DAY_S:
            raise ValueError("external <= effective <= the period's seconds does not hold")


class Decision(_Said, frozen=True, tag_field="kind", tag="decision", kw_only=True):
    """What is to become of an instrument's time over [start, end), UTC ms: `by` asked for it, `approver` agreed.

    `accept`: time that is in doubt counts. `exclude`: it does not, and is kept as evidence. Neither makes an hour, nor
    changes a record; the grades read it (evidence.md section 5). `flags` names the rules that it answers (flags/).
    """

    kind: ClassVar[str] = "decision"
    asset: Word
    start: WallMs
    end: WallMs
    verdict: Verdict
    why: Text
    flags: Annotated[tuple[Word, ...], Meta(max_length=MAX_FLAGS)] = ()
    approver: Text
    approved_at: WallMs

    def __post_init__(self) -> None:
        _check_two_people(self.by, self.approver)
        if not 0 < self.end - self.start <= MAX_USE_MS:
            raise ValueError("a decision is about time that ends after it begins, at most 31 days of it")
        if list(self.flags) != sorted(set(self.flags)):
            raise ValueError("flags are sorted, each once")


Fact = Order | OrderDocument | Use | Correction | HandEntry | Reported | Decision
KINDS: dict[str, type[Fact]] = {kind.kind: kind for kind in get_args(Fact)}
_decode = msgspec.json.Decoder(Fact).decode


def encode(fact: Fact) -> bytes:
    """The one byte string of a fact; ValueError for what `decode` would refuse."""
    raw = _encode(fact)
    try:
        read = decode(raw)
    except (MalformedFact, TooLarge) as error:
        raise ValueError(f"this is no fact that may be written: {error}") from error
    if read != fact:
        raise ValueError(f"this fact would be read as another value: {excerpt(raw)}")
    return raw


def decode(raw: bytes) -> Fact:
    """The fact of these bytes; TooLarge, or MalformedFact where they are not canonical or break a rule of the kind."""
    fact: Fact = decode_canonical(raw, _decode, what="a fact", error=MalformedFact, most=MAX_FACT_BYTES)
    if has_control_character(raw):
        raise MalformedFact(f"a fact with a control character in its text: {excerpt(raw)}")
    return fact


def identity(raw: bytes) -> str:
    """The SHA-256 of a fact's bytes, in hex: what corrections and records name it by."""
    return hashlib.sha256(raw).hexdigest()


def target_of(sha256: str) -> str:
    """How a correction names the fact of this identity."""
    return f"fact:{sha256}"


def target_of_declaration(origin: str, index: int) -> str:
    """How a correction names the declaration (the `in`) at this place of a journal."""
    return f"entry:{origin}#{index}"


_encode = msgspec.json.Encoder().encode


def _check_codes(*codes: str | None) -> None:
    for code in codes:
        if code is not None and (wrong := uscc.fault(code)):
            raise ValueError(wrong)


def _check_days(first: str | None, last: str | None) -> None:
    if (first is None) != (last is None):
        raise ValueError("first_day and last_day stand together")
    if first is None or last is None:
        return
    if not (_DAY.fullmatch(first) and _DAY.fullmatch(last)):
        raise ValueError("a day is written YYYY-MM-DD")
    if date.fromisoformat(last) < date.fromisoformat(first):
        raise ValueError(f"{first} to {last} ends before it begins")


def _check_two_people(asked: str, agreed: str) -> None:
    if asked == agreed:
        raise ValueError(f"{asked[:40]!a} asked for it and cannot agree to it as well: a second person does")
