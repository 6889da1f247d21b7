"""What was said about an instrument's day, out of the database: facts, and who signed in at the instrument.

Facts come by what they name: the instrument and the day, then whatever corrects them, then the orders that they and
the stays name, with what corrects those. More than the day needs does no harm: protocol/said.py decides what counts.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from collector.accounts.history import NOW, Cut
from collector.store.database import Connection
from collector.store.queries import load
from protocol import facts
from protocol.facts import MAX_USE_MS, Correction, Fact, HandEntry, Use
from protocol.interval import day_bounds_ms
from protocol.said import Said, Stay

_SQL = load("said")


def load_said(
    connection: Connection,
    asset_no: str,
    *,
    day: date,
    owner: str,
    stays: Iterable[Stay] | None = None,
    cut: Cut = NOW,
) -> Said:
    """Everything said up to the cut that may touch the day; `stays` where they come out of the stored bytes already.

    `owner` is the USCC of the unit that owns the instrument on that day, or "".
    """
    upto = {"upto": cut.fact}
    present = tuple(_load_stays(connection, asset_no, day=day) if stays is None else stays)
    values = {"asset_no": asset_no, "day": day, **upto}
    found = _read(connection.execute(_SQL.list_facts_of_day, values, binary=True))
    if not found and not present:
        return Said(owner)
    found |= _load_corrections(connection, [*found, *(stay.ref for stay in present)], cut)
    numbers = {number for fact in found.values() for number in _orders_named(fact)}
    numbers |= {stay.order for stay in present if stay.order}
    if owner and numbers:
        values = {"unit": owner, "numbers": sorted(numbers), **upto}
        orders = _read(connection.execute(_SQL.list_orders, values, binary=True))
        found |= orders | _load_corrections(connection, orders, cut)
    return Said(owner, found, present)


def _load_corrections(connection: Connection, targets: Iterable[str], cut: Cut) -> dict[str, Fact]:
    values = {"targets": list(targets), "upto": cut.fact}
    return _read(connection.execute(_SQL.list_corrections, values, binary=True))


def _read(rows: Iterable[tuple[Any, ...]]) -> dict[str, Fact]:
    """Facts by their refs; the bytes are ours, so each is one."""
    return {facts.target_of(sha256): facts.decode(bytes(body)) for sha256, body in rows}


def _orders_named(fact: Fact) -> list[str]:
    named = fact.use if isinstance(fact, Correction) else fact
    return [named.order] if isinstance(named, Use | HandEntry) and named.order else []


def _load_stays(connection: Connection, asset_no: str, *, day: date) -> list[Stay]:
    """As protocol.said.stays makes them of the entries."""
    start_ms, end_ms = day_bounds_ms(day)
    values = {"asset_no": asset_no, "earliest_ms": start_ms - MAX_USE_MS, "end_ms": end_ms}
    found = []
    for origin, index, purpose, order, since_ms, ended_ms, how in connection.execute(
        _SQL.list_stays, values, binary=True
    ).fetchall():
        is_closed = ended_ms is not None and how != "forgotten"
        longest_ms = since_ms + MAX_USE_MS
        until_ms = longest_ms if ended_ms is None else min(max(since_ms, ended_ms), longest_ms)
        found.append(Stay(origin, index, purpose, order, since_ms, until_ms, is_closed=is_closed))
    return found
