"""What the database repeats of a fact beside its bytes: whose it is, which days it may touch, what it names. Pure."""

import hashlib
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from protocol import facts
from protocol.facts import Correction, Decision, Fact, HandEntry, Order, OrderDocument, Reported, Use
from protocol.interval import local_day


class Columns(NamedTuple):
    """A line of `fact`. What only names an order has no unit: the owner on that day is meant."""

    sha256: str
    body: bytes
    kind: str
    asset_no: str | None = None
    first_day: str | date | None = None
    last_day: str | date | None = None
    unit: str | None = None
    order_no: str | None = None
    target: str | None = None


def columns_of(fact: Fact) -> Columns:
    """The line of a fact; a correction has the days of the use, or the number of the order, that it puts in."""
    body = facts.encode(fact)
    row = Columns(facts.identity(body), body, fact.kind)
    match fact:
        case Order() | OrderDocument():
            return _of_order(row, fact)
        case Use():
            return _of_use(row, fact)
        case Correction():
            row = row._replace(target=fact.target)
            row = row if fact.use is None else _of_use(row, fact.use)
            return row if fact.order is None else _of_order(row, fact.order)
        case Decision():
            first_day, last_day = local_day(fact.start), local_day(fact.end - 1)
            return row._replace(asset_no=fact.asset, first_day=first_day, last_day=last_day)
        case HandEntry():
            return row._replace(asset_no=fact.asset, first_day=fact.day, last_day=fact.day, order_no=fact.order)
        case Reported():
            return row._replace(asset_no=fact.asset, first_day=fact.first_day, last_day=fact.last_day, unit=fact.unit)


def _of_order(row: Columns, fact: Order | OrderDocument) -> Columns:
    return row._replace(unit=fact.unit, order_no=fact.order)


def _of_use(row: Columns, use: Use) -> Columns:
    first_day, last_day = local_day(use.start), local_day(use.end - 1)
    return row._replace(asset_no=use.asset, first_day=first_day, last_day=last_day, order_no=use.order)


def documents_of(fact: Fact) -> list[str]:
    """The SHA-256 of each file that a fact names."""
    match fact:
        case Order():
            return [document.sha256 for document in fact.documents]
        case OrderDocument():
            return [fact.document.sha256]
        case Correction() if fact.order is not None:
            return [*documents_of(fact.order), *([fact.document] if fact.document else [])]
        case Correction() | HandEntry() | Reported():
            return [fact.document] if fact.document else []
        case Use() | Decision():
            return []


def content_of(fact: Fact) -> bytes:
    """SHA-256 of what a fact says, whenever and by whomever it was recorded."""
    return hashlib.sha256(facts.encode(replace(fact, at=0, by="content"))).digest()


def recorded_on(fact: Fact) -> date:
    """The local day on which a fact was recorded, or agreed to: later days know of it when they are first derived."""
    approved_at = fact.approved_at if isinstance(fact, Correction | HandEntry | Decision) else fact.at
    return local_day(max(fact.at, approved_at))
