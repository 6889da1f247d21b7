"""The hours in a bundle: records with their grades, what closed them, and the table for people.

The record of the day before the first comes along, from which the first day starts, and that of the day after the last
where the last day's record depends on how it begins.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from typing import NamedTuple

from collector.evidence.bundle_files import Sink
from collector.evidence.bundle_proofs import Proofs
from collector.store.database import Connection
from collector.store.queries import load
from protocol import grades, hours, hours_table
from protocol.hours import HourRecord
from protocol.phases import NOTHING

_ONE_DAY = timedelta(days=1)
_AT_ONCE = 20
_SQL = load("bundles")


class _Held(NamedTuple):
    day: date
    raw: bytes
    record: HourRecord
    grade: bytes | None
    revision: int | None
    sha256: str


def write_hours(
    connection: Connection, asset_no: str, *, first_day: date, last_day: date, sink: Sink, proofs: Proofs
) -> int:
    """Write what hours/ holds; returns how many days of the period have a record."""
    days = 0
    with ExitStack() as stack:
        records, graded, closed, table = (
            stack.enter_context(sink.open(f"hours/{name}"))
            for name in ("records.jsonl", "grades.jsonl", "closed.jsonl", "hours.csv")
        )
        table.write(hours_table.header().encode())
        follow = NOTHING
        for held in _records(connection, asset_no, first_day, last_day):
            if held.day > last_day and follow == NOTHING:
                continue
            records.write(held.raw + b"\n")
            closing = proofs.of_record(asset_no, held.day, revision=held.revision, sha256=held.sha256)
            if closing is not None:
                closed.write(closing + b"\n")
            if not first_day <= held.day <= last_day:
                continue
            days += 1
            follow = held.record.follow if held.day == last_day else NOTHING
            if held.grade is not None:
                graded.write(held.grade + b"\n")
            decoded = None if held.grade is None else grades.decode(held.grade)
            row = hours_table.Row(held.record, held.raw, None if closing is None else held.revision, decoded)
            table.write(hours_table.line(row).encode())
    return days


def _records(connection: Connection, asset_no: str, first_day: date, last_day: date) -> Iterator[_Held]:
    values = {"asset_no": asset_no, "first_day": first_day - _ONE_DAY, "last_day": last_day + _ONE_DAY}
    with connection.cursor(name="records", binary=True) as cursor:
        cursor.itersize = _AT_ONCE
        for day, body, grade, revision, sha256 in cursor.execute(_SQL.list_records, values):
            raw = bytes(body)
            yield _Held(day, raw, hours.decode(raw), None if grade is None else bytes(grade), revision, sha256 or "")
