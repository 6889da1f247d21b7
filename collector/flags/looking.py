"""Looks at one instrument's day, and at the month that ends with it, and keeps what the rules of protocol/flags find.

One transaction a day. Held at once are the shapes of eight weeks and, one after the other, those of the instruments
beside it; so memory does not grow with the range or the province. What was found is kept and never changed; looking
again finds the same bytes and adds nothing. No record, mark or grade is touched.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from collector.flags.months import look_at_month
from collector.flags.records import load_records
from collector.flags.shapes import WEEKS_BACK_DAYS, Shaped, load_policy, load_shapes, runs_before, with_nearest
from collector.store.database import Connection
from collector.store.queries import load
from protocol.flags import flag as flags
from protocol.flags.catalogue import RULES, flag_of
from protocol.flags.constant_load import find_constant_load
from protocol.flags.feeder import find_feeder_idle
from protocol.flags.flag import Finding, Flag
from protocol.flags.product import find_no_product
from protocol.flags.ratio import find_ratio_changed
from protocol.flags.replay import find_replayed, find_same_pattern
from protocol.flags.shape import MIN_RUN_MS
from protocol.flags.two_places import Attended, find_two_places

HISTORY_DAYS = 56
MAX_BESIDE = 500
"""Instruments of one owner that are compared on one day."""
MAX_ROWS = 10_000
_SQL = load("flags")
_ONE_DAY = timedelta(days=1)


def look(connection: Connection, asset_no: str, *, day: date) -> int:
    """Looks at a day, and at the month where the day is its last; returns how many flags are new.

    A day without a whole record has none of its own. In a transaction of its own.
    """
    with connection.transaction():
        of_day = _of_day(connection, asset_no, day)
        found = [flag_of(each, asset_no, first_day=str(day), last_day=str(day)) for each in of_day]
        found += look_at_month(connection, asset_no, last_day=day)
        return sum(_keep(connection, each) for each in found)


def _keep(connection: Connection, flag: Flag) -> int:
    body = flags.encode(flag)
    values = {
        "sha256": flags.identity(body),
        "body": body,
        "asset_no": flag.asset,
        "rule": flag.rule,
        "version": flag.version,
        "first_day": flag.first_day,
        "last_day": flag.last_day,
        "weight": RULES[flag.rule].weight,
    }
    return connection.execute(_SQL.insert_flag, values).rowcount


def _of_day(connection: Connection, asset_no: str, day: date) -> Iterator[Finding]:
    days = load_shapes(connection, asset_no, first_day=day - timedelta(days=HISTORY_DAYS), last_day=day)
    if days and days[-1].day == day:
        learn_from = day - timedelta(days=WEEKS_BACK_DAYS)
        days = with_nearest(connection, asset_no, days, first_day=learn_from)
        yield from _of_shapes(connection, asset_no, days)
    rows = connection.execute(_SQL.list_attended, {"asset_no": asset_no, "day": day, "limit": MAX_ROWS})
    yield from _found(find_two_places(asset_no, (Attended(*row) for row in rows)))


def _of_shapes(connection: Connection, asset_no: str, days: Sequence[Shaped]) -> Iterator[Finding]:
    """The rules that look at power and product; `days` in order, the one looked at last."""
    today, before = days[-1], [each.shape for each in days[:-1]]
    shapes = [each.shape for each in days]
    usual_ppb = [
        each.nearest_ppb
        for each in days[:-1]
        if each.nearest_ppb is not None and each.day >= today.day - timedelta(days=WEEKS_BACK_DAYS)
    ]
    ratios = _ratios(connection, asset_no, today.day)
    yield from _found(
        find_constant_load(today.shape, before),
        find_replayed(today.shape.runs, runs_before(days, today.day), usual_ppb=usual_ppb),
        find_no_product(shapes),
        find_feeder_idle(today.shape),
        find_ratio_changed(shapes, ratio=ratios[1], ratio_before=ratios[0]),
    )
    if today.shape.runs and usual_ppb:
        beside = _runs_beside(connection, asset_no, today.day)
        yield from _found(find_same_pattern(today.shape.runs, beside, usual_ppb=usual_ppb))


def _found(*findings: Finding | None) -> Iterator[Finding]:
    return (each for each in findings if each is not None)


def _runs_beside(connection: Connection, asset_no: str, day: date) -> Iterator[tuple[str, Sequence[int]]]:
    values = {"asset_no": asset_no, "day": day, "run_s": MIN_RUN_MS // 1000, "limit": MAX_BESIDE}
    for (other,) in connection.execute(_SQL.list_beside, values).fetchall():
        for each in load_shapes(connection, other, first_day=day, last_day=day):
            yield from ((other, run) for run in each.shape.runs)


def _ratios(connection: Connection, asset_no: str, day: date) -> tuple[tuple[int, int], tuple[int, int]]:
    """The transformer ratio by the policy of the day before, and of the day; the same where no record is before it."""
    records = load_records(connection, asset_no, first_day=day - _ONE_DAY, last_day=day)
    ratios = [load_policy(connection, record.policy).ratio for record in records]
    return ratios[0], ratios[-1]
