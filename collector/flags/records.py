"""Hour records as the rules need them."""

from datetime import date

from collector.store.database import Connection
from collector.store.queries import load
from protocol import hours
from protocol.hours import HourRecord

_ACCOUNTS = load("accounts")


def load_records(connection: Connection, asset_no: str, *, first_day: date, last_day: date) -> list[HourRecord]:
    """The records of a range of days, in order."""
    values = {"asset_no": asset_no, "first_day": first_day, "last_day": last_day}
    rows = connection.execute(_ACCOUNTS.list_bodies, values, binary=True).fetchall()
    return [hours.decode(bytes(body)) for (body,) in rows]
