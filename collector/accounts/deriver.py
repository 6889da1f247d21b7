"""Derives one dirty day of one instrument: reads what holds, derives, stores, and marks what follows.

One transaction per day. An advisory lock on the instrument keeps other workers off all of its days, because a
day begins in the state in which the day before ended; the dirty marks themselves are not locked, so ingest never
waits for a derivation. The mark is removed only if nobody touched the day since it was read, which is before
anything else was read: what arrives meanwhile is derived in the next round.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple

from collector.accounts.blocks import bounded, read_blocks
from collector.accounts.claims import load_said
from collector.accounts.closing import revise
from collector.accounts.grading import load_logs, load_rulings, put_grade
from collector.accounts.history import load_history
from collector.errors import DerivationError
from collector.store.database import Connection
from collector.store.queries import load
from protocol import hours
from protocol.bindings import MeasurementFact, stretches
from protocol.day import Day, gather_day, measure_gathered
from protocol.derivation import Neighbours, account, looks_ahead
from protocol.grades import GradeRecord
from protocol.grading import grade_day
from protocol.interval import DAY_S, day_bounds_ms
from protocol.lead import UNOBSERVED
from protocol.phases import NOTHING, UNKNOWN
from protocol.said import is_entered_by_hand

_SQL = load("accounts")
_ONE_DAY = timedelta(days=1)


class Outcome(Enum):
    STORED = "stored"
    """The record is new or its bytes changed."""
    UNCHANGED = "unchanged"
    """The same bytes, or no evidence and no record."""
    WAITS = "waits"
    """The day before has to be derived first; it is marked dirty and this day stays so."""
    ELSEWHERE = "elsewhere"
    """Another worker has the instrument, or has just derived the day."""


class _Stored(NamedTuple):
    """What a stored record hands over, or what stands for it where there is none."""

    lead_out: str = UNOBSERVED
    phase_out: str = UNKNOWN
    until_s: int = DAY_S
    has_problem: bool = False
    is_there: bool = False

    @property
    def handover(self) -> tuple[str, str, int]:
        """What the day after depends on."""
        return self.lead_out, self.phase_out, self.until_s


class _Marked(NamedTuple):
    """A dirty day: by what and when it was touched last, the record of the day before, and its own."""

    touched_at: datetime
    why: str
    before: _Stored
    stored: _Stored


def derive_dirty_day(connection: Connection, asset_no: str, *, day: date, today: date) -> Outcome:
    """Derives the day if it is still dirty. `today` is the local day at the collector; earlier days are over.

    Raises DerivationError where the day cannot be derived; then nothing was changed.
    """
    key = {"asset_no": asset_no, "day": day}
    with connection.transaction():
        if not _try_lock(connection, asset_no):
            return Outcome.ELSEWHERE
        marked = _load_marked(connection, key)
        if marked is None:
            return Outcome.ELSEWHERE
        touched_at, why, before, stored = marked
        if before.until_s < DAY_S and not before.has_problem:
            connection.execute(_SQL.mark_recorded_day, {"asset_no": asset_no, "day": day - _ONE_DAY})
            return Outcome.WAITS
        if before.until_s < DAY_S:
            before = _Stored()
        # A wrong clock had put readings on this day, and they went: until it closes it is as if they had never come.
        is_left = "clock" in why.split(", ") and connection.execute(_SQL.is_open, key).fetchone() is not None
        replaces = stored.is_there and not is_left
        derived = _derive(connection, asset_no, day=day, today=today, before=before, replaces=replaces)
        outcome = Outcome.UNCHANGED
        if derived is not None:
            outcome = _store(connection, derived, day=day, why=why)
        elif is_left:
            connection.execute(_SQL.remove_record, key)
            outcome = Outcome.STORED
        # Marks are locked in the order of days, as ingest does it: no two can wait for each other.
        if derived is not None or is_left:
            head = NOTHING if derived is None else derived.head
            values = {"asset_no": asset_no, "day": day - _ONE_DAY, "head": head}
            connection.execute(_SQL.mark_day_that_looks_ahead, values)
        connection.execute(_SQL.remove_mark, {**key, "touched_at": touched_at})
        handover = stored.handover if derived is None and not is_left else (derived or _Stored()).handover
        if handover != stored.handover:
            connection.execute(_SQL.mark_recorded_day, {"asset_no": asset_no, "day": day + _ONE_DAY})
        connection.execute(_SQL.remove_problem, key)
        return outcome


def _try_lock(connection: Connection, asset_no: str) -> bool:
    row = connection.execute(_SQL.try_lock_instrument, {"asset_no": asset_no}).fetchone()
    return row is not None and bool(row[0])


class _Derived(NamedTuple):
    """A record, and what its neighbours depend on of it."""

    record: hours.HourRecord
    body: bytes
    head: str
    looks_ahead: bool
    graded: GradeRecord

    @property
    def handover(self) -> tuple[str, str, int]:
        return self.record.lead_out, self.record.phase_out, self.record.until


def _derive(
    connection: Connection, asset_no: str, *, day: date, today: date, before: _Stored, replaces: bool
) -> _Derived | None:
    history = load_history(connection, asset_no)
    facts, policy = history.measurements, history.policy_on(day)
    said = load_said(connection, asset_no, day=day, owner=history.owner_on(day))
    by_hand = is_entered_by_hand(said, asset_no, day)
    if policy is None:
        if not by_hand and not _is_observed(connection, facts, asset_no, day=day):
            return None
        raise DerivationError(
            f"no policy holds for instrument {asset_no} on {day}: put one in force from that day or before, for the "
            "instrument or as the default"
        )
    given = Day(asset_no, day, policy, facts, lead_in=before.lead_out, is_over=day < today)
    gathered = gather_day(given, lambda stretch: bounded(read_blocks(connection, stretch)))
    if not gathered.blocks and not by_hand and not replaces:
        return None
    measured = measure_gathered(given, gathered)
    is_ahead = looks_ahead(measured, policy)
    follow = _load_head(connection, asset_no, day + _ONE_DAY) if is_ahead else NOTHING
    record = account(asset_no, measured, policy=policy, said=said, neighbours=Neighbours(before.phase_out, follow))
    body = hours.encode(record)
    logs = load_logs(connection, gathered.blocks) if gathered.blocks else {}
    graded = grade_day(
        record,
        body,
        blocks=gathered.blocks,
        logs=logs,
        measured=measured,
        said=said,
        policy=policy,
        **load_rulings(connection, asset_no, day=day)._asdict(),
    )
    return _Derived(record, body, measured.head, is_ahead, graded)


def _is_observed(connection: Connection, facts: Sequence[MeasurementFact], asset_no: str, *, day: date) -> bool:
    """Whether any reading touches the day; a day may be dirty only because it comes before one that is observed."""
    start_ms, end_ms = day_bounds_ms(day)
    found = stretches(facts, asset_no, start_ms=start_ms, end_ms=end_ms)
    return any(True for stretch in found for _ in read_blocks(connection, stretch, limit=1))


def _load_marked(connection: Connection, key: Mapping[str, object]) -> _Marked | None:
    row = connection.execute(_SQL.load_marked, key).fetchone()
    return None if row is None else _Marked(row[0], row[1], _stored(row[2:6]), _stored(row[6:10]))


def _stored(columns: tuple[Any, ...]) -> _Stored:
    return _Stored() if columns[0] is None else _Stored(*columns)._replace(is_there=True)


def _load_head(connection: Connection, asset_no: str, day: date) -> str:
    row = connection.execute(_SQL.load_head, {"asset_no": asset_no, "day": day}).fetchone()
    return NOTHING if row is None else str(row[0])


def _store(connection: Connection, derived: _Derived, *, day: date, why: str) -> Outcome:
    """Puts the record in the place of the one before; of a closed day that is one more revision."""
    record, body = derived.record, derived.body
    values = {name: getattr(record, name) for name in _COPIED}
    values |= {
        "asset_no": record.asset,
        "day": day,
        "body": body,
        "head": derived.head,
        "looks_ahead": derived.looks_ahead,
        "until_s": record.until,
    }
    stored = connection.execute(_SQL.put_record, values).fetchone()
    if stored is not None and stored[0] is not None:
        revise(connection, record.asset, day=day, revision=stored[0], body=body, why=why)
    put_grade(connection, derived.graded, day=day, owner=record.owner, why=why)
    return Outcome.UNCHANGED if stored is None else Outcome.STORED


_COPIED = (
    *("policy", "owner", "lead_in", "lead_out", "phase_in", "phase_out", "follow"),
    *(name for name in hours.HourRecord.__struct_fields__ if name.endswith("_s")),
)
"""Members that the table repeats under their own names."""
