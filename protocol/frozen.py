"""A frozen period: what of a range of days was fixed at one instant, as leaves of one Merkle tree. Pure.

A leaf is one JSON array in canonical form (no spaces, integers only); the tree is that of merkle.py over the leaves in
this order: by kind, then by their members, texts by code point.

    figure      ["figure","A001","91610131MA6TYUUC74",{"network":365,"days":290,"until_s":25056000,"off_s":…}]
    fact        ["fact","3c…"]                                       a fact that was known, by its SHA-256
    instrument  ["instrument","A001",{…}]                            how the registry describes it on the last day
    journal     ["journal","jishi.example/a/em-01/1",5310]           how many entries were known
    owner       ["owner","A001","91610131MA6TYUUC74","2026-01-01","2026-12-31"]
    policy      ["policy","A001","","2026-03-01","9f…"]              in force from that day, for an instrument, a model
                                                                     or (both empty) for all
    record      ["record","A001","2026-03-02","b1…"]                 the hour record of that SHA-256

The *manifest* is a JSON object that names the period and the root; its SHA-256 is the identity of what was frozen.

    {"v":1,"name":"2026","first_day":"2026-01-01","last_day":"2026-12-31","unit":"","at":1798992000000,"by":"Wang",
     "leaves":{"figure":16000,"fact":90211,…,"record":5840000},"root":"5c…"}

A record leaf names bytes, not a revision: what was frozen does not depend on how often a day was revised before.
Figures are the sums of the records of one instrument and one owner, and `network` the days on which that unit owned
it, with records or without.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, get_args

import msgspec
from msgspec import Meta

from protocol import merkle
from protocol.canonical import decode_canonical
from protocol.entry import Text, WallMs
from protocol.errors import MalformedFrozen

MAX_MANIFEST_BYTES = 8192

Sums = Mapping[str, int]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_HEX = re.compile(r"[0-9a-f]{64}")
_USCC_OR_ALL = re.compile(r"|[0-9A-Z]{18}")


class _Leaf(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    kind: ClassVar[str]

    @property
    def asset_no(self) -> str:
        """The instrument that it is about, "" for none."""
        return str(getattr(self, "asset", ""))


class Figure(_Leaf, frozen=True, tag="figure"):
    """The sums of an instrument's records under one owner ("" where nobody owned it)."""

    kind: ClassVar[str] = "figure"
    asset: str
    owner: str
    sums: dict[str, int]


class KnownFact(_Leaf, frozen=True, tag="fact"):
    kind: ClassVar[str] = "fact"
    sha256: str


class Described(_Leaf, frozen=True, tag="instrument"):
    """`members` as the registry gives them, texts and integers."""

    kind: ClassVar[str] = "instrument"
    asset: str
    members: dict[str, Any]


class Known(_Leaf, frozen=True, tag="journal"):
    kind: ClassVar[str] = "journal"
    origin: str
    size: int


class Owner(_Leaf, frozen=True, tag="owner"):
    """`uscc` owned the instrument from `first_day` to `last_day`, both included, inside the period."""

    kind: ClassVar[str] = "owner"
    asset: str
    uscc: str
    first_day: str
    last_day: str


class InForce(_Leaf, frozen=True, tag="policy"):
    kind: ClassVar[str] = "policy"
    asset: str
    model: str
    from_day: str
    sha256: str


class Record(_Leaf, frozen=True, tag="record"):
    kind: ClassVar[str] = "record"
    asset: str
    day: str
    sha256: str


Leaf = Figure | KnownFact | Described | Known | Owner | InForce | Record
KINDS: tuple[str, ...] = tuple(each.kind for each in get_args(Leaf))
"""In the order of the tree."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was frozen, by whom and when; see the top of the file. ValueError where its members cannot be."""

    v: Literal[1]
    name: str
    first_day: str
    last_day: str
    unit: str  # USCC, or "" for every unit
    at: WallMs
    by: Text
    leaves: dict[str, Annotated[int, Meta(ge=0)]]
    root: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError("a name has 1 to 40 letters, digits, dots, underscores and hyphens")
        if date.fromisoformat(self.first_day) > date.fromisoformat(self.last_day):
            raise ValueError(f"{self.first_day} to {self.last_day} ends before it begins")
        if not _USCC_OR_ALL.fullmatch(self.unit) or not _HEX.fullmatch(self.root):
            raise ValueError("unit is a USCC or empty, and root has 64 hexadecimal digits")
        if tuple(self.leaves) != KINDS:
            raise ValueError(f"leaves counts {', '.join(KINDS)}, in this order")


class Tree:
    """The tree that grows leaf by leaf, in memory that does not grow with it; refuses a wrong order of kinds."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(KINDS, 0)
        self._frontier = merkle.EMPTY_FRONTIER
        self._kind = KINDS[0]

    def add(self, kind: str, leaves: Iterable[bytes]) -> None:
        """Append leaves of one kind, in their order. ValueError where a kind comes after one that follows it."""
        if KINDS.index(kind) < KINDS.index(self._kind):
            raise ValueError(f"leaves of kind {kind} come before those of kind {self._kind}")
        self._kind = kind
        before = self._frontier.size
        self._frontier = self._frontier.extend(merkle.leaf_hash(leaf) for leaf in leaves)
        self.counts[kind] += self._frontier.size - before

    @property
    def root(self) -> str:
        return self._frontier.root().hex()


def encode_leaf(leaf: Leaf) -> bytes:
    """The one byte string of a leaf."""
    return _encode(leaf)


def encode(manifest: Manifest) -> bytes:
    """The one byte string of a manifest."""
    return _encode(manifest)


def decode(raw: bytes) -> Manifest:
    """The manifest of these bytes; TooLarge, or MalformedFrozen where they are not canonical or cannot be."""
    return decode_canonical(raw, _decode, what="a frozen period", error=MalformedFrozen, most=MAX_MANIFEST_BYTES)


def identity(raw: bytes) -> str:
    """The SHA-256 of a manifest's bytes, in hex: what a frozen period is named by."""
    return hashlib.sha256(raw).hexdigest()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Manifest).decode
