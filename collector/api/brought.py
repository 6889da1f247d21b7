"""What booking systems hand in: bookings, users, charges, details of orders, effects of a year; and bookings compared.

The rules are those of files (collector.exchange.intake): a request's members become the cells of a row. A caller's keys
are his own: two systems may use the same numbers.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from collector.api.access import BringsBookings, Given, Lent, ReadsReadings, Services, actor_of
from collector.api.exchange_models import (
    BroughtReport,
    ComparedBooking,
    HeldBooking,
    NewBooking,
    NewCharge,
    NewEffect,
    NewOrderDetail,
    NewUser,
)
from collector.api.fact_models import NewRows
from collector.api.facts import BATCH, AllOrNothing, DryRun
from collector.api.models import Page
from collector.api.paging import AssetNo, Cursor, FirstDay, LastDay, Limit, after, check_days, page
from collector.api.problem import Problem, responses
from collector.api.registry_models import RefusedRow
from collector.clock import utc
from collector.exchange.bookings import MAX_DAYS, compare_bookings, list_bookings
from collector.exchange.bookings import HeldBooking as Booking
from collector.exchange.compared import Compared, Kind
from collector.exchange.intake import take
from collector.facts.drafts import Bringer
from collector.facts.importing import Taking
from collector.facts.lines import as_texts
from collector.facts.mapping import own_mapping
from collector.facts.salt import open_salt
from collector.registry.people import Caller
from collector.sheet_report import Report
from collector.sheets import Row
from collector.store.database import Connection

router = APIRouter(tags=["exchange"])


@router.post("/bookings" + BATCH, responses=responses(413))
def bring_bookings(
    request: Request, given: Given, caller: BringsBookings, connection: Lent, said: NewRows[NewBooking],
    dry_run: DryRun = False, all_or_nothing: AllOrNothing = False,
) -> BroughtReport:  # fmt: skip
    """Records bookings, each on its own: 200 also where some are refused. Said again otherwise, one was moved."""
    taking = _taking(request, given, caller, what="bookings")
    return _take(connection, taking._replace(dry_run=dry_run, all_or_nothing=all_or_nothing), said.items)


@router.post("/users" + BATCH, responses=responses(413))
def bring_users(
    request: Request, given: Given, caller: BringsBookings, connection: Lent, said: NewRows[NewUser],
    dry_run: DryRun = False, all_or_nothing: AllOrNothing = False,
) -> BroughtReport:  # fmt: skip
    """Records users of a unit; neither names nor numbers of cards are kept."""
    taking = _taking(request, given, caller, what="users")
    return _take(connection, taking._replace(dry_run=dry_run, all_or_nothing=all_or_nothing), said.items)


@router.post("/charges" + BATCH, responses=responses(413))
def bring_charges(
    request: Request, given: Given, caller: BringsBookings, connection: Lent, said: NewRows[NewCharge],
    dry_run: DryRun = False, all_or_nothing: AllOrNothing = False,
) -> BroughtReport:  # fmt: skip
    """Records charges and refunds of orders, each once: something else under a known key is refused."""
    taking = _taking(request, given, caller, what="charges")
    return _take(connection, taking._replace(dry_run=dry_run, all_or_nothing=all_or_nothing), said.items)


@router.post("/order-details" + BATCH, responses=responses(413))
def bring_order_details(
    request: Request, given: Given, caller: BringsBookings, connection: Lent, said: NewRows[NewOrderDetail],
    dry_run: DryRun = False, all_or_nothing: AllOrNothing = False,
) -> BroughtReport:  # fmt: skip
    """Records projects, areas, directions and ratings of orders; what is said last holds."""
    taking = _taking(request, given, caller, what="order-details")
    return _take(connection, taking._replace(dry_run=dry_run, all_or_nothing=all_or_nothing), said.items)


@router.post("/effects" + BATCH, responses=responses(413))
def bring_effects(
    request: Request, given: Given, caller: BringsBookings, connection: Lent, said: NewRows[NewEffect],
    dry_run: DryRun = False, all_or_nothing: AllOrNothing = False,
) -> BroughtReport:  # fmt: skip
    """Records papers, patents and a remark of instruments' years; what is said last holds."""
    taking = _taking(request, given, caller, what="effects")
    return _take(connection, taking._replace(dry_run=dry_run, all_or_nothing=all_or_nothing), said.items)


@router.get("/bookings", responses=responses(400))
def list_held_bookings(
    request: Request,
    caller: ReadsReadings,
    connection: Lent,
    first_day: FirstDay,
    last_day: LastDay,
    asset_no: AssetNo | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[HeldBooking]:
    """Bookings as they were said last that touch a range of days, cancelled ones among them."""
    check_days(first_day, last_day)
    [number] = after(request, cursor, start=[0])
    rows = list_bookings(
        connection, caller.access.scope, first_day=first_day, last_day=last_day, asset_no=asset_no,
        after=int(number), limit=limit + 1,
    )  # fmt: skip
    return page(request, rows, limit=limit, item=_held, key=lambda each: [each.number])


@router.get("/bookings/comparison", responses=responses(400))
def compare_held_bookings(
    given: Given,
    caller: ReadsReadings,
    connection: Lent,
    first_day: FirstDay,
    last_day: LastDay,
    kind: Annotated[Kind | None, Query(description="Only these")] = None,
) -> list[ComparedBooking]:
    """Bookings of up to 31 days beside what was measured: open, used, no-show, not known, unbooked."""
    check_days(first_day, last_day)
    if (last_day - first_day).days >= MAX_DAYS:
        detail = f"the range has {(last_day - first_day).days + 1} days; ask for at most {MAX_DAYS} at once"
        raise Problem("range-too-long", detail, status=HTTPStatus.BAD_REQUEST)
    found = compare_bookings(connection, caller.access.scope, first_day=first_day, last_day=last_day, now=given.now())
    return [_compared(each) for each in found if kind in (None, each.kind)]


def _taking(request: Request, given: Services, caller: Caller, *, what: str) -> Taking:
    at_ms, scope, name = round(given.now().timestamp() * 1000), caller.access.scope, caller.person.name
    unit = scope.name if scope.kind == "unit" else None
    bringer = Bringer(name, at_ms, f"api/{name}", open_salt(given.config.data_dir), unit)
    return Taking(bringer, actor_of(request, caller), what, scope)


def _take(connection: Connection, taking: Taking, items: Sequence[BaseModel]) -> BroughtReport:
    """`taking.what` is the kind of the rows."""
    rows = [Row(number, as_texts(item.model_dump(mode="json"))) for number, item in enumerate(items, 1)]
    taken = take(connection, rows, own_mapping(taking.what), taking=taking, report=Report())
    report = taken.report
    return BroughtReport(
        is_applied=taken.is_applied,
        rows=report.rows,
        accepted=report.accepted,
        unchanged=report.unchanged,
        refused=report.refused,
        refusals=[RefusedRow(**refusal._asdict()) for refusal in report.by_row()],
    )


def _held(each: Booking) -> HeldBooking:
    return HeldBooking(
        number=each.seq, source=each.source, key=each.key, state=each.state, asset_no=each.asset_no,
        start=each.starts_at, end=each.ends_at, order=each.order_no, recorded_at=each.recorded_at,
    )  # fmt: skip


def _compared(each: Compared) -> ComparedBooking:
    return ComparedBooking(
        kind=each.kind, asset_no=each.asset_no, start=utc(each.start_ms), end=utc(each.end_ms), booking=each.ref,
        order=each.order_no, worked_s=each.seconds, booked_s=each.booked_s,
    )  # fmt: skip
