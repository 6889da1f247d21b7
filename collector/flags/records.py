"""Hour records and orders as the rules need them."""

from collections.abc import Sequence
from datetime import date

from collector.store.database import Connection
from collector.store.queries import load
from protocol import facts, hours
from protocol.facts import Order
from protocol.hours import HourRecord

_ACCOUNTS = load("accounts")
_CONTRADICTIONS = load("contradictions")


def load_records(connection: Connection, asset_no: str, *, first_day: date, last_day: date) -> list[HourRecord]:
    """The records of a range of days, in order."""
    values = {"asset_no": asset_no, "first_day": first_day, "last_day": last_day}
    rows = connection.execute(_ACCOUNTS.list_bodies, values, binary=True).fetchall()
    return [hours.decode(bytes(body)) for (body,) in rows]


def load_orders(connection: Connection, named: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Order]:
    """Orders by unit and number, as they were recorded."""
    values = {"units": [unit for unit, _ in named], "numbers": [number for _, number in named]}
    found: dict[tuple[str, str], Order] = {}
    for unit, number, body in connection.execute(_CONTRADICTIONS.list_orders_of_unit, values, binary=True):
        fact = facts.decode(bytes(body))
        if isinstance(fact, Order):
            found[unit, number] = fact
    return found
