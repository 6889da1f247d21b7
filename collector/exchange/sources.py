"""What a field of a message can be made of: each source by its name, with the type of its value. Pure.

    text     characters as they are
    seconds  whole seconds; a field says in which unit
    fen      money in fen; a field says in which unit
    share    hundredths of a percent; undefined where it is divided by nothing
    count    a whole number
    instant  UTC milliseconds; a field says in which form, told in local time (UTC+8)
    day      a local day; a field says in which form
    flag     yes or no
    a word   one of a closed list, which a code list of the mapping has to know whole

A source that nobody said anything of has no value: None, never an empty text.
"""

from typing import Literal, NamedTuple, get_args

from protocol.attribution import STANDINGS
from protocol.facts import Way

Type = Literal["text", "seconds", "fen", "share", "count", "instant", "day", "flag", "word"]
Value = str | int | bool | None
Values = dict[str, Value]
"""By source. Flags are bool, words and texts and days (YYYY-MM-DD) are str, all else int."""

DIRECTIONS = ("research", "development", "teaching", "other")
"""What a service was for: 科学研究, 科技开发, 教学, 其他."""
GRADES = ("1", "2", "3", "4", "5")
"""How content the beneficiary was: 5 the most."""
SIDES = ("internal", "external")
KINDS = ("record", "effect")


class Source(NamedTuple):
    """`words`: what it can hold, where that is a closed list."""

    type: Type
    words: tuple[str, ...] = ()


_COMMON = {
    "message.inner_id": Source("text"),
    "message.revision": Source("count"),
    "message.cites": Source("text"),
    "unit.uscc": Source("text"),
    "unit.name_zh": Source("text"),
    "instrument.asset_no": Source("text"),
    "instrument.name_zh": Source("text"),
    "instrument.class_code": Source("text"),
}
OF_MESSAGE = ("message.revision", "message.cites")
"""What says where a message stands among its revisions, and nothing about the service."""

SOURCES: dict[str, dict[str, Source]] = {
    "record": {
        **_COMMON,
        "instrument.location": Source("text"),
        "instrument.fee": Source("text"),
        "instrument.bookable": Source("flag"),
        "record.day": Source("day"),
        "record.start": Source("instant"),
        "record.end": Source("instant"),
        "record.seconds": Source("seconds"),
        "record.standing": Source("word", STANDINGS),
        "record.side": Source("word", SIDES),
        "record.revision": Source("count"),
        "record.sha256": Source("text"),
        "order.number": Source("text"),
        "order.content": Source("text"),
        "order.way": Source("word", get_args(Way)),
        "order.beneficiary": Source("text"),
        "order.beneficiary_name": Source("text"),
        "order.amount_fen": Source("fen"),
        "order.has_agreement": Source("flag"),
        "order.voucher_issuer": Source("text"),
        "order.voucher_number": Source("text"),
        "order.voucher_fen": Source("fen"),
        "detail.project_name": Source("text"),
        "detail.project_source": Source("text"),
        "detail.area": Source("text"),
        "detail.direction": Source("word", DIRECTIONS),
        "detail.satisfaction": Source("word", GRADES),
    },
    "effect": {
        **_COMMON,
        "effect.year": Source("count"),
        "effect.effective_seconds": Source("seconds"),
        "effect.external_seconds": Source("seconds"),
        "effect.verified_seconds": Source("seconds"),
        "effect.sharing_rate": Source("share"),
        "effect.users": Source("count"),
        "effect.projects": Source("count"),
        "effect.services": Source("count"),
        "effect.income_fen": Source("fen"),
        "effect.papers": Source("count"),
        "effect.patents": Source("count"),
        "effect.remark": Source("text"),
    },
}
