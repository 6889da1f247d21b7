"""The rules that look at a whole month: energy, regular hours, bulk entry, external service, silence.

A month is looked at on its last day; external service two months later, because invoices come late.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from collector.accounts.contradictions import load_orders
from collector.clock import utc
from collector.flags.records import load_records
from collector.store.database import Connection
from collector.store.queries import load
from protocol import facts
from protocol.facts import HandEntry, Use
from protocol.flags import shape as shapes
from protocol.flags.bulk_entry import Entered, find_bulk_entry
from protocol.flags.catalogue import flag_of
from protocol.flags.energy import Spent, find_low_energy
from protocol.flags.external import GRACE_MONTHS, ServedOrder, find_external_unproved
from protocol.flags.flag import Finding, Flag
from protocol.flags.regular import find_regular_hours
from protocol.flags.silence import find_silence
from protocol.hours import HourRecord
from protocol.interval import DAY_S, Interval, day_bounds_ms

MAX_ROWS = 100_000
_SQL = load("flags")
_SAID = load("said")
_ONE_DAY = timedelta(days=1)
_Month = tuple[date, date]


def look_at_month(connection: Connection, asset_no: str, *, last_day: date) -> Iterator[Flag]:
    """What is found of the month that ends with a day; nothing where it does not end there."""
    if (last_day + _ONE_DAY).day != 1:
        return
    month = last_day.replace(day=1), last_day
    records = load_records(connection, asset_no, first_day=month[0], last_day=month[1])
    found = [
        _energy(connection, asset_no, month),
        find_regular_hours([record.effective_s for record in records if record.until == DAY_S]),
        _bulk_entry(connection, asset_no, month),
        _silence(connection, asset_no, month, records),
    ]
    yield from (flag_of(each, asset_no, first_day=str(month[0]), last_day=str(month[1])) for each in found if each)
    earlier = _months_before(month[0], GRACE_MONTHS)
    unproved = _external(connection, asset_no, earlier)
    if unproved is not None:
        yield flag_of(unproved, asset_no, first_day=str(earlier[0]), last_day=str(earlier[1]))


def _months_before(first_day: date, months: int) -> _Month:
    last_day = first_day
    for _ in range(months):
        first_day, last_day = (first_day - _ONE_DAY).replace(day=1), first_day - _ONE_DAY
    return first_day, last_day


def _energy(connection: Connection, asset_no: str, month: _Month) -> Finding | None:
    values = {"asset_no": asset_no, "first_day": month[0], "last_day": month[1], "version": shapes.VERSION}
    spent = {other: Spent(mwh, run_s) for other, mwh, run_s in connection.execute(_SQL.list_spent, values)}
    own = spent.pop(asset_no, None)
    return None if own is None else find_low_energy(own, list(spent.values()))


def _bulk_entry(connection: Connection, asset_no: str, month: _Month) -> Finding | None:
    """The year's end is taken for the deadline: the evaluation is of calendar years."""
    start_ms, end_ms = _bounds(month)
    values = {"asset_no": asset_no, "start": utc(start_ms), "end": utc(end_ms), "limit": MAX_ROWS}
    entered, is_first = [], False
    for body, recorded_at, has_earlier in connection.execute(_SQL.list_entered, values, binary=True):
        fact = facts.decode(bytes(body))
        is_first = not has_earlier
        recorded_ms = round(recorded_at.timestamp() * 1000)
        if isinstance(fact, Use):
            entered.append(Entered(recorded_ms, fact.start, (fact.end - fact.start) // 1000))
        elif isinstance(fact, HandEntry):
            entered.append(Entered(recorded_ms, day_bounds_ms(date.fromisoformat(fact.day))[0], fact.seconds))
    return find_bulk_entry(entered, is_first=is_first, deadline=date(month[1].year, 12, 31))


def _external(connection: Connection, asset_no: str, month: _Month) -> Finding | None:
    seconds: dict[tuple[str, str], int] = {}
    documents: dict[tuple[str, str], int] = {}
    records = load_records(connection, asset_no, first_day=month[0], last_day=month[1])
    for record in records:
        for line in record.served:
            if line.standing in ("claimed", "verified"):
                key = record.owner, line.order
                seconds[key] = seconds.get(key, 0) + line.seconds
                documents[key] = max(documents.get(key, 0), line.documents)
    orders = load_orders(connection, sorted(seconds))
    served = []
    for key, lasted_s in sorted(seconds.items()):
        order = orders.get(key)
        voucher_fen = order.voucher.amount_fen if order is not None and order.voucher is not None else 0
        paid_fen = (order.fee_fen or 0) + voucher_fen if order is not None else 0
        served.append(ServedOrder(key[1], lasted_s, documents[key], paid_fen))
    return find_external_unproved(served)


def _silence(connection: Connection, asset_no: str, month: _Month, records: Iterable[HourRecord]) -> Finding | None:
    """Silence is told by the records; a day without one between two that have one is silent all through."""
    silent: list[Interval] = []
    before: date | None = None
    for record in records:
        day = date.fromisoformat(record.day)
        midnight_ms, _ = day_bounds_ms(day)
        if before is not None and day > before + _ONE_DAY:
            silent.append((day_bounds_ms(before)[1], midnight_ms))
        silent += [
            (midnight_ms + start * 1000, midnight_ms + end * 1000)
            for start, end, state in record.spans
            if state == "unobserved"
        ]
        before = day
    return find_silence(silent, _used(connection, asset_no, month), within=_bounds(month))


def _used(connection: Connection, asset_no: str, month: _Month) -> list[Interval]:
    """Declared uses, and stays at the instrument that somebody ended."""
    values = {"asset_no": asset_no, "first_day": month[0], "last_day": month[1], "limit": MAX_ROWS}
    used: list[Interval] = [(start, end) for start, end in connection.execute(_SQL.list_used, values)]
    start_ms, end_ms = _bounds(month)
    stays = {"asset_no": asset_no, "earliest_ms": start_ms, "end_ms": end_ms}
    for _, _, _, _, since_ms, ended_ms, _ in connection.execute(_SAID.list_stays, stays):
        if ended_ms is not None:
            used.append((since_ms, ended_ms))
    return used


def _bounds(month: _Month) -> Interval:
    return day_bounds_ms(month[0])[0], day_bounds_ms(month[1])[1]
