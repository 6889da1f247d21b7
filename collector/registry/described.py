"""What can be registered of a unit, an instrument or a facility, and what is wrong with it. Pure.

A description is whole: it says all that holds from its day on. The members' names are the columns of the database,
and the fields of files (sheet_columns.py). Text is '' and the rest None where nobody said.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple, TypeVar

import msgspec

from collector.errors import RegistryError
from protocol import uscc as uscc_code

MAX_NAME_CHARS = 200
MAX_KEY_CHARS = 64
MIN_VALUE_FEN, MAX_VALUE_FEN = 1_000_000, 10_000_000_000_000
"""From 10 000 to 100 000 000 000 CNY. What is less is most likely a number of 万元 in a column of 元, what is more the
reverse. (The threshold of the regulation, 200 000 CNY, is a rule of the evaluation: smaller ones may be registered.)"""
FIRST_DAY, LAST_DAY = date(1950, 1, 1), date(2199, 12, 31)

UNIT_KINDS = {
    "university": "高等学校",
    "institute": "科研院所",
    "enterprise": "企业",
    "testing-body": "第三方检验检测机构",
    "hospital": "医疗卫生机构",
    "other": "其他",
}
ORIGINS = {"domestic": "国产", "imported": "进口"}
FACILITY_KINDS = {"facility": "设施", "centre": "集约化平台"}


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """A legal person. `division`: six digits of GB/T 2260."""

    uscc: str
    name_zh: str = ""
    name_en: str = ""
    kind: str = ""
    department: str = ""
    division: str = ""


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument. `government_fen`: how much of `value_fen` public money paid; `shareable` False: exempt;
    `bookable`: open for booking; `fee`: the tariff in the unit's words; `location`: where it stands."""

    asset_no: str
    name_zh: str = ""
    name_en: str = ""
    class_code: str = ""
    value_fen: int | None = None
    funding: str = ""
    government_fen: int | None = None
    maker: str = ""
    model: str = ""
    origin: str = ""
    country: str = ""
    accepted_on: date | None = None
    shareable: bool | None = None
    exempt_document: str = ""
    exempt_reason: str = ""
    bookable: bool | None = None
    fee: str = ""
    location: str = ""


class Facility(msgspec.Struct, frozen=True, kw_only=True):
    """A facility 设施 or a centre 集约化平台. `uscc`: the unit that runs it."""

    facility_no: str
    kind: str
    name_zh: str = ""
    name_en: str = ""
    uscc: str | None = None
    value_fen: int | None = None
    government_fen: int | None = None


Described = Unit | Instrument | Facility
Kind = TypeVar("Kind", bound=Described)


class Wrong(NamedTuple):
    """One member that cannot be registered."""

    field: str
    value: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field} {self.value[:80]!r}: {self.why}; {self.remedy}"


def check(described: Described) -> None:
    """Raises RegistryError with all that is wrong."""
    if found := list(faults(described)):
        raise RegistryError("; ".join(map(str, found)))


def faults(described: Described) -> Iterator[Wrong]:
    """What is wrong with a description, member by member."""
    for name, value in msgspec.structs.asdict(described).items():
        if isinstance(value, str):
            yield from _text_faults(name, value)
    if not described.name_zh:
        yield Wrong("name_zh", "", "the Chinese name is missing", "fill it in; a merged cell fills its first row only")
    match described:
        case Unit():
            yield from _unit_faults(described)
        case Instrument():
            yield from _money_faults(described)
            yield from _instrument_faults(described)
        case Facility():
            yield from _choice_faults("kind", described.kind, FACILITY_KINDS)
            yield from _money_faults(described)


def uscc_faults(field: str, code: str) -> Iterator[Wrong]:
    """What is wrong with a unified social credit code."""
    if why := uscc_code.fault(code):
        sentence, _, remedy = why.partition(" is ")[2].partition("; ")
        yield Wrong(field, code, f"it is {sentence}", remedy or "copy it from the certificate, as text")


