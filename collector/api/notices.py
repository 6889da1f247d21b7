"""Notices 通报: drafted, issued, shown to whom they name, and replied to."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from collector.api.access import Given, Lent, Monitors, ReadsHours, RecordsFacts
from collector.api.models import Page
from collector.api.monitoring import by_of
from collector.api.notice_models import AskedNotice, AskedReply, DraftedNotice, Notice, NoticeDetail, Reply
from collector.api.paging import Cursor, Limit, after, page
from collector.api.problem import Fault, Problem, bad_request, not_found, responses
from collector.api.round_asked import do
from collector.errors import CalendarUnknown, FreezingError, UnknownName
from collector.monitoring import notices
from collector.monitoring.notice_form import decode
from collector.monitoring.notice_gather import Wanted
from collector.monitoring.notice_tables import write_annex
from collector.monitoring.notice_text import write_page, write_text
from collector.monitoring.periods import parse_period
from collector.registry.access import EVERYTHING
from collector.registry.people import Caller
from collector.store.database import Connection

router = APIRouter(prefix="/notices", tags=["monitoring"])

Number = Annotated[int, Path(ge=1, lt=2**31, description="The notice's number in the list")]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
"""The page stands alone, so that it can be kept: its style is inside, and it holds nothing that runs."""


@router.get("", responses=responses(400))
def list_notices(
    request: Request, caller: ReadsHours, connection: Lent, limit: Limit = 100, cursor: Cursor = None
) -> Page[Notice]:
    """Notices, the latest first; a unit sees those that name it."""
    [before] = after(request, cursor, start=[2**62])
    found = notices.list_notices(connection, scope=caller.access.scope, before=int(before), limit=limit + 1)
    return page(request, found, limit=limit, item=_item, key=lambda each: [each.notice_id])


@router.post("/draft", responses=responses(400, 403, 404, 409, 413))
def draft_notice(
    request: Request, given: Given, caller: Monitors, connection: Lent, asked: AskedNotice
) -> DraftedNotice:
    """What the notice would say; nothing is kept."""
    by = by_of(request, caller, given, asked.why)
    wanted = _wanted(asked)
    with _about_figures():
        form = do(connection, lambda: notices.draft(connection, wanted, by))
    return DraftedNotice(text=write_text(form).decode())


@router.post("", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404, 409, 413))
def issue_notice(request: Request, given: Given, caller: Monitors, connection: Lent, asked: AskedNotice) -> Notice:
    """Issues a notice, for good."""
    by = by_of(request, caller, given, asked.why)
    wanted = _wanted(asked)
    with _about_figures():
        return _item(do(connection, lambda: notices.issue(connection, wanted, by)))


@router.get("/{number}", responses=responses(404))
def show_notice(caller: ReadsHours, connection: Lent, number: Number) -> NoticeDetail:
    """One notice with the replies to it."""
    held = _find(connection, caller, number)
    said = [Reply(**each._asdict()) for each in notices.list_replies(connection, held)]
    return NoticeDetail(**held._asdict(), said=said)


@router.get(
    "/{number}/text",
    response_class=Response,
    responses={200: {"content": {"text/markdown": {}}, "description": "The text"}, **responses(404)},
)
def show_notice_text(caller: ReadsHours, connection: Lent, number: Number) -> Response:
    """The text as it was issued, byte for byte (Markdown, Chinese)."""
    _, text = notices.load_bytes(connection, _find(connection, caller, number))
    return Response(text, media_type="text/markdown; charset=utf-8")


@router.get(
    "/{number}/figures",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}, "description": "The figures"}, **responses(404)},
)
def show_notice_figures(caller: ReadsHours, connection: Lent, number: Number) -> Response:
    """The figures of each instrument as they were issued, byte for byte; with a scope of everything."""
    held = _find(connection, caller, number)
    if caller.access.scope != EVERYTHING:
        raise not_found("notice", number, remedy="its annex holds what belongs to your unit")
    body, _ = notices.load_bytes(connection, held)
    return Response(body, media_type="application/json")


@router.get(
    "/{number}/page",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}, "description": "The page"}, **responses(404)},
)
def show_notice_page(caller: ReadsHours, connection: Lent, number: Number) -> Response:
    """The notice to print, with every reply to it."""
    held = _find(connection, caller, number)
    form = decode(notices.load_bytes(connection, held)[0])
    html = write_page(form, sha256=held.sha256, replies=notices.list_replies(connection, held))
    return Response(html, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": PAGE_POLICY})


@router.get(
    "/{number}/annex",
    response_class=Response,
    responses={
        200: {"content": {XLSX: {"schema": {"type": "string", "format": "binary"}}}, "description": "The workbook"},
        **responses(404),
    },
)
def download_notice_annex(caller: ReadsHours, connection: Lent, number: Number) -> Response:
    """Units and instruments as a workbook; a unit is given its own lines, a division those of its units."""
    held = _find(connection, caller, number)
    form = decode(notices.load_bytes(connection, held)[0])
    named = notices.list_named(connection, held, caller.access.scope)
    with tempfile.TemporaryDirectory() as directory:
        file = FilePath(directory) / "annex.xlsx"
        write_annex(form, file, only=named)
        raw = file.read_bytes()
    headers = {"Content-Disposition": f'attachment; filename="jishi-notice-{number}.xlsx"'}
    return Response(raw, media_type=XLSX, headers=headers)


@router.post("/{number}/replies", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404, 413))
def reply_to_notice(
    request: Request, given: Given, caller: RecordsFacts, connection: Lent, number: Number, asked: AskedReply
) -> NoticeDetail:
    """A person of a unit that is named says something; it is printed with the notice."""
    _find(connection, caller, number)
    by = by_of(request, caller, given, asked.text)
    do(connection, lambda: notices.reply(connection, number, by, uscc=asked.uscc, document=asked.document))
    return show_notice(caller, connection, number)


@contextmanager
def _about_figures() -> Iterator[None]:
    """What cannot be told of a period as a problem."""
    try:
        yield
    except FreezingError as error:
        raise Problem("cannot-be-so", str(error), status=HTTPStatus.BAD_REQUEST) from error
    except CalendarUnknown as error:
        raise Problem("calendar-unknown", str(error), status=HTTPStatus.CONFLICT) from error


def _wanted(asked: AskedNotice) -> Wanted:
    named = {each.uscc: each.reason for each in asked.units}
    if len(named) != len(asked.units):
        raise bad_request("named-twice", Fault("body.units", "a unit is named twice"), remedy="give one reason a unit")
    return Wanted(asked.number, asked.kind, asked.subject, parse_period(asked.period), asked.frozen, named)


def _find(connection: Connection, caller: Caller, number: int) -> notices.Notice:
    try:
        return notices.find_notice(connection, number, scope=caller.access.scope)
    except UnknownName as error:
        raise not_found("notice", number, remedy="/api/v1/notices lists those that there are") from error


def _item(held: notices.Notice) -> Notice:
    return Notice(**held._asdict())
