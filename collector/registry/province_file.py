"""A file of facts to register: units, people, instruments with their owners, policies and who approved them.

    [[unit]]
    uscc = "12100000400000624D"
    name_zh = "清华大学"
    name_en = "Tsinghua University"        # may be left out, like every *_en and model
    kind = "university"                    # what holds from a day on needs it: kind, department, division
    division = "110108"
    from_day = 2025-01-01
    [[person]]
    name = "li.ming"
    role = "reader"                        # left out: whoever may do nothing yet, but approve
    scope = "unit:12100000400000624D"      # left out: everything; or instrument:A001
    [[instrument]]
    asset_no = "A001"
    name_zh = "透射电子显微镜"
    model = "JEM-2100"
    owner = "12100000400000624D"           # a registered unit
    value_yuan = "2356000.00"              # what holds from a day on: owner, class_code, value_yuan, funding,
    from_day = 2025-01-01                  # government_yuan, maker, origin, country, accepted_on, shareable, exempt_*
    [[policy]]
    file = "policy.json"                   # beside this file
    asset = "A001"                         # left out: the default for every instrument without its own
    from_day = 2025-01-01
    approved_by = "li.ming"

Registering the same file again changes nothing. Either everything in it is registered or nothing, and all faults
come in one message, each with its place in the file.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from collector.errors import RegistryError
from collector.files import read_limited, read_toml
from collector.registry import instruments, people, policies, units
from collector.registry.access import Access, check_role, parse_scope
from collector.registry.audit import Actor, record_change
from collector.registry.cells import FEN_OF_YUAN, read_money
from collector.registry.described import Instrument, Unit, check
from collector.registry.descriptions import describe, find_on
from collector.registry.province_tables import (
    DESCRIBED,
    TABLES,
    InstrumentItem,
    Item,
    PersonItem,
    PolicyItem,
    UnitItem,
)
from collector.store.database import Connection
from protocol.policy import MAX_POLICY_BYTES


@dataclass(frozen=True)
class _Registration:
    """Where items are registered, who does it, and beside which file a policy lies."""

    connection: Connection
    actor: Actor
    folder: Path

    def record(self, action: str, target: str, item: Item, *, old: dict[str, object] | None = None) -> None:
        record_change(self.connection, self.actor, action, target=target, old=old, new=_members(item))


def register_file(connection: Connection, path: Path, *, actor: Actor) -> int:
    """Registers everything in the file, or nothing; returns how many items it holds. Raises RegistryError."""
    registration = _Registration(connection, actor, path.parent)
    faults: list[str] = []
    items = list(_read_items(path, faults))
    with connection.transaction():
        for place, item in items:
            try:
                with connection.transaction():
                    _REGISTER[type(item)](registration, item)
            except RegistryError as error:
                faults.append(f"{place}: {error}")
        if faults:
            listed = "\n".join(f"  {fault}" for fault in faults)
            raise RegistryError(f"nothing of {path} was registered:\n{listed}")
    return len(items)


def _read_items(path: Path, faults: list[str]) -> Iterator[tuple[str, Item]]:
    """The items in the order in which they may refer to each other, whatever their order in the file."""
    try:
        document = read_toml(path)
    except OSError as error:
        raise RegistryError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # too large, not UTF-8, or not TOML
        raise RegistryError(f"{path} is no TOML file that can be used: {error}") from error
    faults += [f"{name}: unknown; tables are {', '.join(TABLES)}" for name in document if name not in TABLES]
    for name, kind in TABLES.items():
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


def _register_unit(registration: _Registration, unit: UnitItem) -> None:
    if units.register_unit(registration.connection, unit.uscc, name_zh=unit.name_zh, name_en=unit.name_en):
        registration.record("unit.register", unit.uscc, unit)
    if unit.from_day is not None:
        given = {"kind": unit.kind, "department": unit.department, "division": unit.division}
        _describe(registration, unit, Unit, key=unit.uscc, from_day=unit.from_day, given=given)


def _register_person(registration: _Registration, person: PersonItem) -> None:
    is_new = not people.is_registered(registration.connection, person.name)
    registered = people.register_person(registration.connection, person.name)
    if is_new:
        registration.record("person.register", person.name, person)
    if person.role is None:
        return
    given = Access(check_role(person.role), parse_scope(person.scope))
    if is_new:
        people.appoint(registration.connection, registered, given, now=datetime.now(UTC))
    elif (held := people.find_access(registration.connection, registered)) != given:
        # A file that is registered again must not give back what was taken from somebody meanwhile.
        raise RegistryError(f"{person.name} is {held}: `jishi-collector role` changes that, this file does not")


def _register_instrument(registration: _Registration, instrument: InstrumentItem) -> None:
    is_new = instruments.register_instrument(
        registration.connection,
        instrument.asset_no,
        name_zh=instrument.name_zh,
        name_en=instrument.name_en,
        model=instrument.model,
    )
    if is_new:
        registration.record("instrument.register", instrument.asset_no, instrument)
    if instrument.owner is not None and instrument.from_day is not None:
        _register_owner(registration, instrument, instrument.owner, from_day=instrument.from_day)
    if instrument.from_day is not None:
        given = {name: getattr(instrument, name) for name in DESCRIBED if not name.endswith("_yuan")}
        for name in ("value", "government"):
            amount = getattr(instrument, f"{name}_yuan")
            given[f"{name}_fen"] = None if amount is None else read_money(amount, fen_of_one=FEN_OF_YUAN)
        _describe(
            registration, instrument, Instrument, key=instrument.asset_no, from_day=instrument.from_day, given=given
        )


def _describe(
    registration: _Registration,
    item: UnitItem | InstrumentItem,
    kind: type[Unit | Instrument],
    *,
    key: str,
    from_day: date,
    given: Mapping[str, object],
) -> None:
    """What the file says, in place of what held on that day; the rest of that stays."""
    connection, at = registration.connection, (key, from_day)
    held = find_on(connection, kind, [at])[at]
    made = msgspec.structs.replace(held, **{name: value for name, value in given.items() if value is not None})
    if made != held:
        check(made)
        describe(connection, [(made, from_day)], recorded_by=registration.actor.name)
        word = "unit" if isinstance(made, Unit) else "instrument"
        registration.record(f"{word}.describe", key, item, old=_members(held))


def _register_owner(registration: _Registration, instrument: InstrumentItem, uscc: str, *, from_day: date) -> None:
    before = instruments.find_owner(registration.connection, instrument.asset_no, day=from_day)
    if instruments.register_owner(registration.connection, instrument.asset_no, uscc=uscc, from_day=from_day):
        registration.record("instrument.own", instrument.asset_no, instrument, old={"owner": before})


def _register_policy(registration: _Registration, policy: PolicyItem) -> None:
    path = registration.folder / policy.file
    try:
        body = read_limited(path, MAX_POLICY_BYTES)
    except OSError as error:
        raise RegistryError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise RegistryError(f"{path} is no policy: {error}") from error
    registered = policies.register_policy(registration.connection, body)
    is_new = policies.put_in_force(
        registration.connection,
        registered,
        asset_no=policy.asset,
        from_day=policy.from_day,
        approved_by=policy.approved_by,
    )
    if is_new:
        registration.record("policy.put-in-force", registered.sha256, policy)


_REGISTER: dict[type[Any], Callable[[_Registration, Any], None]] = {
    UnitItem: _register_unit,
    PersonItem: _register_person,
    InstrumentItem: _register_instrument,
    PolicyItem: _register_policy,
}


def _members(item: Item | Unit | Instrument) -> dict[str, object]:
    """What the trail keeps of an item: dates as text, and nothing of what nobody said."""
    members: dict[str, object] = msgspec.to_builtins(item)
    return {name: value for name, value in members.items() if value is not None}
