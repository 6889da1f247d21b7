"""Messages are made of what is closed: in one transaction, or not at all; and looked at without making any."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from collector.clock import day_of
from collector.errors import ExchangeError
from collector.exchange.building import Fault
from collector.exchange.drafts import Draft, Made, draft_of_record, draft_of_year, find_faults, put_messages
from collector.exchange.effects import list_years
from collector.exchange.mapping import ReadMapping
from collector.exchange.outbox import MACHINE
from collector.exchange.records import Asked, list_told
from collector.registry.audit import Actor, record_change
from collector.store.database import Connection


class Maker(NamedTuple):
    """When messages are made, and by whom; actor None: by the worker, whose makings are in no audit trail."""

    now: datetime
    actor: Actor | None = None

    @property
    def name(self) -> str:
        return self.actor.name if self.actor else MACHINE


def make_messages(connection: Connection, asked: Asked, mapping: ReadMapping, *, maker: Maker) -> Made:
    """Service records of closed days, those that say anything new. ExchangeError before the mapping is in force."""
    with connection.transaction():
        target = f"{asked.unit or 'everything'} {asked.first_day}..{asked.last_day}"
        return _put(connection, _records(connection, asked, mapping), mapping, maker=maker, target=target)


def make_year(connection: Connection, year: int, mapping: ReadMapping, *, unit: str | None, maker: Maker) -> Made:
    """The annual messages of instruments; the year's service records are made before. ExchangeError."""
    with connection.transaction():
        target = f"{unit or 'everything'} {year}"
        return _put(connection, _years(connection, year, unit=unit), mapping, maker=maker, target=target)


def check_records(connection: Connection, asked: Asked, mapping: ReadMapping) -> tuple[int, list[Fault]]:
    """How many service records those days have, and all that is wrong with them; nothing is made."""
    with connection.transaction():
        return find_faults(_records(connection, asked, mapping), mapping)


def check_year(connection: Connection, year: int, mapping: ReadMapping, *, unit: str | None) -> tuple[int, list[Fault]]:
    """The same of a year's annual messages."""
    with connection.transaction():
        return find_faults(_years(connection, year, unit=unit), mapping)


def _put(connection: Connection, drafts: Iterable[Draft], mapping: ReadMapping, *, maker: Maker, target: str) -> Made:
    in_force = mapping.mapping.from_day
    if day_of(maker.now) < in_force:
        raise ExchangeError(f"this field mapping is in force from {in_force} on: use the one before until then")
    made = put_messages(connection, drafts, mapping, by=maker.name, now=maker.now)
    if made.new and maker.actor is not None:
        new = {"new": made.new, "invalid": len({fault.record for fault in made.faults}), "mapping": mapping.sha256}
        record_change(connection, maker.actor, "exchange.make", target=target, new=new)
    return made


def _records(connection: Connection, asked: Asked, mapping: ReadMapping) -> Iterator[Draft]:
    for told in list_told(connection, asked, standings=mapping.mapping.standings):
        yield draft_of_record(told)


def _years(connection: Connection, year: int, *, unit: str | None) -> Iterator[Draft]:
    for told in list_years(connection, year, unit=unit):
        yield draft_of_year(told, year)
