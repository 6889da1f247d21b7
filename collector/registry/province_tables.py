"""The tables of a province's file (province_file.py): which members each may have, and which stand together."""

from collections.abc import Sequence
from datetime import date

import msgspec


class UnitItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    uscc: str
    name_zh: str
    name_en: str = ""
    kind: str | None = None
    department: str | None = None
    division: str | None = None
    from_day: date | None = None

    def __post_init__(self) -> None:
        _check_from_day(self, ("kind", "department", "division"))


class PersonItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    role: str | None = None
    scope: str = "everything"


class InstrumentItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    asset_no: str
    name_zh: str
    name_en: str = ""
    model: str = ""
    owner: str | None = None
    class_code: str | None = None
    value_yuan: str | None = None
    funding: str | None = None
    government_yuan: str | None = None
    maker: str | None = None
    origin: str | None = None
    country: str | None = None
    accepted_on: date | None = None
    shareable: bool | None = None
    exempt_document: str | None = None
    exempt_reason: str | None = None
    bookable: bool | None = None
    fee: str | None = None
    location: str | None = None
    from_day: date | None = None

    def __post_init__(self) -> None:
        _check_from_day(self, ("owner", *DESCRIBED))
        if not 1 <= len(self.asset_no) <= 64:
            raise ValueError("asset_no has 1 to 64 characters")


DESCRIBED = (
    "class_code", "value_yuan", "funding", "government_yuan", "maker", "origin", "country", "accepted_on", "shareable",
    "exempt_document", "exempt_reason", "bookable", "fee", "location",
)  # fmt: skip


def _check_from_day(item: UnitItem | InstrumentItem, dated: Sequence[str]) -> None:
    """ValueError unless the day stands there exactly where something holds from it."""
    given = [name for name in dated if getattr(item, name) is not None]
    if bool(given) != (item.from_day is not None):
        found = f"{', '.join(given)} without it" if given else "it without any of them"
        raise ValueError(f"from_day stands together with {', '.join(dated)}; found {found}")


class PolicyItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file: str
    from_day: date
    approved_by: str
    asset: str | None = None


Item = UnitItem | PersonItem | InstrumentItem | PolicyItem
TABLES: dict[str, type[Item]] = {
    "unit": UnitItem,
    "instrument": InstrumentItem,
    "person": PersonItem,
    "policy": PolicyItem,
}
