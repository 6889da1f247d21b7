"""Hour records of a range of days as a file: CSV in pieces, or XLSX with a second sheet that says what they rest on.

Both come from one snapshot through a server-side cursor, so memory does not grow with the range.
"""

import hashlib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from collector.exports import csv_file, xlsx_file
from collector.exports.tables import BASIS_COLUMNS, HOUR_COLUMNS, Basis, Named, Table, table
from collector.registry.access import EVERYTHING, Scope
from collector.store.database import Connection
from collector.store.queries import load
from protocol import grades, hours

_SQL = load("exports")
_ROWS_AT_ONCE = 500


class Selection(NamedTuple):
    """Which hour records: a range of local days, perhaps one instrument or one owner, within a scope."""

    first_day: date
    last_day: date
    asset_no: str | None = None
    uscc: str | None = None
    scope: Scope = EVERYTHING

    @property
    def values(self) -> dict[str, object]:
        return {
            "first_day": self.first_day,
            "last_day": self.last_day,
            "asset_no": self.asset_no,
            "uscc": self.uscc,
            **self.scope.values,
        }


Tell = Callable[[int], object]
"""Hears, now and then, how many records are written."""


def count(connection: Connection, selection: Selection) -> int:
    row = connection.execute(_SQL.count_named_records, selection.values).fetchone()
    return 0 if row is None else int(row[0])


def as_csv(connection: Connection, selection: Selection, *, tell: Tell | None = None) -> Iterator[bytes]:
    """The file in pieces; the connection is inside a transaction until the last one is taken."""
    return csv_file.lines(_hours(connection, selection, tell))


def write_xlsx(
    connection: Connection, selection: Selection, path: Path, *, now: datetime, tell: Tell | None = None
) -> None:
    """Writes the workbook, inside a transaction. ValueError for more records than a sheet can hold."""
    basis = [Basis(*row) for row in connection.execute(_SQL.list_basis, selection.values)]
    tables = [_hours(connection, selection, tell), table("规则与覆盖", BASIS_COLUMNS, basis)]
    xlsx_file.write(path, tables, made_at=now)


def _hours(connection: Connection, selection: Selection, tell: Tell | None) -> Table:
    return table("机时台账", HOUR_COLUMNS, _records(connection, selection, tell))


def _records(connection: Connection, selection: Selection, tell: Tell | None) -> Iterator[Named]:
    with connection.cursor(name="exported", binary=True) as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(_SQL.list_named_records, selection.values)
        for number, (body, revision, instrument, owner, graded) in enumerate(cursor, 1):
            raw = bytes(body)
            of_day = None if graded is None else grades.decode(bytes(graded))
            yield Named(hours.decode(raw), instrument, owner, revision, hashlib.sha256(raw).hexdigest(), of_day)
            if tell is not None and number % _ROWS_AT_ONCE == 0:
                tell(number)
