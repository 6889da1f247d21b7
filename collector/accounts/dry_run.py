"""A dry run: what a proposed policy would change, before anybody agrees to it.

The days of a range are derived once more under the proposed policy, from the decoded readings and in the same chain as
the deriver does it, and held against the records that are stored. Nothing is written here. A day that waits for the
deriver, or that cannot be derived, is told as a problem and not as a change.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from collector.accounts.blocks import bounded, read_blocks
from collector.accounts.claims import load_said
from collector.accounts.history import load_history
from collector.errors import DerivationError
from collector.store.database import Connection
from collector.store.queries import load
from protocol import hours
from protocol.day import Day, measure_day
from protocol.derivation import Measured, account, neighbours_of
from protocol.history import History
from protocol.hours import HourRecord
from protocol.interval import DAY_S
from protocol.lead import UNOBSERVED
from protocol.policy import Policy

_SQL = load("accounts")
_ONE_DAY = timedelta(days=1)
MAX_DAYS = 366


class Seconds(NamedTuple):
    run_s: int = 0
    effective_s: int = 0
    external_s: int = 0

    def plus(self, record: HourRecord) -> "Seconds":
        return Seconds(
            self.run_s + record.run_s, self.effective_s + record.effective_s, self.external_s + record.external_s
        )


class Difference(NamedTuple):
    """One instrument under the policy in force and under the proposed one, over the days that have a record."""

    asset_no: str
    days: int
    days_changed: int
    before: Seconds
    after: Seconds
    problem: str = ""


def compare(connection: Connection, asset_no: str, policy: Policy, *, first_day: date, last_day: date) -> Difference:
    """What would change of one instrument over a range of days, both included; inside the caller's transaction."""
    if (last_day - first_day).days >= MAX_DAYS:
        raise DerivationError(f"a dry run covers at most {MAX_DAYS} days")
    held = _load_records(connection, asset_no, first_day - _ONE_DAY, last_day)
    before, after, days, changed = Seconds(), Seconds(), 0, 0
    try:
        for derived in _derive(connection, asset_no, policy, held=held, first_day=first_day, last_day=last_day):
            stored = held[date.fromisoformat(derived.day)]
            days += 1
            changed += _figures(stored) != _figures(derived)
            before, after = before.plus(stored), after.plus(derived)
    except DerivationError as error:
        return Difference(asset_no, days, changed, before, after, str(error))
    return Difference(asset_no, days, changed, before, after)


def _derive(
    connection: Connection,
    asset_no: str,
    policy: Policy,
    *,
    held: dict[date, HourRecord],
    first_day: date,
    last_day: date,
) -> Iterator[HourRecord]:
    """The records of those days that have one, under the policy; the day before the range hands over as it is."""
    history = load_history(connection, asset_no)
    before: HourRecord | None = held.get(first_day - _ONE_DAY)
    waiting: Measured | None = None
    for number in range((last_day - first_day).days + 1):
        day = first_day + timedelta(days=number)
        measured = None
        if day in held:
            lead_in = UNOBSERVED
            if waiting is not None and waiting.until == DAY_S:
                lead_in = waiting.lead_out
            elif waiting is None and before is not None and before.day == (day - _ONE_DAY).isoformat():
                lead_in = before.lead_out
            given = Day(asset_no, day, policy, history.measurements, lead_in=lead_in, is_over=held[day].until == DAY_S)
            measured = measure_day(given, lambda stretch: bounded(read_blocks(connection, stretch)))
        if waiting is not None:
            before = _account(connection, asset_no, policy, waiting, history=history, before=before, after=measured)
            yield before
        waiting = measured
    if waiting is not None:
        yield _account(connection, asset_no, policy, waiting, history=history, before=before, after=None)


def _account(
    connection: Connection,
    asset_no: str,
    policy: Policy,
    measured: Measured,
    *,
    history: History,
    before: HourRecord | None,
    after: Measured | None,
) -> HourRecord:
    neighbours = neighbours_of(measured, before=before, after=after)
    said = load_said(connection, asset_no, day=measured.day, owner=history.owner_on(measured.day))
    return account(asset_no, measured, policy=policy, said=said, neighbours=neighbours)


def _load_records(connection: Connection, asset_no: str, first_day: date, last_day: date) -> dict[date, HourRecord]:
    values = {"asset_no": asset_no, "first_day": first_day, "last_day": last_day}
    rows = connection.execute(_SQL.list_bodies, values, binary=True)
    records = [hours.decode(bytes(body)) for (body,) in rows]
    return {date.fromisoformat(record.day): record for record in records}


def _figures(record: HourRecord) -> tuple[int, ...]:
    return tuple(getattr(record, name) for name in _SECONDS)


_SECONDS = [name for name in HourRecord.__struct_fields__ if name.endswith("_s")]
