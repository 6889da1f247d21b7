"""Contradictions: what was said that cannot all be so. A list for people to look at; no hour ever changes by it.

Rules, each with its figures and where to look:

    overlap       two uses of one instrument under different orders at the same time
    two-places    one user at two instruments at the same time
    no-run        a use in which the instrument did not run for a second
    unclaimed     effective time of a day that nobody claimed, half of it or more
    unpaid        external hours of an order without a document and without a fee
    not-owned     a use on a day on which nobody owned the instrument
    document      a file that proves two orders
    voucher       a voucher that paid two orders

A use that a correction names is left out: somebody has looked at it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import combinations, groupby
from typing import Literal, NamedTuple, get_args

from collector.registry.access import Scope
from collector.store.database import Connection
from collector.store.queries import load
from protocol import facts, hours
from protocol.facts import Order, Use
from protocol.hours import HourRecord
from protocol.interval import Interval, day_bounds_ms, intersect, length, local_day, union

_SQL = load("contradictions")

Rule = Literal["overlap", "two-places", "no-run", "unclaimed", "unpaid", "not-owned", "document", "voucher"]
RULES: tuple[Rule, ...] = get_args(Rule)
MAX_ON_ONE_DAY = 200
"""Uses of one instrument or user that are compared in pairs; a machine that writes more is at fault itself."""
_ROWS_AT_ONCE = 400


class Contradiction(NamedTuple):
    """One finding: by which rule, where, what it is about, how many seconds of it, and the sentence for people."""

    rule: Rule
    asset_no: str
    day: date | None
    about: tuple[str, ...]
    seconds: int
    told: str


class Recorded(NamedTuple):
    """A use with its ref and the unit that owned the instrument when it began."""

    ref: str
    use: Use
    owner: str | None


def find_contradictions(
    connection: Connection, scope: Scope, *, first_day: date, last_day: date
) -> list[Contradiction]:
    """Everything that is found over a range of days, both included, by rule.

    The uses of the range are held at once, the records of one instrument at a time.
    """
    values = {**scope.values, "first_day": first_day, "last_day": last_day}
    with connection.transaction():
        uses = _load_uses(connection, values)
        uses_of = dict(_grouped(uses, lambda each: each.use.asset))
        found = [*overlaps(uses), *two_places(uses), *not_owned(uses), *_shared(connection, values)]
        for asset_no, of_asset in groupby(_records(connection, values), lambda record: record.asset):
            records = list(of_asset)
            named = {(record.owner, line.order) for record in records for line in record.served if line.order}
            orders = load_orders(connection, sorted(named))
            found += without_run(uses_of.get(asset_no, []), records)
            found += [*unclaimed(records), *unpaid(records, orders)]
    return sorted(found, key=lambda each: (RULES.index(each.rule), each.asset_no, each.day or date.min, each.about))


def overlaps(uses: Sequence[Recorded]) -> Iterator[Contradiction]:
    """Two uses of one instrument under different orders at the same time."""
    for asset_no, of_asset in _grouped(uses, lambda each: each.use.asset):
        for left, right in combinations(of_asset[:MAX_ON_ONE_DAY], 2):
            seconds = _shared_seconds(left.use, right.use)
            if seconds and left.use.order != right.use.order:
                told = f"{seconds} s are claimed by {_name(left.use)} and by {_name(right.use)}"
                yield Contradiction("overlap", asset_no, _day(left.use), (left.ref, right.ref), seconds, told)


def two_places(uses: Sequence[Recorded]) -> Iterator[Contradiction]:
    """One user at two instruments at the same time."""
    named = [each for each in uses if each.use.user]
    for user, of_user in _grouped(named, lambda each: each.use.user or ""):
        for left, right in combinations(of_user[:MAX_ON_ONE_DAY], 2):
            seconds = _shared_seconds(left.use, right.use)
            if seconds and left.use.asset != right.use.asset:
                told = f"user {user[:12]} is at {left.use.asset} and at {right.use.asset} for the same {seconds} s"
                yield Contradiction("two-places", left.use.asset, _day(left.use), (left.ref, right.ref), seconds, told)


def without_run(uses: Iterable[Recorded], records: Iterable[HourRecord]) -> Iterator[Contradiction]:
    """A use in which the instrument did not run, on days that were observed at all."""
    ran: dict[str, list[Interval]] = {}
    observed: dict[str, list[Interval]] = {}
    for record in records:
        midnight_ms, _ = day_bounds_ms(date.fromisoformat(record.day))
        for start, end, state in record.spans:
            span = (midnight_ms + start * 1000, midnight_ms + end * 1000)
            if state != "unobserved":
                observed.setdefault(record.asset, []).append(span)
            if state == "run":
                ran.setdefault(record.asset, []).append(span)
    for ref, use, _ in uses:
        told_of = [(use.start, use.end)]
        if use.purpose in ("maintenance", "fault"):
            continue
        seen_ms = length(intersect(told_of, union(observed.get(use.asset, []))))
        if seen_ms and not intersect(told_of, union(ran.get(use.asset, []))):
            told = f"{_name(use)} had the instrument for {(use.end - use.start) // 1000} s and it did not run"
            yield Contradiction("no-run", use.asset, _day(use), (ref,), seen_ms // 1000, told)


def unclaimed(records: Iterable[HourRecord]) -> Iterator[Contradiction]:
    """Days of which half the effective time or more was claimed by nobody."""
    for record in records:
        seconds = sum(line.seconds for line in record.served if not line.order and line.standing == "unresolved")
        if seconds and 2 * seconds >= record.effective_s:
            told = f"of {record.effective_s} effective s nobody claimed {seconds}"
            day = date.fromisoformat(record.day)
            yield Contradiction("unclaimed", record.asset, day, (), seconds, told)


def unpaid(records: Iterable[HourRecord], orders: dict[tuple[str, str], Order]) -> Iterator[Contradiction]:
    """External hours of orders without a document and without a fee or voucher."""
    for record in records:
        for line in record.served:
            order = orders.get((record.owner, line.order))
            if line.standing == "claimed" and (order is None or not (order.fee_fen or order.voucher)):
                told = f"order {line.order} takes {line.seconds} s for {line.beneficiary} without a document or a fee"
                day = date.fromisoformat(record.day)
                yield Contradiction("unpaid", record.asset, day, (line.order,), line.seconds, told)


def not_owned(uses: Iterable[Recorded]) -> Iterator[Contradiction]:
    """A use on a day on which nobody owned the instrument."""
    for ref, use, owner in uses:
        if owner is None:
            told = f"nobody owned the instrument when {_name(use)} had it"
            yield Contradiction("not-owned", use.asset, _day(use), (ref,), (use.end - use.start) // 1000, told)


def _shared(connection: Connection, values: dict[str, object]) -> Iterator[Contradiction]:
    for document, orders in connection.execute(_SQL.list_shared_documents, values):
        told = f"document {document[:12]}… proves {' and '.join(orders)}"
        yield Contradiction("document", "", None, tuple(orders), 0, told)
    for issuer, number, orders in connection.execute(_SQL.list_shared_vouchers, values):
        told = f"voucher {number} of {issuer} paid {' and '.join(orders)}"
        yield Contradiction("voucher", "", None, tuple(orders), 0, told)


def _load_uses(connection: Connection, values: dict[str, object]) -> list[Recorded]:
    found = []
    for sha256, body, owner in connection.execute(_SQL.list_standing_uses, values, binary=True):
        fact = facts.decode(bytes(body))
        assert isinstance(fact, Use), "the query asks for those"
        found.append(Recorded(facts.target_of(sha256), fact, owner))
    return found


def _records(connection: Connection, values: dict[str, object]) -> Iterator[HourRecord]:
    with connection.cursor(name="records", binary=True) as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        for (body,) in cursor.execute(_SQL.list_records_of_days, values):
            yield hours.decode(bytes(body))


def load_orders(connection: Connection, named: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Order]:
    """Orders by unit and number, as they were recorded."""
    values = {"units": [unit for unit, _ in named], "numbers": [number for _, number in named]}
    found: dict[tuple[str, str], Order] = {}
    for unit, number, body in connection.execute(_SQL.list_orders_of_unit, values, binary=True):
        fact = facts.decode(bytes(body))
        if isinstance(fact, Order):
            found[unit, number] = fact
    return found


def _grouped(uses: Iterable[Recorded], key: Callable[[Recorded], str]) -> list[tuple[str, list[Recorded]]]:
    groups: dict[str, list[Recorded]] = {}
    for each in uses:
        groups.setdefault(key(each), []).append(each)
    return sorted(groups.items())


def _shared_seconds(left: Use, right: Use) -> int:
    return max(0, min(left.end, right.end) - max(left.start, right.start)) // 1000


def _name(use: Use) -> str:
    return f"order {use.order}" if use.order else use.purpose


def _day(use: Use) -> date:
    return local_day(use.start)
