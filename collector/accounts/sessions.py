"""Sessions: runs in one piece, out of the hour records that midnight cuts them into.

A run that reaches midnight continues in the next day's record if that one begins with a run. A session is given
whole, also where it began before the days that were asked for or ends after them.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from collector.store.database import Connection
from collector.store.queries import load
from protocol import hours
from protocol.hours import HourRecord
from protocol.interval import DAY_S, day_bounds_ms

_SQL = load("accounts")
_ONE_DAY = timedelta(days=1)
MAX_REACH_DAYS = 400
"""How far beyond the days asked for a session is followed."""


class Session(NamedTuple):
    """[start_ms, end_ms) in UTC; `is_open`: it ends where the evidence of an open day ends, so it may go on."""

    start_ms: int
    end_ms: int
    is_open: bool
    days: tuple[date, ...]

    @property
    def seconds(self) -> int:
        return (self.end_ms - self.start_ms) // 1000


def join_over_midnight(records: Sequence[HourRecord]) -> list[Session]:
    """The sessions of one instrument's records, which are in the order of their days."""
    sessions: list[Session] = []
    for record in records:
        day = date.fromisoformat(record.day)
        midnight_ms, _ = day_bounds_ms(day)
        is_open_day = record.until < DAY_S
        for start_s, end_s in hours.sessions(record):
            run = Session(
                midnight_ms + start_s * 1000, midnight_ms + end_s * 1000, is_open_day and end_s == record.until, (day,)
            )
            if sessions and sessions[-1].end_ms == run.start_ms:
                before = sessions.pop()
                run = run._replace(start_ms=before.start_ms, days=(*before.days, day))
            sessions.append(run)
    return sessions


def load_sessions(connection: Connection, asset_no: str, *, first_day: date, last_day: date) -> list[Session]:
    """The sessions that touch a range of local days, both included, in order."""
    records = _load(connection, asset_no, first_day, last_day)
    if records and records[0].day == first_day.isoformat():
        records = _before(connection, asset_no, records[0]) + records
    if records and records[-1].day == last_day.isoformat():
        records += _after(connection, asset_no, records[-1])
    within = day_bounds_ms(first_day)[0], day_bounds_ms(last_day)[1]
    return [
        session
        for session in join_over_midnight(records)
        if session.start_ms < within[1] and within[0] < session.end_ms
    ]


def _before(connection: Connection, asset_no: str, record: HourRecord) -> list[HourRecord]:
    """The records of the days before, as far back as a run reaches over each midnight."""
    found: list[HourRecord] = []
    while _begins_running(record) and len(found) < MAX_REACH_DAYS:
        day = date.fromisoformat(record.day) - _ONE_DAY
        earlier = _load(connection, asset_no, day, day)
        if not earlier or not _ends_running(earlier[0]):
            break
        record = earlier[0]
        found.insert(0, record)
    return found


def _after(connection: Connection, asset_no: str, record: HourRecord) -> list[HourRecord]:
    """The records of the days after, as far as a run reaches over each midnight."""
    found: list[HourRecord] = []
    while _ends_running(record) and len(found) < MAX_REACH_DAYS:
        day = date.fromisoformat(record.day) + _ONE_DAY
        later = _load(connection, asset_no, day, day)
        if not later or not _begins_running(later[0]):
            break
        record = later[0]
        found.append(record)
    return found


def _begins_running(record: HourRecord) -> bool:
    return bool(record.spans) and record.spans[0][2] == "run"


def _ends_running(record: HourRecord) -> bool:
    return record.until == DAY_S and record.spans[-1][2] == "run"


def _load(connection: Connection, asset_no: str, first_day: date, last_day: date) -> list[HourRecord]:
    values = {"asset_no": asset_no, "first_day": first_day, "last_day": last_day}
    return [hours.decode(body) for (body,) in connection.execute(_SQL.list_bodies, values, binary=True)]
