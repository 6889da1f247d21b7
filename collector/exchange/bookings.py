"""Bookings in the database: as they stand, and beside the hour records of the same days."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Literal, NamedTuple

from collector.exchange.compared import Booking, Compared, compare, measured_of
from collector.registry.access import Scope
from collector.store.database import Connection
from collector.store.queries import load
from protocol import hours
from protocol.hours import HourRecord
from protocol.interval import day_bounds_ms, local_day

MAX_DAYS = 31
"""Days that are compared at once: the records of all instruments of the scope are held meanwhile."""
MAX_COMPARED = 100_000
_SQL = load("brought")


class HeldBooking(NamedTuple):
    """A booking as it stands. No user: whose it is stays a hash in the database."""

    seq: int
    source: str
    key: str
    state: Literal["booked", "cancelled"]
    asset_no: str
    starts_at: datetime
    ends_at: datetime
    order_no: str | None
    recorded_at: datetime


def list_bookings(
    connection: Connection,
    scope: Scope,
    *,
    first_day: date,
    last_day: date,
    asset_no: str | None = None,
    after: int = 0,
    limit: int = MAX_COMPARED,
) -> list[HeldBooking]:
    """Those that touch a range of days, cancelled ones among them, as they were said last."""
    values = {**scope.values, "first_day": first_day, "last_day": last_day, "asset_no": asset_no, "after": after}
    return [HeldBooking(*row) for row in connection.execute(_SQL.list_bookings, {**values, "limit": limit})]


def compare_bookings(
    connection: Connection, scope: Scope, *, first_day: date, last_day: date, now: datetime
) -> list[Compared]:
    """Bookings that touch a range of days beside all that was measured in them, and work of those days without one."""
    with connection.transaction():
        held = list_bookings(connection, scope, first_day=first_day, last_day=last_day)
        bookings = [
            Booking(f"{each.source}/{each.key}", each.asset_no, _ms(each.starts_at), _ms(each.ends_at), each.order_no)
            for each in held
            if each.state == "booked"
        ]
        first = min([first_day, *(local_day(each.start_ms) for each in bookings)])
        last = max([last_day, *(local_day(each.end_ms - 1) for each in bookings)])
        measured = measured_of(_records(connection, scope, first_day=first, last_day=last))
    within = day_bounds_ms(first_day)[0], day_bounds_ms(last_day)[1]
    return compare(bookings, measured, within=within, now=now)


def _records(connection: Connection, scope: Scope, *, first_day: date, last_day: date) -> Iterator[HourRecord]:
    values = {**scope.values, "first_day": first_day, "last_day": last_day}
    with connection.cursor(name="compared", binary=True) as cursor:
        for (body,) in cursor.execute(_SQL.list_records_compared, values):
            yield hours.decode(bytes(body))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
