"""Stored hour records and their grades held against what the stored bytes give (recompute.py).

A day that was dirty in the snapshot may differ, and with it its neighbours: the deriver has not come to them yet, they
are *pending*. Of a closed day the record must be its newest revision too. One instrument is in memory at a time.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

import msgspec
from psycopg import IsolationLevel

from collector.accounts.recompute import Held, chain, load_held
from collector.store.database import Connection, connect
from collector.store.queries import load
from protocol import grades, hours
from protocol.grades import GradeRecord
from protocol.hours import HourRecord

_SQL = load("accounts")
_CLOSING = load("closing")
_GRADES = load("grades")
_ONE_DAY = timedelta(days=1)

Tell = Callable[[int, int], None]
"""Is told how many instruments of how many are done."""


class Difference(NamedTuple):
    """A day whose stored record is not what the stored bytes give; `what` says where they part."""

    asset_no: str
    day: date
    what: str


class Verification(NamedTuple):
    """`equal` records were found the same; `pending` ones wait for the deriver; `differences` are faults."""

    equal: int
    pending: list[Difference]
    differences: list[Difference]


class Wanted(NamedTuple):
    """Which records: local days, both included, of one instrument or (None) of all."""

    first_day: date = date.min
    last_day: date = date.max
    asset_no: str | None = None


ALL = Wanted()


def verify(dsn: str, wanted: Wanted = ALL, *, tell: Tell = lambda _done, _of: None) -> Verification:
    """Recomputes every stored record that is wanted and compares."""
    with connect(dsn, application="verify") as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            found = Verification(0, [], _torn(connection, wanted))
            assets = [asset_no for (asset_no,) in connection.execute(_SQL.list_measured_instruments).fetchall()]
            if wanted.asset_no is not None:
                assets = [wanted.asset_no]
            for done, asset_no in enumerate(assets):
                tell(done, len(assets))
                equal = _compare(connection, asset_no, wanted=wanted, found=found)
                found = found._replace(equal=found.equal + equal)
            return found


def difference(stored: bytes | None, record: HourRecord | str | None) -> str:
    """Where a stored record and a recomputed one (or why there is none) part; empty where they agree."""
    if record is None:
        return ""
    if isinstance(record, str):
        return f"it cannot be recomputed: {record}"
    if stored is None:
        return "no record is stored, but there are readings or hours by hand"
    if stored == hours.encode(record):
        return ""
    return _parting(stored, hours.encode(record))


def _torn(connection: Connection, wanted: Wanted) -> list[Difference]:
    records = connection.execute(_CLOSING.list_torn_revisions, wanted._asdict()).fetchall()
    graded = connection.execute(_GRADES.list_torn_grades, wanted._asdict()).fetchall()
    return [
        *(Difference(asset, day, "the record is not the newest revision of its closed day") for asset, day in records),
        *(Difference(asset, day, "the grades are not the newest ones of its closed day") for asset, day in graded),
    ]


def _compare(connection: Connection, asset_no: str, *, wanted: Wanted, found: Verification) -> int:
    """Adds what is not equal to `found`; returns how many days are."""
    held = load_held(connection, asset_no)
    equal = 0
    pending_since: date | None = None
    for day, record, graded in chain(connection, asset_no, held=held, last_day=wanted.last_day):
        of_day = held.get(day, Held())
        stored, stored_grades = _load_bodies(connection, asset_no, day) if of_day.has_record else (None, None)
        what = difference(stored, record) or _grade_difference(stored_grades, graded)
        # Readings of its last hour mark the day after; while the day goes on that one is nothing that it depends on.
        waits_for_next = of_day.is_over and held.get(day + _ONE_DAY, Held()).is_dirty
        waits = of_day.is_dirty or pending_since == day - _ONE_DAY or waits_for_next
        pending_since = day if what and waits else None
        if day < wanted.first_day:
            continue
        if what:
            (found.pending if waits else found.differences).append(Difference(asset_no, day, what))
        elif stored is not None:
            equal += 1
    return equal


def _grade_difference(stored: bytes | None, graded: GradeRecord | None) -> str:
    """Where stored and recomputed grades part; empty where they agree."""
    if graded is None or stored == (raw := grades.encode(graded)):
        return ""
    return "no grades are stored" if stored is None else f"of its grades {_parting(stored, raw)}"


def _parting(stored: bytes, raw: bytes) -> str:
    """The members that differ."""
    is_, should = msgspec.json.decode(stored), msgspec.json.decode(raw)
    return "; ".join(
        f"{name} is {_short(is_.get(name))}, recomputed {_short(value)}"
        for name, value in should.items()
        if is_.get(name) != value
    )


def _load_bodies(connection: Connection, asset_no: str, day: date) -> tuple[bytes, bytes | None]:
    """Of a day with a record: its bytes, and those of its grades."""
    row = connection.execute(_SQL.load_body, {"asset_no": asset_no, "day": day}, binary=True).fetchone()
    assert row is not None, "one snapshot"
    graded = connection.execute(_GRADES.load_grade, {"asset_no": asset_no, "day": day}, binary=True).fetchone()
    return bytes(row[0]), None if graded is None else bytes(graded[0])


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"
