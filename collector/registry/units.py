"""Units: the legal persons that own instruments, keyed by their unified social credit code (USCC)."""

from datetime import date
from typing import Literal, NamedTuple

from collector.errors import BadUscc, RegistryError, UnknownName
from collector.store.database import Connection
from collector.store.queries import load
from protocol.uscc import fault

_SQL = load("registry")
_REGISTERED = load("registered")


class Officer(NamedTuple):
    """A person who speaks for a unit."""

    name: str
    role: Literal["officer", "approver"]


def check_uscc(text: str) -> str:
    """Returns the code as it is; raises BadUscc, which says what is wrong with it."""
    if wrong := fault(text):
        raise BadUscc(wrong)
    return text


def register_unit(connection: Connection, uscc: str, *, name_zh: str, name_en: str = "") -> bool:
    """Registers a unit, and says whether it is new; again with the same names is harmless.

    Raises BadUscc, RegistryError.
    """
    values = {"uscc": check_uscc(uscc), "name_zh": name_zh, "name_en": name_en}
    is_new = connection.execute(_SQL.insert_unit, values).rowcount > 0
    held = connection.execute(_SQL.load_unit, values).fetchone()
    if held != (name_zh, name_en):
        raise RegistryError(f"unit {uscc} is registered already, under other names: {held}")
    return is_new


def check_unit(connection: Connection, uscc: str) -> None:
    """Raises UnknownName unless the unit is registered."""
    if connection.execute(_SQL.load_unit, {"uscc": uscc}).fetchone() is None:
        raise UnknownName(f"no unit {uscc} is registered: register it first")


def list_officers_on(connection: Connection, uscc: str, *, day: date) -> list[Officer]:
    """Who spoke for a unit at the end of a local day, by name: whom an appointment had made its officer by then."""
    return [Officer(*row) for row in connection.execute(_REGISTERED.list_officers_on, {"uscc": uscc, "day": day})]
