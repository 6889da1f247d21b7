"""Hour records as files for people: CSV and XLSX with Chinese headings. Programs ask /hours."""

import tempfile
from collections.abc import Iterator
from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

from fastapi import APIRouter, Query
from psycopg import IsolationLevel
from starlette.responses import StreamingResponse

from collector.api.access import Given, Lent, ReadsHours, Services
from collector.api.models import USCC
from collector.api.paging import AssetNo, FirstDay, LastDay, check_days
from collector.api.problem import Problem, responses
from collector.exports.hour_records import Selection, as_csv, count, write_xlsx
from collector.store.database import Connection

router = APIRouter(prefix="/exports", tags=["exports"])

MAX_RECORDS = 200_000
"""More at once is the command's: `jishi-collector export-hours`."""
_PIECE_BYTES = 65_536
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_CONTENT = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES.values()}

Uscc = Annotated[str | None, Query(pattern=USCC, description="Only what this unit owned")]


@router.get(
    "/hours.{form}",
    response_class=StreamingResponse,
    responses={200: {"content": _CONTENT, "description": "The file"}, **responses(400, 413)},
)
def export_hours(
    given: Given,
    caller: ReadsHours,
    connection: Lent,
    form: Literal["csv", "xlsx"],
    first_day: FirstDay,
    last_day: LastDay,
    asset_no: AssetNo | None = None,
    uscc: Uscc = None,
) -> StreamingResponse:
    """Hour records of a range of local days, with names, coverage, policies and the identity of each record."""
    check_days(first_day, last_day)
    selection = Selection(first_day, last_day, asset_no, uscc, caller.access.scope)
    file = _write(connection, selection, form=form, given=given)
    return StreamingResponse(
        _pieces(file),
        media_type=MEDIA_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{_name(first_day, last_day)}.{form}"'},
    )


def _write(connection: Connection, selection: Selection, *, form: str, given: Services) -> BinaryIO:
    """The whole file on disk before a byte of it is sent: what fails is told as a problem, not by a broken file."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with connection.transaction():
            records = count(connection, selection)
            if records > MAX_RECORDS:
                raise Problem(
                    "too-many",
                    f"{records} hour records are asked for and {MAX_RECORDS} can be: ask for fewer days, or use "
                    "`jishi-collector export-hours`",
                    status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                )
            return _spool(connection, selection, form=form, given=given)
    finally:
        connection.isolation_level = None


def _spool(connection: Connection, selection: Selection, *, form: str, given: Services) -> BinaryIO:
    file = tempfile.TemporaryFile()  # noqa: SIM115 closed by _pieces, which sends it
    if form == "csv":
        for piece in as_csv(connection, selection):
            file.write(piece)
    else:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "hours.xlsx"
            write_xlsx(connection, selection, path, now=given.now())
            file.write(path.read_bytes())
    file.seek(0)
    return file


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _name(first_day: date, last_day: date) -> str:
    return f"jishi-hours-{first_day}-{last_day}"
