"""Roll-ups and vouchers as files for people: CSV and XLSX with Chinese headings. Programs ask /rollups, /vouchers."""

import tempfile
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from collector.api.access import Given, Lent, ReadsHours, ReadsReadings
from collector.api.exports import MEDIA_TYPES
from collector.api.paging import FIRST_DAY, LAST_DAY
from collector.api.problem import Problem, responses
from collector.exports import csv_file, rollups, xlsx_file
from collector.exports.tables import Table
from collector.rollups.line import Line
from collector.rollups.period import Period
from collector.rollups.rollup import By, Question, load_lines
from collector.rollups.vouchers import load_vouchers

router = APIRouter(prefix="/exports", tags=["exports"])

MAX_LINES = 20_000
"""More at once is the command's: `jishi-collector rollup`, `jishi-collector vouchers`."""
Form = Literal["csv", "xlsx"]
_CONTENT = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES.values()}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": _CONTENT, "description": "The file"},
    **responses(400, 413),
}
Year = Annotated[int, Query(ge=FIRST_DAY.year, le=LAST_DAY.year, description="A calendar year, local time")]


@router.get("/rollups.{form}", response_class=Response, responses=_FILE)
def export_rollups(
    given: Given,
    caller: ReadsHours,
    connection: Lent,
    form: Form,
    year: Year,
    month: Annotated[int | None, Query(ge=1, le=12, description="A month of it")] = None,
    by: Annotated[By, Query(description="What each line is about")] = "unit",
    months: Annotated[bool, Query(description="Each month of the year, in order")] = False,
) -> Response:
    """The lines of a roll-up, of a year, a month, or of each month of a year."""
    period = Period(year, month)
    lines: list[tuple[Period, Line]] = []
    for each in period.months if months else [period]:
        asked = Question(
            by, each, given.today(), caller.access.scope, special=given.config.rollups.special, limit=MAX_LINES + 1
        )
        lines += [(each, line) for line in load_lines(connection, asked)]
        _check(len(lines), "rollup")
    return _answer(rollups.rollup(by, lines), form, name=f"rollup-{by}-{period}", given=given)


@router.get("/vouchers.{form}", response_class=Response, responses=_FILE)
def export_vouchers(given: Given, caller: ReadsReadings, connection: Lent, form: Form, year: Year) -> Response:
    """Innovation vouchers that the orders of a year name."""
    rows = load_vouchers(connection, period=Period(year), scope=caller.access.scope, limit=MAX_LINES + 1)
    _check(len(rows), "vouchers")
    return _answer(rollups.vouchers(rows), form, name=f"vouchers-{year}", given=given)


def _check(lines: int, command: str) -> None:
    if lines > MAX_LINES:
        raise Problem(
            "too-many",
            f"more than {MAX_LINES} lines are asked for: ask for a month, or use `jishi-collector {command}`",
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )


def _answer(table: Table, form: Form, *, name: str, given: Given) -> Response:
    return Response(
        b"".join(_written(table, form, given)),
        media_type=MEDIA_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="jishi-{name}.{form}"'},
    )


def _written(table: Table, form: Form, given: Given) -> Iterator[bytes]:
    if form == "csv":
        yield from csv_file.lines(table)
        return
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "table.xlsx"
        xlsx_file.write(path, [table], made_at=given.now())
        yield path.read_bytes()
