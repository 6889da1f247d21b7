"""The files by which the registry is filled: their columns, in both languages, and what a row of each says. Pure.

A column that a file lacks says nothing: what is registered stays. A column that it has says what stands in the cell,
also where that is empty; to what an instrument belongs is ended by the file of memberships alone.
What a row says holds from its `from_day`, else from the day that came with the file.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from collector.errors import BadCell
from collector.registry.cells import FEN_OF_WAN, FEN_OF_YUAN, read_day, read_money, read_percent, read_word, read_yes
from collector.registry.described import (
    FACILITY_KINDS,
    FIRST_DAY,
    LAST_DAY,
    ORIGINS,
    UNIT_KINDS,
    Described,
    Facility,
    Instrument,
    Unit,
    Wrong,
)
from collector.registry.places import OWNER, PLACES
from collector.sheets import LEFT_OUT, Row

_FROM_DAY = {"from_day": ["生效日期", "自何日起"], LEFT_OUT: ["序号", "备注"]}
_NAMES = {"name_zh": ["中文名称", "名称"], "name_en": ["英文名称"]}
_MONEY = {
    "value_yuan": ["原值(元)"],
    "value_wan": ["原值(万元)"],
    "government_yuan": ["财政经费(元)", "财政资金(元)"],
    "government_wan": ["财政经费(万元)", "财政资金(万元)"],
    "government_percent": ["财政经费占比(%)", "财政资金占比(%)"],
}
UNIT_COLUMNS: Mapping[str, Sequence[str]] = {
    "uscc": ["统一社会信用代码"],
    "name_zh": ["单位名称", *_NAMES["name_zh"]],
    "name_en": ["单位英文名称", *_NAMES["name_en"]],
    "kind": ["单位类型"],
    "department": ["主管部门"],
    "division": ["行政区划代码", "行政区划"],
    **_FROM_DAY,
}
INSTRUMENT_COLUMNS: Mapping[str, Sequence[str]] = {
    "asset_no": ["资产编号"],
    "name_zh": ["仪器名称", "仪器中文名称", *_NAMES["name_zh"]],
    "name_en": ["仪器英文名称", *_NAMES["name_en"]],
    "class_code": ["分类编码"],
    **_MONEY,
    "funding": ["经费来源"],
    "maker": ["生产厂商", "制造商"],
    "model": ["规格型号", "型号"],
    "origin": ["国产或进口", "产地"],
    "country": ["产地国别", "国别"],
    "accepted_on": ["验收日期"],
    "shareable": ["是否开放共享"],
    "exempt_document": ["豁免文号"],
    "exempt_reason": ["豁免原因", "豁免理由"],
    "bookable": ["是否开放预约", "可预约"],
    "fee": ["收费标准"],
    "location": ["安放地址", "存放地点"],
    "owner": ["管理单位统一社会信用代码", "统一社会信用代码"],
    "facility": ["所属设施编号"],
    "centre": ["集约化平台编号"],
    **_FROM_DAY,
}
FACILITY_COLUMNS: Mapping[str, Sequence[str]] = {
    "facility_no": ["编号", "设施编号"],
    "kind": ["类别"],
    **_NAMES,
    "owner": ["管理单位统一社会信用代码", "统一社会信用代码"],
    **_MONEY,
    **_FROM_DAY,
}
MEMBERSHIP_COLUMNS: Mapping[str, Sequence[str]] = {
    "asset_no": ["资产编号"],
    "kind": ["关系"],
    "to": ["归属"],
    **_FROM_DAY,
}

_PLACE_WORDS = {"权属": OWNER, "管理单位": OWNER, **{zh: word for word, zh in FACILITY_KINDS.items()}}
_UNIT_SYNONYMS = {
    "高校": "university", "高等院校": "university", "科研机构": "institute", "第三方检测机构": "testing-body",
    "医院": "hospital",
}  # fmt: skip


def _words(meanings: Mapping[str, str], synonyms: Mapping[str, str] | None = None) -> dict[str, str]:
    """What may be written for each word: its Chinese, a synonym, itself."""
    return {**{zh: word for word, zh in meanings.items()}, **(synonyms or {}), **{word: word for word in meanings}}


_READ: Mapping[str, Callable[[str], object]] = {
    "from_day": read_day,
    "accepted_on": read_day,
    "value_yuan": partial(read_money, fen_of_one=FEN_OF_YUAN),
    "value_wan": partial(read_money, fen_of_one=FEN_OF_WAN),
    "government_yuan": partial(read_money, fen_of_one=FEN_OF_YUAN),
    "government_wan": partial(read_money, fen_of_one=FEN_OF_WAN),
    "government_percent": read_percent,
    "origin": partial(read_word, words=_words(ORIGINS)),
    "shareable": read_yes,
    "bookable": read_yes,
}


class Entry(NamedTuple):
    """What one row says: members of a description, and to what an instrument belongs; None there: to nothing."""

    row: Row
    key: str
    from_day: date
    members: dict[str, object]
    percent: Decimal | None
    places: dict[str, str | None]

    @property
    def subject(self) -> tuple[str, ...]:
        """Of what the row speaks: of a thing as a whole, or of one place of an instrument."""
        return (self.key,) if self.members else (self.key, *self.places)

    @property
    def referred(self) -> list[str]:
        """The units and facilities that the row names."""
        return [str(key) for key in (*self.places.values(), self.members.get("uscc")) if key]


class SheetKind(NamedTuple):
    """One kind of file. `key` is the field by which its things are known; `described` what they are, if anything."""

    key: str
    columns: Mapping[str, Sequence[str]]
    needed: tuple[str, ...]
    described: type[Described] | None
    words: Mapping[str, str]

    @property
    def optional(self) -> list[str]:
        return [field for field in self.columns if field not in self.needed]


SHEETS = {
    "units": SheetKind("uscc", UNIT_COLUMNS, ("uscc", "name_zh"), Unit, _words(UNIT_KINDS, _UNIT_SYNONYMS)),
    "facilities": SheetKind(
        "facility_no", FACILITY_COLUMNS, ("facility_no", "kind", "name_zh"), Facility, _words(FACILITY_KINDS)
    ),
    "instruments": SheetKind("asset_no", INSTRUMENT_COLUMNS, ("asset_no", "name_zh"), Instrument, {}),
    "memberships": SheetKind(
        "asset_no",
        MEMBERSHIP_COLUMNS,
        ("asset_no", "kind", "to", "from_day"),
        None,
        {**_PLACE_WORDS, **_words(dict.fromkeys(PLACES, ""))},
    ),
}
"""In the order in which they refer to each other."""


def read_entry(row: Row, kind: SheetKind, *, from_day: date) -> tuple[Entry, list[Wrong]]:
    """What a row says, and what of it cannot be read; the entry counts only where nothing is wrong."""
    values, wrong = _read_cells(row, kind)
    day = values.pop("from_day", None) or from_day
    assert isinstance(day, date)
    if not FIRST_DAY <= day <= LAST_DAY:
        remedy = f"a day between {FIRST_DAY} and {LAST_DAY} is expected"
        wrong.append(Wrong("from_day", str(day), "from this day nothing can hold", remedy))
    wrong += _fold_money(row, values)
    percent = values.pop("government_percent", None)
    assert percent is None or isinstance(percent, Decimal)
    if kind.described is None and values.get("kind") == "":
        wrong.append(Wrong("kind", "", "the kind is missing", f"write one of {', '.join(kind.words)}"))
    places = _take_places(kind, values)
    key = str(values.pop(kind.key))
    return Entry(row, key, day, values, percent, places), wrong


def _read_cells(row: Row, kind: SheetKind) -> tuple[dict[str, object], list[Wrong]]:
    values: dict[str, object] = {}
    wrong: list[Wrong] = []
    for field, text in row.fields.items():
        read = partial(read_word, words=kind.words) if field == "kind" else _READ.get(field, str)
        try:
            values[field] = read(text)
        except BadCell as error:
            wrong.append(Wrong(field, text, error.why, error.remedy))
    return values, wrong


def _fold_money(row: Row, values: dict[str, object]) -> Iterator[Wrong]:
    """The two columns of an amount, of which one is filled or both say the same, become its one member."""
    for name in ("value", "government"):
        columns = [field for field in (f"{name}_yuan", f"{name}_wan") if field in values]
        amounts = {values.pop(field) for field in columns} - {None}
        if len(amounts) > 1:
            why = "the columns in 元 and in 万元 say different amounts"
            yield Wrong(columns[0], row.fields[columns[0]], why, "correct one, or leave it empty")
        elif columns:
            values[f"{name}_fen"] = next(iter(amounts), None)
    if "government_percent" in values:
        values.setdefault("government_fen", None)
    if values.get("government_percent") is not None and values.get("government_fen") is not None:
        why = "the share stands there as an amount, too"
        yield Wrong("government_percent", row.fields["government_percent"], why, "fill in one of the two")


def _take_places(kind: SheetKind, values: dict[str, object]) -> dict[str, str | None]:
    if kind.described is None:
        place, to = str(values.pop("kind", "")), values.pop("to")
        return {place: str(to) or None}
    if kind.described is Facility:
        if OWNER in values:
            values["uscc"] = values.pop(OWNER) or None
        return {}
    said = {place: str(values.pop(place, "")) for place in PLACES}
    return {place: to for place, to in said.items() if to}
