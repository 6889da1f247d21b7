"""A field mapping: how a platform wants our records, as data. Pure.

What a platform asks for changes with its guide, so nothing of it stands in code. A mapping is a dated TOML file, known
by its SHA-256; deploy/exchange/national-example.toml is one, and an example.

    name = "…"
    from_day = 2026-01-01
    example = true                      # to be checked against the guide in force; every list says so
    standings = ["verified", "claimed"] # which served time is told, of internal, claimed, verified, unresolved

    [platform]                          # how it is asked, and how its answers are read (answers.py)
    …
    [[record]]                          # a field of a service record, in the order in which it is sent
    name = "serviceAmount"
    source = "record.seconds"           # sources.py; or constant = "…"
    required = true
    unit = "hours"                      # of seconds: hours, minutes, seconds; of fen: yuan, fen; of a share: percent
    digits = 1
    rounding = "half-up"                # or down
    …
    [[effect]]                          # the same of an instrument's year
    [codes.way]                         # a code list: our word = theirs
    occupy = "…"
"""

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from collector.errors import ExchangeError
from collector.exchange.sources import SOURCES, Source
from protocol.attribution import Standing
from protocol.errors import one_line

MAX_MAPPING_BYTES = 65_536
MAX_FIELDS = 200
Unit = Literal["hours", "minutes", "seconds", "yuan", "fen", "percent"]
PER_UNIT: dict[str, dict[str, int]] = {
    "seconds": {"hours": 3600, "minutes": 60, "seconds": 1},
    "fen": {"yuan": 100, "fen": 1},
    "share": {"percent": 100},
}
"""By type: how many of what we hold make one of the unit."""
FLAG_WORDS = ("no", "yes")
_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of a message. `otherwise` stands where the source has no value; `form` is strftime's."""

    name: _Name
    source: str = ""
    constant: str | None = None
    otherwise: str | None = None
    required: bool = False
    max_chars: Annotated[int, Meta(ge=1, le=100_000)] = 500
    codes: str = ""
    unit: Unit | None = None
    digits: Annotated[int, Meta(ge=0, le=6)] = 0
    rounding: Literal["half-up", "down"] = "half-up"
    form: str = ""
    kind: Literal["text", "number"] = "text"


