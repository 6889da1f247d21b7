"""What can be proposed: a correction, hours by hand, a policy, a decision; bytes <-> frozen values. Pure.

A proposal's body is JSON with a `kind`. It holds everything that the approval makes a fact of, or puts in force, so
that nobody can agree to one thing and get another:

    correction  target, and the use or order that is to stand in its place; perhaps a document
    hand        instrument, day, seconds, where they were taken from; perhaps an order and a document
    policy      the policy's file, for an instrument, a model or every instrument, from a day on
    decision    instrument, stretch of time, accept or exclude, the flags that it answers; its why is the reason
"""

from datetime import date
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from collector.errors import ProposalError
from collector.registry.access import parse_scope
from protocol.entry import Text, WallMs, Word
from protocol.errors import one_line
from protocol.facts import MAX_FLAGS, MAX_USE_MS, Order, Sha256, Use, Verdict
from protocol.interval import DAY_S

MAX_BODY_BYTES = 262_144
EVERYTHING = "everything"


class _Proposed(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    kind: ClassVar[str]


class ProposedCorrection(_Proposed, frozen=True, tag_field="kind", tag="correction", kw_only=True):
    """`subject`: instrument:ASSET where a use or a sign-in is corrected, unit:USCC where an order is."""

    kind: ClassVar[str] = "correction"
    subject: Text
    target: Text | None = None
    use: Use | None = None
    order: Order | None = None
    document: Sha256 | None = None


class ProposedHand(_Proposed, frozen=True, tag_field="kind", tag="hand", kw_only=True):
    """Seconds of a day that no watcher saw."""

    kind: ClassVar[str] = "hand"
    asset: Word
    day: date
    seconds: Annotated[int, Meta(ge=1, le=DAY_S)]
    source: Text
    order: Word | None = None
    document: Sha256 | None = None

    @property
    def subject(self) -> str:
        return f"instrument:{self.asset}"


class ProposedPolicy(_Proposed, frozen=True, tag_field="kind", tag="policy", kw_only=True):
    """`subject`: instrument:ASSET, model:NAME or everything. `amends`: it may begin in a frozen period."""

    kind: ClassVar[str] = "policy"
    subject: Text
    from_day: date
    policy: str  # the file's text; its UTF-8 bytes are the policy's identity
    amends: bool = False

    def __post_init__(self) -> None:
        kind, _, name = self.subject.partition(":")
        if self.subject != EVERYTHING and (kind not in ("instrument", "model") or not name):
            raise ValueError("a policy is for instrument:ASSET, model:NAME or everything")

    @property
    def asset_no(self) -> str | None:
        return self.subject.removeprefix("instrument:") if self.subject.startswith("instrument:") else None

    @property
    def model(self) -> str | None:
        return self.subject.removeprefix("model:") if self.subject.startswith("model:") else None


class ProposedDecision(_Proposed, frozen=True, tag_field="kind", tag="decision", kw_only=True):
    """What is to become of an instrument's time over [start, end), UTC ms, that is in doubt."""

    kind: ClassVar[str] = "decision"
    asset: Word
    start: WallMs
    end: WallMs
    verdict: Verdict
    flags: Annotated[tuple[Word, ...], Meta(max_length=MAX_FLAGS)] = ()

    def __post_init__(self) -> None:
        if not 0 < self.end - self.start <= MAX_USE_MS:
            raise ValueError("a decision is about time that ends after it begins, at most 31 days of it")
        if list(self.flags) != sorted(set(self.flags)):
            raise ValueError("flags are sorted, each once")

    @property
    def subject(self) -> str:
        return f"instrument:{self.asset}"


Proposed = ProposedCorrection | ProposedHand | ProposedPolicy | ProposedDecision
_decode = msgspec.json.Decoder(Proposed).decode


def encode(proposed: Proposed) -> bytes:
    """The body's bytes; ProposalError for one that is too long."""
    raw = msgspec.json.encode(proposed)
    if len(raw) > MAX_BODY_BYTES:
        raise ProposalError(f"a proposal has at most {MAX_BODY_BYTES} bytes, not {len(raw)}; shorten it")
    return raw


def decode(raw: bytes) -> Proposed:
    """The proposal of these bytes; ProposalError names the member that is wrong."""
    if len(raw) > MAX_BODY_BYTES:
        raise ProposalError(f"a proposal has at most {MAX_BODY_BYTES} bytes, not {len(raw)}; shorten it")
    try:
        proposed: Proposed = _decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise ProposalError(f"not a proposal: {one_line(error)}; correct that member") from error
    if isinstance(proposed, ProposedCorrection):
        parse_scope(proposed.subject)
    return proposed
