"""A file of facts to register: units, people, instruments with their owners, policies and who approved them.

    [[unit]]
    uscc = "12100000400000624D"
    name_zh = "清华大学"
    name_en = "Tsinghua University"        # may be left out, like every *_en and model
    [[person]]
    name = "li.ming"
    [[instrument]]
    asset_no = "A001"
    name_zh = "透射电子显微镜"
    model = "JEM-2100"
    owner = "12100000400000624D"           # a registered unit; owner and from_day stand together
    from_day = 2025-01-01                  # local day
    [[policy]]
    file = "policy.json"                   # beside this file
    asset = "A001"                         # left out: the default for every instrument without its own
    from_day = 2025-01-01
    approved_by = "li.ming"

Registering the same file again changes nothing. Either everything in it is registered or nothing, and all faults
come in one message, each with its place in the file.
"""

import tomllib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from collector.errors import RegistryError
from collector.registry import instruments, people, policies, units
from collector.store.database import Connection


class _Unit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    uscc: str
    name_zh: str
    name_en: str = ""


class _Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class _Instrument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    asset_no: str
    name_zh: str
    name_en: str = ""
    model: str = ""
    owner: str | None = None
    from_day: date | None = None

    def __post_init__(self) -> None:
        if (self.owner is None) != (self.from_day is None):
            raise ValueError("owner and from_day stand together")
        if not 1 <= len(self.asset_no) <= 64:
            raise ValueError("asset_no has 1 to 64 characters")


class _Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file: str
    from_day: date
    approved_by: str
    asset: str | None = None


_Item = _Unit | _Person | _Instrument | _Policy
_TABLES: dict[str, type[_Item]] = {
    "unit": _Unit,
    "person": _Person,
    "instrument": _Instrument,
    "policy": _Policy,
}


def register_file(connection: Connection, path: Path) -> int:
    """Registers everything in the file, or nothing; returns how many items it holds. Raises RegistryError."""
    faults: list[str] = []
    items = list(_read_items(path, faults))
    with connection.transaction():
        for place, item in items:
            try:
                with connection.transaction():
                    _register(connection, item, folder=path.parent)
            except RegistryError as error:
                faults.append(f"{place}: {error}")
        if faults:
            listed = "\n".join(f"  {fault}" for fault in faults)
            raise RegistryError(f"nothing of {path} was registered:\n{listed}")
    return len(items)


def _read_items(path: Path, faults: list[str]) -> Iterator[tuple[str, _Item]]:
    """The items in the order in which they may refer to each other, whatever their order in the file."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RegistryError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise RegistryError(f"{path} is no TOML file: {error}") from error
    faults += [f"{name}: unknown; tables are {', '.join(_TABLES)}" for name in document if name not in _TABLES]
    for name, kind in _TABLES.items():
        tables = document.get(name, [])
        if not isinstance(tables, list):
            faults.append(f"{name}: write [[{name}]], with two brackets each side")
            continue
        for number, table in enumerate(tables):
            place = f"{name}[{number}]"
            try:
                yield place, msgspec.convert(table, kind)
            except msgspec.ValidationError as error:
                faults.append(f"{place}: {error}")


def _register(connection: Connection, item: Any, *, folder: Path) -> None:
    _REGISTER[type(item)](connection, item, folder)


def _register_unit(connection: Connection, unit: _Unit, _folder: Path) -> None:
    units.register_unit(connection, unit.uscc, name_zh=unit.name_zh, name_en=unit.name_en)


def _register_person(connection: Connection, person: _Person, _folder: Path) -> None:
    people.register_person(connection, person.name)


def _register_instrument(connection: Connection, instrument: _Instrument, _folder: Path) -> None:
    instruments.register_instrument(
        connection,
        instrument.asset_no,
        name_zh=instrument.name_zh,
        name_en=instrument.name_en,
        model=instrument.model,
    )
    if instrument.owner is not None and instrument.from_day is not None:
        instruments.register_owner(connection, instrument.asset_no, uscc=instrument.owner, from_day=instrument.from_day)


def _register_policy(connection: Connection, policy: _Policy, folder: Path) -> None:
    path = folder / policy.file
    try:
        body = path.read_bytes()
    except OSError as error:
        raise RegistryError(f"cannot read {path}: {error.strerror}") from error
    policies.put_in_force(
        connection,
        policies.register_policy(connection, body),
        asset_no=policy.asset,
        from_day=policy.from_day,
        approved_by=policy.approved_by,
    )


_REGISTER: dict[type[Any], Callable[[Connection, Any, Path], None]] = {
    _Unit: _register_unit,
    _Person: _register_person,
    _Instrument: _register_instrument,
    _Policy: _register_policy,
}
