"""Hour records once more, from the stored bytes: what an auditor would find.

Nothing decoded is read: only batch.entries, the bytes of facts and policies, and the dated facts. An instrument's days
are derived in a chain from the first one on, each from what the one before hands over and with a look at the one
after, by protocol alone. Under a cut (history.py) the same is done with what was known then. The caller holds one
snapshot, so that a running collector does not disturb it.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

from collector.accounts.bundles import Bundles
from collector.accounts.claims import load_said
from collector.accounts.grading import load_rulings
from collector.accounts.history import NOW, Cut, load_history
from collector.errors import DerivationError
from collector.store.database import Connection
from collector.store.queries import load
from protocol import chain as days_
from protocol import hours
from protocol.chain import ChainDay, bounded
from protocol.grades import GradeRecord
from protocol.grading import grade_day
from protocol.history import History
from protocol.hours import HourRecord
from protocol.interval import DAY_S
from protocol.said import is_entered_by_hand

_SQL = load("accounts")
_SAID = load("said")


class Held(NamedTuple):
    """What is stored of a day: whether it has a record, how far that reaches, and whether the day is dirty."""

    has_record: bool = False
    until_s: int | None = None
    is_dirty: bool = False

    @property
    def is_over(self) -> bool:
        return self.until_s is None or self.until_s == DAY_S


class Recomputed(NamedTuple):
    """A day and its record from the bytes; None where nothing was observed, or why there can be none.

    `graded` is the grade record beside it; None under a cut, which fixes records alone.
    """

    day: date
    record: HourRecord | str | None
    graded: GradeRecord | None = None


def recompute(connection: Connection, asset_no: str, *, day: date) -> bytes:
    """The bytes that a day's record should have; DerivationError where it should have none or cannot be derived.

    A day whose stored record ends before midnight is recomputed as an open one.
    """
    with connection.transaction():
        for found in chain(connection, asset_no, held=load_held(connection, asset_no), last_day=day):
            if found.day == day and isinstance(found.record, HourRecord):
                return hours.encode(found.record)
            if found.day == day and found.record is not None:
                raise DerivationError(found.record)
    raise DerivationError(f"nothing was observed of instrument {asset_no} on {day}")


def chain(
    connection: Connection, asset_no: str, *, held: Mapping[date, Held], last_day: date, cut: Cut = NOW
) -> Iterator[Recomputed]:
    """Each day that was observed, has a record or hours by hand, in order, up to `last_day`."""
    history = load_history(connection, asset_no, cut=cut)
    bundles = Bundles(connection, history.measurements, asset_no, cut=cut)
    days = _days(connection, asset_no, bundles, history=history, held=held, cut=cut)
    for found in days_.chain(asset_no, days, history=history, read=lambda stretch: bounded(bundles.read(stretch))):
        if found.day > last_day:
            return
        graded = _grade(connection, bundles, found) if cut is NOW and isinstance(found.record, HourRecord) else None
        yield Recomputed(found.day, found.record, graded)


def load_held(connection: Connection, asset_no: str) -> dict[date, Held]:
    """What is stored of an instrument's days."""
    rows = connection.execute(_SQL.list_stored_days, {"asset_no": asset_no}, binary=True)
    return {day: Held(*rest) for day, *rest in rows}


def _days(
    connection: Connection, asset_no: str, bundles: Bundles, *, history: History, held: Mapping[date, Held], cut: Cut
) -> Iterator[ChainDay]:
    """The days to look at, each loaded when the chain comes to it."""
    values = {"asset_no": asset_no, "upto": cut.fact}
    by_hand = {day for (day,) in connection.execute(_SAID.list_hand_days, values, binary=True)}
    for day in sorted(bundles.days | set(held) | by_hand):
        of_day = held.get(day, Held())
        said = load_said(connection, asset_no, day=day, owner=history.owner_on(day), stays=bundles.stays, cut=cut)
        is_due = of_day.has_record or (day in by_hand and is_entered_by_hand(said, asset_no, day))
        yield ChainDay(day, said, day in bundles.days, is_due, of_day.is_over)


def _grade(connection: Connection, bundles: Bundles, found: days_.Recomputed) -> GradeRecord:
    """The grades of the record of a measured day."""
    assert isinstance(found.record, HourRecord)
    assert found.measured is not None
    assert found.policy is not None
    return grade_day(
        found.record,
        hours.encode(found.record),
        blocks=found.blocks,
        logs=bundles.logs(found.blocks),
        measured=found.measured,
        said=found.said,
        policy=found.policy,
        **load_rulings(connection, found.record.asset, day=found.day)._asdict(),
    )
