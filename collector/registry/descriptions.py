"""Descriptions in the database: what held on a day, and what is to hold from a day on. Many at once, for imports."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import msgspec

from collector.registry.described import Described, Facility, Instrument, Kind, Unit
from collector.store.database import DIRTY_DAY_CHANNEL, Connection
from collector.store.queries import load

_SQL = load("registered")
_FIND: dict[type, bytes] = {
    Unit: _SQL.find_units_on,
    Instrument: _SQL.find_instruments_on,
    Facility: _SQL.find_facilities_on,
}
_DESCRIBE: dict[type, bytes] = {
    Unit: _SQL.insert_unit_description,
    Instrument: _SQL.insert_instrument_description,
    Facility: _SQL.insert_facility_description,
}
_REGISTER: dict[type, bytes] = {
    Unit: load("registry").insert_unit,
    Instrument: load("registry").insert_instrument,
    Facility: _SQL.insert_facility,
}
KEYS: dict[type, str] = {Unit: "uscc", Instrument: "asset_no", Facility: "facility_no"}

Asked = tuple[str, date]
"""A key and a local day."""


class Past(NamedTuple):
    """One line of an instrument's history: what held from a day on, and who recorded it when."""

    from_day: date
    instrument: Instrument
    recorded_by: str
    recorded_at: datetime


class Place(NamedTuple):
    """One line of where an instrument belonged: `kind` is owner, facility or centre; `key` None: to none."""

    from_day: date
    kind: str
    key: str | None
    recorded_at: datetime


def find_on(connection: Connection, kind: type[Kind], asked: Sequence[Asked]) -> dict[Asked, Kind]:
    """What held of each thing on the day beside its key; what nobody registered is left out."""
    keys, days = [key for key, _ in asked], [day for _, day in asked]
    rows = connection.execute(_FIND[kind], {"keys": keys, "days": days}, binary=True)
    found = {}
    for *members, _, day in rows:
        described = kind(**dict(zip(kind.__struct_fields__, members, strict=True)))
        found[getattr(described, KEYS[kind]), day] = described
    return found


def describe(connection: Connection, described: Sequence[tuple[Described, date]], *, recorded_by: str) -> None:
    """From its day on, all that a thing's description says holds of it; things that are not there yet are registered.

    What they say was checked (described.faults), and is one kind of thing. Must run inside the caller's transaction.
    """
    values = [
        {**msgspec.structs.asdict(each), "from_day": from_day, "recorded_by": recorded_by}
        for each, from_day in described
    ]
    if values:
        kind = type(described[0][0])
        # Before any day is marked: a worker that has just written a record waits for the mark next, and must be done.
        connection.execute(_SQL.hold_placements)
        _touch_days_of_models(connection, described)
        with connection.cursor() as cursor:
            cursor.executemany(_REGISTER[kind], values)
            cursor.executemany(_DESCRIBE[kind], values)


def _touch_days_of_models(connection: Connection, described: Sequence[tuple[Described, date]]) -> None:
    """A policy may hold for a model: days under another model are derived under another policy."""
    modelled = [(each.asset_no, from_day, each.model) for each, from_day in described if isinstance(each, Instrument)]
    if not modelled:
        return
    asset_nos, days, models = map(list, zip(*modelled, strict=True))
    values = {"asset_nos": asset_nos, "days": days, "models": models}
    if connection.execute(_SQL.touch_days_of_models, values).rowcount:
        connection.execute(load("registry").notify_dirty_days, {"channel": DIRTY_DAY_CHANNEL})


def list_past(connection: Connection, asset_no: str) -> list[Past]:
    """All descriptions of an instrument that were ever recorded, by the day from which they hold."""
    rows = connection.execute(_SQL.list_descriptions_of_instrument, {"asset_no": asset_no})
    return [
        Past(from_day, Instrument(**dict(zip(Instrument.__struct_fields__, members, strict=True))), by, at)
        for *members, from_day, by, at in rows
    ]


def list_places(connection: Connection, asset_no: str) -> list[Place]:
    """To whom and to what an instrument belonged, by the day from which it did."""
    return [Place(*row) for row in connection.execute(_SQL.list_places_of_instrument, {"asset_no": asset_no})]
