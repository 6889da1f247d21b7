"""Messages are made of what is closed: in one transaction, or not at all; and looked at without making any."""

from collections.abc import Iterator
from datetime import datetime

from collector.exchange.building import Fault
from collector.exchange.effects import list_years
from collector.exchange.mapping import ReadMapping
from collector.exchange.outbox import Draft, Made, draft_of_record, draft_of_year, find_faults, put_messages
from collector.exchange.records import Asked, list_told
from collector.store.database import Connection


def make_messages(connection: Connection, asked: Asked, mapping: ReadMapping, *, by: str, now: datetime) -> Made:
    """Service records of closed days, those that say anything new."""
    with connection.transaction():
        return put_messages(connection, _records(connection, asked, mapping), mapping, by=by, now=now)


def make_year(
    connection: Connection, year: int, mapping: ReadMapping, *, unit: str | None, by: str, now: datetime
) -> Made:
    """The annual messages of instruments; the year's service records are made before."""
    with connection.transaction():
        return put_messages(connection, _years(connection, year, unit=unit), mapping, by=by, now=now)


def check_records(connection: Connection, asked: Asked, mapping: ReadMapping) -> tuple[int, list[Fault]]:
    """How many service records those days have, and all that is wrong with them; nothing is made."""
    with connection.transaction():
        return find_faults(_records(connection, asked, mapping), mapping)


def check_year(connection: Connection, year: int, mapping: ReadMapping, *, unit: str | None) -> tuple[int, list[Fault]]:
    """The same of a year's annual messages."""
    with connection.transaction():
        return find_faults(_years(connection, year, unit=unit), mapping)


def _records(connection: Connection, asked: Asked, mapping: ReadMapping) -> Iterator[Draft]:
    for told in list_told(connection, asked, standings=mapping.mapping.standings):
        yield draft_of_record(told)


def _years(connection: Connection, year: int, *, unit: str | None) -> Iterator[Draft]:
    for told in list_years(connection, year, unit=unit):
        yield draft_of_year(told, year)
