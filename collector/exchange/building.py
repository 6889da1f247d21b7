"""A message is built of values by a mapping, or refused with everything that is wrong with it. Pure.

Nothing is cut to fit and nothing is guessed: a text that is too long, a needed field that nobody said, is a fault with
the record, the field, what was found and what to do. Numbers are exact: seconds and fen are divided in integers and
rounded once, as the mapping says. A total of rounded fields is therefore not the rounded total.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple

import msgspec

from collector.clock import LOCAL
from collector.exchange.mapping import FLAG_WORDS, PER_UNIT, Field, Mapping
from collector.exchange.sources import OF_MESSAGE, SOURCES, Value, Values

MAX_MESSAGE_BYTES = 65_536
_EPOCH = datetime(1970, 1, 1, 8, tzinfo=LOCAL)
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Fault(NamedTuple):
    """What is wrong with one field of one record."""

    record: str
    field: str
    value: str
    why: str
    remedy: str

    def __str__(self) -> str:
        found = f" {self.value[:80]!r}:" if self.value else ""
        return f"{self.record}, {self.field}:{found} {self.why}; {self.remedy}"


class Built(NamedTuple):
    """The bytes that are sent, and the SHA-256 of what they say without the revision."""

    body: bytes
    content: str


def build(kind: str, values: Values, mapping: Mapping, *, record: str) -> Built | list[Fault]:
    """The message, or all faults. `record` names it for people."""
    faults: list[Fault] = []
    members: dict[str, str | Decimal | None] = {}
    for field in mapping.fields(kind):
        try:
            members[field.name] = _member(field, kind, values, mapping)
        except _Wrong as wrong:
            faults.append(Fault(record, field.name, wrong.value, wrong.why, wrong.remedy))
    if faults:
        return faults
    said = {field.name: members[field.name] for field in mapping.fields(kind) if field.source not in OF_MESSAGE}
    body = _encode(members)
    if len(body) > MAX_MESSAGE_BYTES:
        why = f"the message has {len(body)} bytes, at most {MAX_MESSAGE_BYTES} are sent"
        return [Fault(record, "", "", why, "shorten the texts of the order")]
    return Built(body, sha256(_encode(said)).hexdigest())


class _Wrong(Exception):
    """A value that cannot stand in its field; never leaves this file."""

    def __init__(self, value: str, why: str, remedy: str) -> None:
        super().__init__(why)
        self.value, self.why, self.remedy = value, why, remedy


def _member(field: Field, kind: str, values: Values, mapping: Mapping) -> str | Decimal | None:
    if field.constant is not None:
        return field.constant
    value = values[field.source]
    if value is None or value == "":
        return _absent(field)
    number = _number(field, SOURCES[kind][field.source].type, value)
    if number is not None and field.kind == "number":
        return number
    text = f"{number:f}" if number is not None else _text(field, kind, value, mapping)
    if len(text) > field.max_chars:
        remedy = f"write at most {field.max_chars}; it is not cut, because somebody has to choose what is left out"
        raise _Wrong(text, f"it has {len(text)} characters", remedy)
    if not text.isprintable():
        raise _Wrong(ascii(text), "it holds a line feed or another control character", "write it on one line")
    return text


def _absent(field: Field) -> str | Decimal | None:
    if field.otherwise is not None:
        return Decimal(field.otherwise) if field.kind == "number" else field.otherwise
    if field.required:
        raise _Wrong("", f"nobody said it ({field.source})", _REMEDIES.get(field.source.partition(".")[0], _SAY_IT))
    return None


_SAY_IT = "say it where the record comes from"
_REMEDIES = {
    "order": "complete the order by a correction (import-orders for a new one), or the charges (exchange take charges)",
    "detail": "bring the order's details: exchange take order-details",
    "instrument": "complete the registry (import-registry instruments)",
    "unit": "complete the registry (import-registry units)",
    "effect": "bring what the year brought: exchange take effects",
}


def _number(field: Field, kind: str, value: Value) -> Decimal | None:
    """The value as a number in the field's unit, rounded once; None where it is no number."""
    if kind == "count":
        return Decimal(int(value or 0))
    if kind not in PER_UNIT or field.unit is None:
        return None
    return in_unit(int(value or 0), PER_UNIT[kind][field.unit], digits=field.digits, rounding=field.rounding)


def in_unit(value: int, per_unit: int, *, digits: int, rounding: str) -> Decimal:
    """An integer of small units as a decimal of large ones, exact to the last digit. Halves go away from zero.

    >>> in_unit(5580, 3600, digits=1, rounding="half-up"), in_unit(5579, 3600, digits=1, rounding="half-up")
    (Decimal('1.6'), Decimal('1.5'))
    """
    scaled = abs(value) * 10**digits
    whole = (2 * scaled + per_unit) // (2 * per_unit) if rounding == "half-up" else scaled // per_unit
    return Decimal(-whole if value < 0 else whole).scaleb(-digits)


def _text(field: Field, kind: str, value: Value, mapping: Mapping) -> str:
    source = SOURCES[kind][field.source]
    if source.type == "instant":
        return (_EPOCH + timedelta(milliseconds=int(value or 0))).strftime(field.form)
    if source.type == "day":
        return date.fromisoformat(str(value)).strftime(field.form)
    word = FLAG_WORDS[bool(value)] if source.type == "flag" else str(value)
    if not field.codes:
        return word
    listed = mapping.codes[field.codes]
    if word not in listed:
        raise _Wrong(word, f"the code list {field.codes} does not know it", "add it to the mapping")
    return listed[word]
