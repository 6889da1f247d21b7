"""Hour records: seconds per state, coverage, effective and external time of instruments and local days.

The exact bytes of a record are offered beside its members: whoever recomputes it compares those.
"""

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from collector.api import cursor as cursors
from collector.api.access import Given, Lent, ReadsHours
from collector.api.instruments import load_instrument
from collector.api.models import (
    Graded,
    GradedSeconds,
    GradedSpan,
    HourRecord,
    HourRecordDetail,
    JournalRange,
    OperatingSpan,
    Page,
    Served,
    Span,
    ToldBy,
)
from collector.api.paging import (
    FIRST_DAY,
    LAST_DAY,
    AssetNo,
    AssetNoInPath,
    Cursor,
    DayInPath,
    FirstDay,
    LastDay,
    Limit,
    after,
    check_days,
    scope_of,
)
from collector.api.problem import Problem, not_found, responses
from collector.api.record_lines import encode_lines, encode_page, place_of, readings_path
from collector.registry.access import Scope
from collector.store.database import Connection
from collector.store.queries import load
from protocol import grades, hours
from protocol.agreement import agreements
from protocol.grades import GradeRecord
from protocol.hours import operating_spans
from protocol.interval import DAY_S
from protocol.phases import DaySpan

router = APIRouter(prefix="/hours", tags=["hours"])
_SQL = load("api")


@router.get("", response_model=Page[HourRecord], responses=responses(400, 404))
def list_records(
    request: Request,
    given: Given,
    caller: ReadsHours,
    connection: Lent,
    first_day: FirstDay,
    last_day: LastDay,
    asset_no: AssetNo | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Hour records of a range of local days by day and asset number: of one instrument, or of all.

    A day on which nothing was observed has no record.
    """
    check_days(first_day, last_day)
    scope = caller.access.scope
    ordinal, after_asset_no = after(request, cursor, start=[0, ""])
    values = {
        "asset_no": asset_no,
        "first_day": first_day,
        "last_day": last_day,
        "after_day": date.fromordinal(min(max(int(ordinal), FIRST_DAY.toordinal() - 1), LAST_DAY.toordinal())),
        "after_asset_no": after_asset_no,
        "limit": limit + 1,
        **scope.values,
    }
    query = _SQL.list_records if asset_no is None else _SQL.list_records_of_instrument
    lines = encode_lines(connection.execute(query, values, binary=True).fetchall(), given.lines)
    if asset_no is not None and not lines:
        load_instrument(connection, asset_no, given.today(), scope=scope, first_day=first_day, last_day=last_day)
    next_cursor = None
    if len(lines) > limit:
        next_cursor = cursors.encode(place_of(lines[limit - 1]), scope=scope_of(request))
    return Response(encode_page(lines[:limit], next_cursor=next_cursor), media_type="application/json")


@router.get(
    "/{asset_no:path}/{day}/record",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}, "description": "The bytes"}, **responses(404)},
)
def show_record_bytes(
    given: Given, caller: ReadsHours, connection: Lent, asset_no: AssetNoInPath, day: DayInPath
) -> Response:
    """The record's exact bytes; their SHA-256 is `record_sha256`."""
    body, _, _ = _load(connection, given.today(), scope=caller.access.scope, asset_no=asset_no, day=day)
    return Response(body, media_type="application/json")


@router.get(
    "/{asset_no:path}/{day}/grades",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}, "description": "The bytes"}, **responses(404)},
)
def show_grade_bytes(
    given: Given, caller: ReadsHours, connection: Lent, asset_no: AssetNoInPath, day: DayInPath
) -> Response:
    """The exact bytes of the grade record that stands beside the hour record; their SHA-256 is `graded.sha256`."""
    _, _, graded = _load(connection, given.today(), scope=caller.access.scope, asset_no=asset_no, day=day)
    if graded is None:
        raise not_found("grade record", f"{asset_no} {day}", remedy="it is made when the day is derived again: wait")
    return Response(graded, media_type="application/json")


