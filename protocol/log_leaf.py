"""The leaves of the collector's own log, and of the small trees whose roots they hold; bytes <-> frozen values. Pure.

A leaf is one JSON object in canonical form (members in this order, no spaces, integers only):

    opened      {"v":1,"k":"opened","log":"2026-1","key":"<vkey>","receipt":"<vkey>","predecessor":"","why":"first log"}
                the first leaf of each log; predecessor: base64 of the last signed checkpoint of the log before it
    minute      {"v":1,"k":"minute","t":1764554716,"random":"<64 hex>","receipts":128,"root":"<64 hex>"}
                what was receipted since the minute before: root over the receipts' bytes, by (origin, size)
    fact        {"v":1,"k":"fact","sha256":"<64 hex>"}             a fact (facts.py), by its identity
    registered  {"v":1,"k":"registered","sha256":"<64 hex>"}       a statement of the registry (registered.py)
    finding     {"v":1,"k":"finding","sha256":"<64 hex>"}          findings of an on-site check
    closed      {"v":1,"k":"closed","day":"2026-03-02","unit":"<USCC or empty>","records":3,"root":"<64 hex>"}
                records of a unit's day that were closed or revised since the leaf before: root over `closed_leaf`s

A `closed_leaf` is a canonical JSON array: ["record","A001","2026-03-02",1,"<sha256 of the record>","<sha256 of its
grade record, or empty>"], ordered by (asset, revision). Leaves name facts by hash alone: the log is open to everybody,
and what people said is not.
Source: evidence.md section 6.
"""

from collections.abc import Callable
from datetime import date
from typing import Annotated, ClassVar, Literal, get_args

import msgspec
from msgspec import Meta

from protocol.canonical import decode_canonical
from protocol.entry import MAX_INT, LogName, Natural, Text, Word
from protocol.errors import MalformedLeaf, excerpt
from protocol.facts import Sha256

MAX_LEAF_BYTES = 8192

Hex = Sha256
_Count = Annotated[int, Meta(ge=0, le=MAX_INT)]


class _Leaf(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="k", kw_only=True):
    kind: ClassVar[str]


class Opened(_Leaf, frozen=True, tag="opened", kw_only=True):
    """A log began, under this key, with receipts under that one, after that predecessor ("": none), and why."""

    kind: ClassVar[str] = "opened"
    v: Literal[1] = 1
    log: LogName
    key: Text
    receipt: Text
    predecessor: Annotated[str, Meta(max_length=4000, pattern=r"\A[A-Za-z0-9+/]*={0,2}\Z")]
    why: Text


class Minute(_Leaf, frozen=True, tag="minute", kw_only=True):
    """The time (POSIX seconds) by the collector's clock, something that nobody could know before, and the receipts."""

    kind: ClassVar[str] = "minute"
    v: Literal[1] = 1
    t: Natural
    random: Hex
    receipts: _Count
    root: Hex


class Fact(_Leaf, frozen=True, tag="fact", kw_only=True):
    kind: ClassVar[str] = "fact"
    v: Literal[1] = 1
    sha256: Hex


class Registered(_Leaf, frozen=True, tag="registered", kw_only=True):
    kind: ClassVar[str] = "registered"
    v: Literal[1] = 1
    sha256: Hex


class Finding(_Leaf, frozen=True, tag="finding", kw_only=True):
    kind: ClassVar[str] = "finding"
    v: Literal[1] = 1
    sha256: Hex


class Closed(_Leaf, frozen=True, tag="closed", kw_only=True):
    """Records of one day and one owner ("": nobody owned the instruments)."""

    kind: ClassVar[str] = "closed"
    v: Literal[1] = 1
    day: str
    unit: Annotated[str, Meta(pattern=r"\A(?:[0-9A-Z]{18})?\Z")]
    records: _Count
    root: Hex

    def __post_init__(self) -> None:
        _check_day(self.day)


Leaf = Opened | Minute | Fact | Registered | Finding | Closed
KINDS: tuple[str, ...] = tuple(each.kind for each in get_args(Leaf))


class ClosedRecord(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="record"):
    """What a closed leaf commits to for one record; `grades` is the SHA-256 of its grade record, or ""."""

    asset: Word
    day: str
    revision: Annotated[int, Meta(ge=1, le=MAX_INT)]
    sha256: Hex
    grades: Annotated[str, Meta(pattern=r"\A(?:[0-9a-f]{64})?\Z")]

    def __post_init__(self) -> None:
        _check_day(self.day)


def encode(leaf: Leaf) -> bytes:
    """Return the leaf's one byte string; ValueError for what `decode` would refuse."""
    raw = _put_version_first(leaf)
    if decode(raw) != leaf:
        raise ValueError(f"this leaf would be read as another: {excerpt(raw)}")
    return raw


def decode(raw: bytes) -> Leaf:
    """Return the leaf of these bytes; TooLarge, or MalformedLeaf where they are not canonical or not known."""
    return decode_canonical(
        raw, _decode, encode=_put_version_first, what="a leaf of the log", error=MalformedLeaf, most=MAX_LEAF_BYTES
    )


def closed_leaf(record: ClosedRecord) -> bytes:
    """Return the one byte string that a closed leaf's root commits to for a record."""
    return _encode(record)


def _put_version_first(leaf: Leaf) -> bytes:
    """The encoder puts the tag first; on the wire `v` comes first, as in entries."""
    raw = _encode(leaf)
    head, version = f'{{"k":"{leaf.kind}",'.encode(), b'"v":1,'
    return b'{"v":1,' + head[1:] + raw[len(head) + len(version) :]


def _check_day(text: str) -> None:
    if date.fromisoformat(text).isoformat() != text:
        raise ValueError("a day is written as YYYY-MM-DD")


_encode = msgspec.json.Encoder().encode
_decode: Callable[[bytes], Leaf] = msgspec.json.Decoder(Leaf).decode