def key_faults(field: str, key: str) -> Iterator[Wrong]:
    """What is wrong with a number by which an instrument or a facility is known."""
    if not key:
        yield Wrong(field, key, "the number is missing", "fill it in; a merged cell fills its first row only")
    elif _is_scientific(key):
        why = "this is what a spreadsheet makes of a long number, of which the last digits are lost"
        yield Wrong(field, key, why, "format the column as text and type the number again")


def _is_scientific(text: str) -> bool:
    mantissa, e, exponent = text.upper().partition("E+")
    return bool(e) and exponent.isdecimal() and mantissa.replace(".", "", 1).isdecimal()


def _text_faults(field: str, text: str) -> Iterator[Wrong]:
    most = MAX_KEY_CHARS if field in ("asset_no", "facility_no") else MAX_NAME_CHARS
    if len(text) > most:
        yield Wrong(field, text, f"it has {len(text)} characters", f"write at most {most}")
    if not text.isprintable():
        yield Wrong(field, text, "it holds a line feed or another character that cannot be seen", "remove it")
    if text != text.strip():
        yield Wrong(field, text, "it begins or ends with a space", "remove that")


def _unit_faults(unit: Unit) -> Iterator[Wrong]:
    yield from uscc_faults("uscc", unit.uscc)
    yield from _choice_faults("kind", unit.kind, {"": "", **UNIT_KINDS})
    if unit.division and not _is_division(unit.division):
        yield Wrong("division", unit.division, "it is no code of a division (GB/T 2260)", "six digits, as 610100")


def _is_division(text: str) -> bool:
    return len(text) == 6 and text.isascii() and text.isdecimal() and text[0] in "12345678"


def _instrument_faults(instrument: Instrument) -> Iterator[Wrong]:
    yield from key_faults("asset_no", instrument.asset_no)
    yield from _choice_faults("origin", instrument.origin, {"": "", **ORIGINS})
    day = instrument.accepted_on
    if day is not None and not FIRST_DAY <= day <= LAST_DAY:
        yield Wrong("accepted_on", str(day), f"it is not between {FIRST_DAY} and {LAST_DAY}", "correct the year")
    document, reason = instrument.exempt_document, instrument.exempt_reason
    if instrument.shareable is False and not (document and reason):
        missing = "exempt_reason" if document else "exempt_document"
        yield Wrong(missing, "", "what is not shared needs the document that exempts it and a reason", "fill in both")
    if instrument.shareable is not False and (document or reason):
        why = "an exemption is named for an instrument that is not said to be exempt"
        yield Wrong("shareable", "", why, "say 否 (no) there, or leave document and reason empty")
    if instrument.shareable is False and instrument.bookable:
        why = "it is said to be open for booking, and exempt from sharing"
        yield Wrong("bookable", "", why, "say 否 (no) there, or correct whether it is shared")


def _money_faults(described: Instrument | Facility) -> Iterator[Wrong]:
    value, government = described.value_fen, described.government_fen
    if value is not None and not MIN_VALUE_FEN <= value <= MAX_VALUE_FEN:
        why = f"no instrument is worth this: {yuan(MIN_VALUE_FEN)} to {yuan(MAX_VALUE_FEN)} CNY are expected"
        yield Wrong(
            "value_fen", yuan(value), why, "is it 元 in a column of 万元, or the reverse? Then correct the heading"
        )
    if government is not None and not 0 <= government <= (value or 0):
        why = f"it is more than the original value ({'unknown' if value is None else yuan(value)} CNY), or negative"
        yield Wrong("government_fen", yuan(government), why, "correct one of the two")


def _choice_faults(field: str, given: str, choices: Mapping[str, str]) -> Iterator[Wrong]:
    if given not in choices:
        expected = ", ".join(f"{word} {zh}" for word, zh in choices.items() if word)
        yield Wrong(field, given, "this is none of the words that are known", f"write one of {expected}")


def yuan(fen: int) -> str:
    """An amount as people read it: 2356000.00."""
    sign, amount = ("-" if fen < 0 else ""), abs(fen)
    return f"{sign}{amount // 100}.{amount % 100:02d}"
