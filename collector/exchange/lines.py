"""What one closed hour record tells a platform: a line for each order that it served, under a name that stays. Pure.

A service record is the time of one local day that one instrument worked for one order; time without an order has one
line a standing. Its name (`inner_id`) is made of unit, instrument, day and order, so that a later revision of the hour
record gives the same line another revision, and never a second one. Seconds are those that were measured and divided:
never what was booked or charged for.
"""

from collections.abc import Collection
from datetime import date
from hashlib import sha256
from typing import NamedTuple

from protocol.hours import HourRecord, operating_spans
from protocol.interval import Interval, day_bounds_ms, intersect

_WORKING = ("prepare", "run", "post", "calibrate")


class Line(NamedTuple):
    """A line of one closed hour record; `seconds` 0: it was told before, and is not so any more.

    `start_ms`, `end_ms`: from the first to the last moment of the day at which the instrument worked.
    """

    inner_id: str
    unit: str
    asset_no: str
    day: date
    order_no: str
    standing: str
    beneficiary: str
    seconds: int
    start_ms: int
    end_ms: int
    record_sha256: str
    record_revision: int


def inner_id(unit: str, asset_no: str, day: date, *, name: str) -> str:
    """The day, so that people find it, and a hash: `name` is the order's number, or #standing without one."""
    digest = sha256("\0".join((unit, asset_no, day.isoformat(), name)).encode()).hexdigest()
    return f"{day:%Y%m%d}-{digest[:24]}"


def effect_id(unit: str, asset_no: str, year: int) -> str:
    """The name of an instrument's year with a unit."""
    digest = sha256("\0".join((unit, asset_no, str(year), "effect")).encode()).hexdigest()
    return f"{year}-{digest[:24]}"


def lines_of(record: HourRecord, *, sha256: str, revision: int, standings: Collection[str]) -> list[Line]:
    """The lines of a record, of the standings that are wanted, by inner id."""
    day = date.fromisoformat(record.day)
    start_ms, end_ms = _worked(record, day)
    found: dict[str, Line] = {}
    for served in record.served:
        if served.standing not in standings:
            continue
        name = served.order or f"#{served.standing}"
        key = inner_id(record.owner, record.asset, day, name=name)
        seconds = served.seconds + (found[key].seconds if key in found else 0)
        found[key] = Line(
            key, record.owner, record.asset, day, served.order, served.standing, served.beneficiary, seconds,
            start_ms, end_ms, sha256, revision,
        )  # fmt: skip
    return [found[key] for key in sorted(found)]


def withdrawn(record: HourRecord, *, key: str, unit: str, order_no: str, sha256: str, revision: int) -> Line:
    """The line of no seconds that takes back what was told before."""
    day = date.fromisoformat(record.day)
    midnight_ms, _ = day_bounds_ms(day)
    held = next((each for each in record.served if order_no and each.order == order_no), None)
    standing, beneficiary = (held.standing, held.beneficiary) if held else ("unresolved", "")
    return Line(
        key, unit, record.asset, day, order_no, standing, beneficiary, 0, midnight_ms, midnight_ms, sha256, revision
    )


def narrowed(line: Line, use: Interval | None) -> Line:
    """The line with the bounds of the uses that name its order, as far as the instrument worked in them."""
    common = intersect([(line.start_ms, line.end_ms)], [use]) if use is not None and line.seconds else []
    return line._replace(start_ms=common[0][0], end_ms=common[-1][1]) if common else line


def _worked(record: HourRecord, day: date) -> Interval:
    midnight_ms, _ = day_bounds_ms(day)
    spans = [span for span in operating_spans(record) if span[2] in _WORKING]
    if not spans:
        return midnight_ms, midnight_ms
    return midnight_ms + spans[0][0] * 1000, midnight_ms + max(span[1] for span in spans) * 1000
