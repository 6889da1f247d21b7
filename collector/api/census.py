"""The yearly census as a file: the registry with the year's figures as of a day, and what differs from a year
before."""

import tempfile
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from collector.api.access import Given, Lent, ReadsHours
from collector.api.models import USCC
from collector.api.paging import AsOf
from collector.api.problem import responses
from collector.exports import csv_file, xlsx_file
from collector.self_evaluation import census_tables
from collector.self_evaluation.census import take_census

router = APIRouter(prefix="/exports", tags=["exports"])

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_CONTENT = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES.values()}
Part = Annotated[Literal["table", "differences"], Query(description="Which table a CSV holds; a workbook has both")]


@router.get(
    "/census.{form}",
    response_class=Response,
    responses={200: {"content": _CONTENT, "description": "The file"}, **responses(400)},
)
def export_census(
    given: Given,
    caller: ReadsHours,
    connection: Lent,
    form: Literal["csv", "xlsx"],
    as_of: AsOf | None = None,
    uscc: Annotated[str | None, Query(pattern=USCC, description="Only what this unit owned")] = None,
    part: Part = "table",
) -> Response:
    """What was owned at the end of a local day, the hours of the year up to it, and the differences to a year
    before."""
    day = as_of or given.today()
    with connection.transaction():
        found = take_census(connection, as_of=day, scope=caller.access.scope, uscc=uscc)
    if form == "csv":
        table = census_tables.census_table(found) if part == "table" else census_tables.differences_table(found)
        body = b"".join(csv_file.lines(table))
    else:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "census.xlsx"
            xlsx_file.write(path, census_tables.tables_of(found), made_at=given.now())
            body = path.read_bytes()
    headers = {"Content-Disposition": f'attachment; filename="jishi-census-{day}.{form}"'}
    return Response(body, media_type=MEDIA_TYPES[form], headers=headers)