class Platform(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Paths under the platform's address; `state` "": it cannot be asked what became of a message.

    Members are those of its answers; `accepted` and `again` are the codes that say so, any other one refuses.
    """

    records: str
    effects: str
    code: str
    accepted: tuple[str, ...]
    state: str = ""
    again: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    receipt: str = ""
    reason: str = ""


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See the top of the file."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    from_day: date
    standings: tuple[Standing, ...]
    platform: Platform
    record: Annotated[tuple[Field, ...], Meta(min_length=1, max_length=MAX_FIELDS)]
    effect: Annotated[tuple[Field, ...], Meta(max_length=MAX_FIELDS)] = ()
    codes: dict[str, dict[str, str]] = {}
    example: bool = False

    def fields(self, kind: str) -> tuple[Field, ...]:
        return self.record if kind == "record" else self.effect


class ReadMapping(NamedTuple):
    """A mapping with the bytes that it was read from, and their SHA-256."""

    mapping: Mapping
    body: bytes
    sha256: str


def parse(raw: bytes) -> ReadMapping:
    """The mapping of a file's bytes. ExchangeError with all that is wrong with it."""
    try:
        mapping = msgspec.convert(tomllib.loads(raw.decode("utf-8")), Mapping)
    except (ValueError, RecursionError) as error:
        told = one_line(error) or "its values are nested too deeply"
        raise ExchangeError(
            f"this is no field mapping: {told}; deploy/exchange/national-example.toml is one"
        ) from error
    if faults := list(_faults(mapping)):
        raise ExchangeError("this field mapping cannot be used:" + "".join(f"\n  {fault}" for fault in faults))
    return ReadMapping(mapping, raw, sha256(raw).hexdigest())


def _faults(mapping: Mapping) -> Iterator[str]:
    if not mapping.name.strip() or not mapping.name.isprintable():
        yield "name: write 1 to 100 printable characters on one line"
    if not mapping.standings:
        yield "standings: none is named, so nothing would be sent; name verified at least"
    yield from _platform_faults(mapping.platform)
    for kind in SOURCES:
        fields = mapping.fields(kind)
        names = [field.name for field in fields]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{kind}: {name} stands there twice; keep one"
        for place, field in enumerate(fields):
            yield from (f"{kind}[{place}] {field.name}: {each}" for each in _field_faults(field, kind, mapping))
        if fields and not any(field.source == "message.inner_id" for field in fields):
            yield f"{kind}: no field has the source message.inner_id, by which the platform knows what came twice"


def _platform_faults(platform: Platform) -> Iterator[str]:
    for name in ("records", "effects", "state"):
        path: str = getattr(platform, name)
        if path.startswith("/") or "//" in path or not path.isascii() or not path.isprintable() or " " in path:
            yield f"platform.{name}: {path[:60]!a} is no path below the address; write it without a slash before it"
    if not platform.records or not platform.effects:
        yield "platform: records and effects are needed, each a path below the address"
    if platform.state and "{inner_id}" not in platform.state:
        yield "platform.state: {inner_id} is missing, which stands for the record that is asked about"
    if not platform.code or not platform.accepted:
        yield "platform: code and accepted say which answers are good; both are needed"
    codes = [*platform.accepted, *platform.again, *platform.unknown]
    for code in sorted({code for code in codes if codes.count(code) > 1}):
        yield f"platform: the code {code[:40]!a} means two things; keep one"


def _field_faults(field: Field, kind: str, mapping: Mapping) -> Iterator[str]:
    if (field.constant is None) == (not field.source):
        yield "a field has a source or a constant, one of the two"
    if field.constant is not None:
        if len(field.constant) > field.max_chars or not field.constant.isprintable():
            yield f"its constant is longer than {field.max_chars} characters, or is not printable"
        return
    source = SOURCES[kind].get(field.source)
    if source is None:
        if field.source:
            yield f"{field.source[:60]!a} is no source of a {kind}; sources are {', '.join(SOURCES[kind])}"
        return
    yield from _form_faults(field, source)
    yield from _code_faults(field, source, mapping)


def _form_faults(field: Field, source: Source) -> Iterator[str]:
    units = PER_UNIT.get(source.type, {})
    if units and field.unit not in units:
        yield f"unit: of {source.type} one of {', '.join(units)} is expected"
    if not units and (field.unit or field.digits):
        yield f"unit, digits: {source.type} has none; leave them out"
    if (source.type in ("instant", "day")) != bool(field.form):
        yield "form: how an instant or a day is written, as %Y-%m-%d %H:%M, and nothing else has one"
    if field.form and ("%Y" not in field.form or not field.form.isprintable()):
        yield f"form: {field.form[:40]!a} names no year, or is not printable"
    if field.kind == "number" and not units and source.type != "count":
        yield f"kind: {source.type} is no number; leave it out, and it is sent as text"
    if field.otherwise is not None:
        yield from _otherwise_faults(field, field.otherwise)


def _otherwise_faults(field: Field, otherwise: str) -> Iterator[str]:
    if field.required:
        yield "otherwise: the field is required, so nothing stands in its place; keep one of the two"
    if field.kind == "number" and not _NUMBER.fullmatch(otherwise):
        yield f"otherwise: {otherwise[:40]!a} is no number"
    if len(otherwise) > field.max_chars or not otherwise.isprintable():
        yield f"otherwise: it is longer than {field.max_chars} characters, or is not printable"


def _code_faults(field: Field, source: Source, mapping: Mapping) -> Iterator[str]:
    words = FLAG_WORDS if source.type == "flag" else source.words
    if not words:
        if field.codes:
            yield f"codes: {source.type} has no words; leave it out"
        return
    listed = mapping.codes.get(field.codes)
    if listed is None:
        yield f"codes: a code list for {', '.join(words)} is needed; {field.codes[:40]!a} is none"
    elif missing := [word for word in words if word not in listed]:
        yield f"codes.{field.codes}: {', '.join(missing)} is missing; say what stands for it"
