"""Service records out of closed hour records: their values by source, a portion at a time.

What an order cost stands on one record alone, the first that was made for it; every other one has 0, so that the sum
over records is what was paid. It stays there: that record keeps it in its later revisions.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from collector.exchange.lines import Line, lines_of, narrowed, withdrawn
from collector.exchange.sources import Values
from collector.portions import portions
from collector.store.database import Connection
from collector.store.queries import load
from protocol import hours
from protocol.hours import HourRecord

AT_ONCE = 200
_SQL = load("exchange")


class Asked(NamedTuple):
    """Days, both included, and the unit whose records are told; None: every unit's."""

    first_day: date
    last_day: date
    unit: str | None = None

    @property
    def values(self) -> dict[str, object]:
        return {"first_day": self.first_day, "last_day": self.last_day, "unit": self.unit}


class Told(NamedTuple):
    """A line, and all that can be said of it."""

    line: Line
    values: Values


class _Names(NamedTuple):
    """What the registry said of an instrument and its owner on a day."""

    instrument: str
    class_code: str
    location: str
    fee: str
    bookable: bool | None
    unit: str


class _OrderNow(NamedTuple):
    """An order as it stands; `carrier` is the inner id of the record on which its amount stands."""

    body: dict[str, Any]
    amount_fen: int | None
    has_agreement: bool
    project_name: str | None
    project_source: str | None
    area: str | None
    direction: str | None
    satisfaction: str | None
    carrier: str | None


def list_told(connection: Connection, asked: Asked, *, standings: Sequence[str]) -> Iterator[Told]:
    """Every line of the days, by day and instrument, those that are taken back among them; in a transaction."""
    carriers: dict[tuple[str, str], str] = {}
    with connection.cursor(name="told_records", binary=True) as cursor:
        cursor.itersize = AT_ONCE
        rows = cursor.execute(_SQL.list_told_records, {**asked.values, "standings": list(standings)})
        for portion in portions(rows, AT_ONCE):
            lines = [*_lines(connection, portion, asked=asked, standings=standings)]
            yield from _told(connection, lines, carriers)


def _lines(
    connection: Connection, rows: Sequence[tuple[Any, ...]], *, asked: Asked, standings: Sequence[str]
) -> Iterator[Line]:
    values = {"assets": [row[0] for row in rows], "days": [row[1] for row in rows], "unit": asked.unit}
    before: dict[tuple[str, date], list[tuple[str, str, str]]] = {}
    for asset_no, day, unit, inner, order_no in connection.execute(_SQL.list_messages_of_days, values):
        before.setdefault((asset_no, day), []).append((unit, inner, order_no))
    for asset_no, day, owner, revision, sha256, body in rows:
        record: HourRecord = hours.decode(bytes(body))
        is_ours = bool(owner) and asked.unit in (None, owner)
        now = lines_of(record, sha256=sha256, revision=revision, standings=standings) if is_ours else []
        yield from now
        held = {line.inner_id for line in now}
        for unit, inner, order_no in before.get((asset_no, day), ()):
            if inner not in held:
                yield withdrawn(record, key=inner, unit=unit, order_no=order_no, sha256=sha256, revision=revision)


def _told(connection: Connection, lines: Sequence[Line], carriers: dict[tuple[str, str], str]) -> Iterator[Told]:
    names, orders, uses = _load_names(connection, lines), _load_orders(connection, lines), _load_uses(connection, lines)
    for line in lines:
        order = orders.get((line.unit, line.order_no))
        if order is not None and order.carrier is not None:
            carriers[line.unit, line.order_no] = order.carrier
        carrier = carriers.setdefault((line.unit, line.order_no), line.inner_id) if line.order_no else None
        bounded = narrowed(line, uses.get((line.asset_no, line.day, line.order_no)))
        yield Told(line, {
            **_of_line(bounded, names[line.asset_no, line.day, line.unit]),
            **_of_order(line, order, carries=carrier == line.inner_id),
        })  # fmt: skip


def _of_line(line: Line, names: _Names) -> Values:
    return {
        "message.inner_id": line.inner_id,
        "unit.uscc": line.unit,
        "unit.name_zh": names.unit,
        "instrument.asset_no": line.asset_no,
        "instrument.name_zh": names.instrument,
        "instrument.class_code": names.class_code,
        "instrument.location": names.location,
        "instrument.fee": names.fee,
        "instrument.bookable": names.bookable,
        "record.day": line.day.isoformat(),
        "record.start": line.start_ms,
        "record.end": line.end_ms,
        "record.seconds": line.seconds,
        "record.standing": line.standing,
        "record.side": "external" if line.standing in ("claimed", "verified") else "internal",
        "record.revision": line.record_revision,
        "record.sha256": line.record_sha256,
    }


def _of_order(line: Line, order: _OrderNow | None, *, carries: bool) -> Values:
    """What is said of its order; time without an order costs nothing."""
    body: dict[str, Any] = {} if order is None else order.body
    voucher = body.get("voucher") or {}
    amount_fen = 0 if not line.order_no or not carries else (None if order is None else order.amount_fen)
    return {
        "order.number": line.order_no or None,
        "order.content": body.get("content"),
        "order.way": body.get("way"),
        "order.beneficiary": line.beneficiary or body.get("beneficiary"),
        "order.beneficiary_name": body.get("beneficiary_name"),
        "order.amount_fen": amount_fen,
        "order.has_agreement": False if order is None else order.has_agreement,
        "order.voucher_issuer": voucher.get("issuer"),
        "order.voucher_number": voucher.get("number"),
        "order.voucher_fen": voucher.get("amount_fen"),
        "detail.project_name": None if order is None else order.project_name,
        "detail.project_source": None if order is None else order.project_source,
        "detail.area": None if order is None else order.area,
        "detail.direction": None if order is None else order.direction or None,
        "detail.satisfaction": None if order is None else order.satisfaction or None,
    }


def _load_names(connection: Connection, lines: Sequence[Line]) -> dict[tuple[str, date, str], _Names]:
    asked = sorted({(line.asset_no, line.day, line.unit) for line in lines})
    values = dict(zip(("assets", "days", "units"), map(list, zip(*asked, strict=True)), strict=True)) if asked else {}
    rows = connection.execute(_SQL.list_names_of_days, values) if asked else ()
    return {(asset_no, day, uscc): _Names(*rest) for asset_no, day, uscc, *rest in rows}


def _load_orders(connection: Connection, lines: Sequence[Line]) -> dict[tuple[str, str], _OrderNow]:
    asked = sorted({(line.unit, line.order_no) for line in lines if line.order_no})
    if not asked:
        return {}
    values = {"units": [unit for unit, _ in asked], "orders": [order_no for _, order_no in asked]}
    rows = connection.execute(_SQL.list_orders_now, values)
    return {(unit, order_no): _OrderNow(body or {}, *rest) for unit, order_no, body, *rest in rows}


def _load_uses(connection: Connection, lines: Sequence[Line]) -> dict[tuple[str, date, str], tuple[int, int]]:
    asked = sorted({(line.asset_no, line.day, line.order_no) for line in lines if line.order_no})
    if not asked:
        return {}
    values = dict(zip(("assets", "days", "orders"), map(list, zip(*asked, strict=True)), strict=True))
    rows = connection.execute(_SQL.list_use_bounds, values)
    return {(asset_no, day, order_no): (start_ms, end_ms) for asset_no, day, order_no, start_ms, end_ms in rows}