@router.get("/{asset_no:path}/{day}", responses=responses(404))
def show_record(
    given: Given, caller: ReadsHours, connection: Lent, asset_no: AssetNoInPath, day: DayInPath
) -> HourRecordDetail:
    """One hour record with its spans: which state held from which second to which, and what each watcher told."""
    body, derived_at, raw = _load(connection, given.today(), scope=caller.access.scope, asset_no=asset_no, day=day)
    record = hours.decode(body)
    told = [
        ToldBy(**each._asdict(), spans=_spans(spans))
        for each, (_, spans) in zip(agreements(record), record.told, strict=True)
    ]
    return HourRecordDetail(
        **_item(body, derived_at, None if raw is None else grades.decode(raw)).model_dump(),
        spans=_spans(record.spans),
        operating=[
            OperatingSpan(start_s=start, end_s=end, state=state) for start, end, state in operating_spans(record)
        ],
        served=[Served(**line._asdict()) for line in record.served],
        facts=list(record.facts),
        told=told,
        graded=None if raw is None else _graded(raw),
    )


_SECONDS = [name for name in hours.HourRecord.__struct_fields__ if name.endswith("_s")]


def _spans(spans: Iterable[DaySpan]) -> list[Span]:
    return [Span(start_s=start, end_s=end, state=state) for start, end, state in spans]


def _graded(raw: bytes) -> Graded:
    found = grades.decode(raw)
    spans = [GradedSpan(start_s=start, end_s=end, grade=each, reason=why) for start, end, each, why in found.spans]
    return Graded(
        spans=spans,
        seconds=[GradedSeconds(grade=each, state=state, seconds=seconds) for each, state, seconds in found.seconds],
        external=dict(found.external),
        lost_s=found.lost_s,
        error_ms=found.error_ms,
        decisions=list(found.decisions),
        sha256=hashlib.sha256(raw).hexdigest(),
    )


def _load(
    connection: Connection, today: date, *, scope: Scope, asset_no: str, day: date
) -> tuple[bytes, datetime, bytes | None]:
    """The bytes of the record, when it was derived, and the bytes of its grade record."""
    values = {"asset_no": asset_no, "day": day, **scope.values}
    row = connection.execute(_SQL.load_record, values, binary=True).fetchone()
    if row is not None:
        return row[0], row[1], row[2]
    load_instrument(connection, asset_no, today, scope=scope, first_day=day, last_day=day)
    problem = connection.execute(_SQL.load_problem, values).fetchone()
    if problem is None:
        name = f"{asset_no} {day}"
        raise not_found("hour record", name, remedy="nothing was observed of this instrument on this day")
    detail = f"the hour record of {asset_no} for {day} cannot be derived: {problem[0]}"
    raise Problem("not-derived", detail, status=HTTPStatus.NOT_FOUND)


def _item(body: bytes, derived_at: datetime, graded: GradeRecord | None) -> HourRecord:
    record = hours.decode(body)
    return HourRecord(
        asset_no=record.asset,
        day=date.fromisoformat(record.day),
        is_open=record.until < DAY_S,
        until_s=record.until,
        owner=record.owner or None,
        **{name: getattr(record, name) for name in _SECONDS},
        external_s=record.external_s,
        coverage=round(record.observed_s / record.until, 4) if record.until else None,
        lead_in=record.lead_in,
        lead_out=record.lead_out,
        flags=list(record.flags),
        policy_sha256=record.policy,
        record_sha256=hashlib.sha256(body).hexdigest(),
        counted_s=None if graded is None else graded.counted_s,
        counted_external_s=None if graded is None else graded.counted_external_s,
        grades=None if graded is None else {each: dict(graded.effective).get(each, 0) for each in grades.GRADES},
        readings=readings_path(record.asset, record.day),
        journals=[JournalRange(origin=origin, first=first, last=last) for origin, first, last in record.journals],
        derived_at=derived_at,
    )
