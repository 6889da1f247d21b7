"""Derives one dirty day of one instrument: reads what holds, derives, stores, and marks what follows.

One transaction per day. An advisory lock on the instrument keeps other workers off all of its days, because a
day begins in the state in which the day before ended; the dirty marks themselves are not locked, so ingest never
waits for a derivation. The mark is removed only if nobody touched the day since it was read, which is before
anything else was read: what arrives meanwhile is derived in the next round.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from enum import Enum
from typing import NamedTuple

from collector.accounts.bindings import MeasurementFact, stretches
from collector.accounts.blocks import load_measurement_facts, read_blocks
from collector.accounts.day import MAX_BLOCKS, Day, derive_record, derive_silence
from collector.errors import DerivationError
from collector.registry.policies import find_policy
from collector.store.database import Connection
from collector.store.queries import load
from protocol import hours
from protocol.interval import DAY_S, day_bounds_ms
from protocol.lead import UNOBSERVED

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
    """The record that is there, or what stands for it where there is none."""

    body: bytes | None = None
    lead_out: str = UNOBSERVED
    until_s: int = DAY_S
    has_problem: bool = False


def derive_dirty_day(connection: Connection, asset_no: str, *, day: date, today: date) -> Outcome:
    """Derives the day if it is still dirty. `today` is the local day at the collector; earlier days are over.

    Raises DerivationError where the day cannot be derived; then nothing was changed.
    """
    key = {"asset_no": asset_no, "day": day}
    with connection.transaction():
        if not _try_lock(connection, asset_no):
            return Outcome.ELSEWHERE
        mark = connection.execute(_SQL.load_mark, key).fetchone()
        if mark is None:
            return Outcome.ELSEWHERE
        before = _load_stored(connection, asset_no, day - _ONE_DAY)
        if before.until_s < DAY_S and not before.has_problem:
            connection.execute(_SQL.mark_recorded_day, {"asset_no": asset_no, "day": day - _ONE_DAY})
            return Outcome.WAITS
        lead_in = before.lead_out if before.until_s == DAY_S else UNOBSERVED
        stored = _load_stored(connection, asset_no, day)
        record = _derive(connection, asset_no, day=day, today=today, lead_in=lead_in, replaces=stored.body)
        outcome = Outcome.UNCHANGED if record is None else _store(connection, record, day)
        # Marks are locked in the order of days, as ingest does it: no two can wait for each other.
        connection.execute(_SQL.remove_mark, {**key, "touched_at": mark[0]})
        if record is not None and (record.lead_out, record.until) != (stored.lead_out, stored.until_s):
            connection.execute(_SQL.mark_recorded_day, {"asset_no": asset_no, "day": day + _ONE_DAY})
        connection.execute(_SQL.remove_problem, key)
        return outcome


def _try_lock(connection: Connection, asset_no: str) -> bool:
    row = connection.execute(_SQL.try_lock_instrument, {"asset_no": asset_no}).fetchone()
    return row is not None and bool(row[0])


def _derive(
    connection: Connection, asset_no: str, *, day: date, today: date, lead_in: str, replaces: bytes | None
) -> hours.HourRecord | None:
    facts = load_measurement_facts(connection, asset_no)
    policy = find_policy(connection, asset_no, day=day)
    if policy is None:
        if not _is_observed(connection, facts, asset_no, day=day):
            return None
        raise DerivationError(
            f"no policy holds for instrument {asset_no} on {day}: put one in force from that day or before, for the "
            "instrument or as the default"
        )
    given = Day(asset_no, day, policy, facts, lead_in=lead_in, is_over=day < today)
    record = derive_record(given, lambda stretch: read_blocks(connection, stretch, limit=MAX_BLOCKS + 1))
    return derive_silence(given) if record is None and replaces is not None else record


def _is_observed(connection: Connection, facts: Sequence[MeasurementFact], asset_no: str, *, day: date) -> bool:
    """Whether any reading touches the day; a day may be dirty only because it comes before one that is observed."""
    start_ms, end_ms = day_bounds_ms(day)
    found = stretches(facts, asset_no, start_ms=start_ms, end_ms=end_ms)
    return any(True for stretch in found for _ in read_blocks(connection, stretch, limit=1))


def _load_stored(connection: Connection, asset_no: str, day: date) -> _Stored:
    row = connection.execute(_SQL.load_stored, {"asset_no": asset_no, "day": day}).fetchone()
    return _Stored() if row is None else _Stored(*row)


def _store(connection: Connection, record: hours.HourRecord, day: date) -> Outcome:
    values = {
        "asset_no": record.asset,
        "day": day,
        "body": hours.encode(record),
        "policy": record.policy,
        "lead_in": record.lead_in,
        "lead_out": record.lead_out,
        "until_s": record.until,
        "off_s": record.off_s,
        "standby_s": record.standby_s,
        "run_s": record.run_s,
        "unobserved_s": record.unobserved_s,
        "effective_s": record.effective_s,
        "external_s": record.external_s,
        "unresolved_s": record.unresolved_s,
    }
    stored = connection.execute(_SQL.put_record, values).rowcount
    return Outcome.STORED if stored else Outcome.UNCHANGED
