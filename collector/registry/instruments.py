"""Instruments, who owns them, and which watcher measures them: facts that hold from a day.

A fact is inserted, never changed. Of the facts up to a day the newest from_day holds; of two for the same
day, the later one. A change of what is measured, or of the owner, marks the days that it re-assigns for derivation.
"""

from collections.abc import Sequence
from datetime import date

from collector.errors import RegistryError, UnknownName
from collector.registry import units
from collector.registry.described import Instrument
from collector.registry.descriptions import find_on
from collector.store.database import DIRTY_DAY_CHANNEL, Connection
from collector.store.queries import load

_SQL = load("registry")


def register_instrument(
    connection: Connection, asset_no: str, *, name_zh: str, name_en: str = "", model: str = ""
) -> bool:
    """Registers an instrument, and says whether it is new; again with the same names is harmless.

    Raises RegistryError.
    """
    values = {"asset_no": asset_no, "name_zh": name_zh, "name_en": name_en, "model": model}
    is_new = connection.execute(_SQL.insert_instrument, values).rowcount > 0
    held = connection.execute(_SQL.load_instrument, values).fetchone()
    if held != (name_zh, name_en, model):
        raise RegistryError(f"instrument {asset_no} is registered already, with other names or model: {held}")
    return is_new


def register_owner(connection: Connection, asset_no: str, *, uscc: str | None, from_day: date) -> bool:
    """From that local day `uscc` owns the instrument; None: nobody. Says whether that is new. Raises UnknownName."""
    check_instrument(connection, asset_no)
    if uscc is not None:
        units.check_unit(connection, uscc)
    values = {"asset_no": asset_no, "uscc": uscc, "from_day": from_day}
    with connection.transaction():
        is_new = connection.execute(_SQL.insert_ownership, values).rowcount > 0
        touch_days_of_owners(connection, [(asset_no, from_day)] if is_new else [])
    return is_new


def touch_days_of_owners(connection: Connection, changes: Sequence[tuple[str, date]]) -> None:
    """Marks the days of instruments from the day on from which another unit owns them. In the caller's transaction."""
    if changes:
        connection.execute(_SQL.lock_measurements)
        values = [{"asset_no": asset_no, "from_day": from_day} for asset_no, from_day in sorted(changes)]
        with connection.cursor() as cursor:
            cursor.executemany(_SQL.touch_owned_days, values)
        connection.execute(_SQL.notify_dirty_days, {"channel": DIRTY_DAY_CHANNEL})


def register_measurement(
    connection: Connection, agent_id: str, *, watcher: str, channel: str, asset_no: str | None, from_day: date
) -> None:
    """From that local day the watcher's channel measures the instrument; None: none.

    Must run inside the caller's transaction. Raises UnknownName.
    """
    if asset_no is not None:
        check_instrument(connection, asset_no)
    values = {
        "agent_id": agent_id,
        "watcher": watcher,
        "channel": channel,
        "asset_no": asset_no,
        "from_day": from_day,
    }
    connection.execute(_SQL.lock_measurements)
    if connection.execute(_SQL.insert_measurement, values).rowcount:
        # asset_no NULL: the days leave whatever the watcher measured before, and enter what it measures now.
        connection.execute(_SQL.touch_days, {**values, "asset_no": None, "reason": "measurement"})
        connection.execute(_SQL.notify_dirty_days, {"channel": DIRTY_DAY_CHANNEL})


def check_instrument(connection: Connection, asset_no: str) -> None:
    """Raises UnknownName unless the instrument is registered."""
    if connection.execute(_SQL.load_instrument, {"asset_no": asset_no}).fetchone() is None:
        raise UnknownName(f"no instrument {asset_no!a} is registered: register it first")


def find_owner(connection: Connection, asset_no: str, *, day: date) -> str | None:
    """The USCC of the unit that owns the instrument on a local day."""
    row = connection.execute(_SQL.find_owner, {"asset_no": asset_no, "day": day}).fetchone()
    return None if row is None else row[0]


def find_instrument_on(connection: Connection, asset_no: str, *, day: date) -> Instrument | None:
    """What held of an instrument on a local day; None for one that nobody registered."""
    return find_on(connection, Instrument, [(asset_no, day)]).get((asset_no, day))
