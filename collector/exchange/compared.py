"""Bookings beside what was measured: a list for people to look at. No hour is made, divided or lost by it. Pure.

    open        it is not over yet
    used        the instrument worked within it
    no-show     it is over, the instrument was observed in all of it, and never worked
    not-known   it is over, a part of it was observed by nobody, and in the rest the instrument did not work
    unbooked    the instrument worked for UNBOOKED_S or more without a booking of that time

Instruments that nobody ever booked are left out by whoever asks: where people do not book, nothing is unbooked. A
booking that was cancelled is none.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple, get_args

from protocol.hours import HourRecord, operating_spans
from protocol.interval import Interval, day_bounds_ms, intersect, length, subtract, union

Kind = Literal["open", "used", "no-show", "not-known", "unbooked"]
KINDS: tuple[Kind, ...] = get_args(Kind)
UNBOOKED_S = 900
"""Shorter work beside a booking is how people come early and stay late."""
_WORKING = ("prepare", "run", "post", "calibrate", "maintain")


class Booking(NamedTuple):
    """A booking as it stands, in UTC milliseconds; `ref` names it by its source and key."""

    ref: str
    asset_no: str
    start_ms: int
    end_ms: int
    order_no: str | None = None


class Compared(NamedTuple):
    """One finding. `seconds`: of work within it, or, unbooked, of work without; `booked_s` what was booked."""

    kind: Kind
    asset_no: str
    start_ms: int
    end_ms: int
    ref: str
    order_no: str | None
    seconds: int
    booked_s: int


class Measured(NamedTuple):
    """When an instrument was observed, and when it worked."""

    observed: list[Interval]
    worked: list[Interval]


def measured_of(records: Iterable[HourRecord]) -> dict[str, Measured]:
    """By instrument, out of its records in order of their days."""
    observed: dict[str, list[Interval]] = {}
    worked: dict[str, list[Interval]] = {}
    for record in records:
        midnight_ms, _ = day_bounds_ms(date.fromisoformat(record.day))
        for start, end, state in operating_spans(record):
            span = (midnight_ms + start * 1000, midnight_ms + end * 1000)
            if state != "unobserved":
                observed.setdefault(record.asset, []).append(span)
            if state in _WORKING:
                worked.setdefault(record.asset, []).append(span)
    return {asset: Measured(union(observed[asset]), union(worked.get(asset, []))) for asset in observed}


def compare(
    bookings: Sequence[Booking], measured: Mapping[str, Measured], *, within: Interval, now: datetime
) -> list[Compared]:
    """Every booking, and every stretch of work within some time that nobody booked, by instrument and time."""
    now_ms = round(now.timestamp() * 1000)
    nothing = Measured([], [])
    found = [_of_booking(each, measured.get(each.asset_no, nothing), now_ms=now_ms) for each in bookings]
    booked: dict[str, list[Interval]] = {}
    for each in bookings:
        booked.setdefault(each.asset_no, []).append((each.start_ms, each.end_ms))
    for asset_no, of_asset in measured.items():
        found += _unbooked(asset_no, intersect([within], of_asset.worked), union(booked.get(asset_no, [])))
    return sorted(found, key=lambda each: (each.asset_no, each.start_ms, each.kind, each.ref))


def _of_booking(booking: Booking, measured: Measured, *, now_ms: int) -> Compared:
    whole = [(booking.start_ms, booking.end_ms)]
    worked_s = length(intersect(whole, measured.worked)) // 1000
    if booking.end_ms > now_ms:
        kind: Kind = "open"
    elif worked_s:
        kind = "used"
    else:
        kind = "not-known" if subtract(whole, measured.observed) else "no-show"
    booked_s = (booking.end_ms - booking.start_ms) // 1000
    return Compared(
        kind, booking.asset_no, booking.start_ms, booking.end_ms, booking.ref, booking.order_no, worked_s, booked_s
    )


def _unbooked(asset_no: str, worked: list[Interval], booked: list[Interval]) -> Iterator[Compared]:
    for start_ms, end_ms in subtract(worked, booked):
        if (seconds := (end_ms - start_ms) // 1000) >= UNBOOKED_S:
            yield Compared("unbooked", asset_no, start_ms, end_ms, "", None, seconds, 0)
