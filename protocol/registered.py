"""Statements of the registry: who owns, measures and may sign what; bytes <-> frozen values, strictly. Pure.

They decide hours as facts do (whose hours, by which policy, from which channels, by whose key), so the collector's log
holds each by its hash, and a bundle carries those that concern its instrument. A statement is a canonical JSON array:

    ["unit","12100000400000624D","某大学"]
    ["instrument","A001","SU8010"]                                        its model when it was registered
    ["ownership","A001","12100000400000624D","2026-01-01",17]             "" where nobody owns it from that day
    ["model","A001","SU8020","2026-06-01",3]
    ["measurement","em-01","meter1","power","A001","2026-01-01",5]        "" where it measures nothing from that day
    ["policy","A001","","2026-03-01","9f…",12]                            for an instrument, a model or, both empty, all
    ["enrolment","jishi.example/a/em-01/1","<vkey>",1764554716036]
    ["revocation","jishi.example/a/em-01/1",1764554716036,"the PC was sold"]
    ["epoch","jishi.example/a/em-01/2","jishi.example/a/em-01/1","fork",1200,1199,1764554716036]
    ["person-key","<vkey>","Wang",1764554716036]

Of dated ones the newest day up to a day holds, of two for the same day the one with the higher number (the last
member): protocol/history.py and bindings.py choose.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Annotated, ClassVar, get_args

import msgspec
from msgspec import Meta

from protocol.bindings import Channel, MeasurementFact
from protocol.canonical import decode_canonical
from protocol.entry import MAX_INT, Natural, Text, WallMs, Word
from protocol.errors import MalformedLeaf, excerpt
from protocol.facts import Sha256
from protocol.history import History, InForce, Modelled, Owned

MAX_STATEMENT_BYTES = 8192
FIRST_DAY = "0001-01-01"
"""From when the model holds that an instrument was registered with."""

_UsccOrNone = Annotated[str, Meta(pattern=r"\A(?:[0-9A-Z]{18})?\Z")]
_AnyText = Annotated[str, Meta(max_length=500)]
_Origin = Annotated[str, Meta(min_length=3, max_length=300)]
_Number = Annotated[int, Meta(ge=0, le=MAX_INT)]


class _Statement(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    kind: ClassVar[str]

    def __post_init__(self) -> None:
        day = getattr(self, "from_day", None)
        if day is not None and date.fromisoformat(day).isoformat() != day:
            raise ValueError("a day is written as YYYY-MM-DD")


class Unit(_Statement, frozen=True, tag="unit"):
    kind: ClassVar[str] = "unit"
    uscc: _UsccOrNone
    name: Text


class Instrument(_Statement, frozen=True, tag="instrument"):
    kind: ClassVar[str] = "instrument"
    asset: Word
    model: _AnyText


class Ownership(_Statement, frozen=True, tag="ownership"):
    kind: ClassVar[str] = "ownership"
    asset: Word
    uscc: _UsccOrNone
    from_day: str
    seq: _Number


class Model(_Statement, frozen=True, tag="model"):
    kind: ClassVar[str] = "model"
    asset: Word
    model: _AnyText
    from_day: str
    seq: _Number


class Measurement(_Statement, frozen=True, tag="measurement"):
    kind: ClassVar[str] = "measurement"
    agent: Word
    watcher: Word
    channel: Word
    asset: Annotated[str, Meta(max_length=64)]
    from_day: str
    seq: _Number


class PolicyInForce(_Statement, frozen=True, tag="policy"):
    kind: ClassVar[str] = "policy"
    asset: Annotated[str, Meta(max_length=64)]
    model: _AnyText
    from_day: str
    sha256: Sha256
    seq: _Number


class Enrolment(_Statement, frozen=True, tag="enrolment"):
    kind: ClassVar[str] = "enrolment"
    origin: _Origin
    vkey: Text
    at: WallMs


class Revocation(_Statement, frozen=True, tag="revocation"):
    kind: ClassVar[str] = "revocation"
    origin: _Origin
    at: WallMs
    why: Text


class Epoch(_Statement, frozen=True, tag="epoch"):
    """`had` entries the agent said it had of the log that ended, `held` were held of it then."""

    kind: ClassVar[str] = "epoch"
    origin: _Origin
    predecessor: _Origin
    reason: Word
    had: Natural
    held: Natural
    at: WallMs


class PersonKey(_Statement, frozen=True, tag="person-key"):
    kind: ClassVar[str] = "person-key"
    vkey: Text
    name: Text
    at: WallMs


Statement = (
    Unit | Instrument | Ownership | Model | Measurement | PolicyInForce | Enrolment | Revocation | Epoch | PersonKey
)
KINDS: tuple[str, ...] = tuple(each.kind for each in get_args(Statement))


def encode(statement: Statement) -> bytes:
    """Return the statement's one byte string; ValueError for what `decode` would refuse."""
    raw = _encode(statement)
    if decode(raw) != statement:
        raise ValueError(f"this statement would be read as another: {excerpt(raw)}")
    return raw


def decode(raw: bytes) -> Statement:
    """Return the statement of these bytes; TooLarge, or MalformedLeaf where they are not canonical or not known."""
    return decode_canonical(
        raw, _decode, what="a statement of the registry", error=MalformedLeaf, most=MAX_STATEMENT_BYTES
    )


def identity(raw: bytes) -> str:
    """The SHA-256 of a statement's bytes, in hex: what the log names it by."""
    return hashlib.sha256(raw).hexdigest()


def history_of(statements: Iterable[Statement], policies: Mapping[str, bytes], asset_no: str) -> History:
    """What holds for one instrument by these statements; `policies` by identity. KeyError for one that is missing."""
    owners: list[Owned] = []
    models: list[Modelled] = []
    in_force: list[InForce] = []
    measured: list[MeasurementFact] = []
    for each in statements:
        match each:
            case Instrument(asset=asset, model=model) if asset == asset_no:
                models.append(Modelled(date.fromisoformat(FIRST_DAY), 0, model))
            case Ownership(asset=asset, uscc=uscc) if asset == asset_no:
                owners.append(Owned(date.fromisoformat(each.from_day), each.seq, uscc or None))
            case Model(asset=asset, model=model) if asset == asset_no:
                models.append(Modelled(date.fromisoformat(each.from_day), each.seq, model))
            case PolicyInForce(asset=asset, model=model, sha256=sha256) if asset in ("", asset_no):
                level = 2 if asset else 1 if model else 0
                in_force.append(InForce(level, date.fromisoformat(each.from_day), each.seq, model, policies[sha256]))
            case Measurement(asset=asset):
                channel = Channel(each.agent, each.watcher, each.channel)
                measured.append(MeasurementFact(channel, asset or None, date.fromisoformat(each.from_day), each.seq))
            case _:
                pass
    return History(owners, models, in_force, measured)


_encode = msgspec.json.Encoder().encode
_decode: Callable[[bytes], Statement] = msgspec.json.Decoder(Statement).decode
