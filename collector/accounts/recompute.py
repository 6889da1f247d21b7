"""Hour records once more, from the stored bytes: what an auditor would find.

Nothing decoded is read: only batch.entries, the bytes of facts and policies, and the dated facts. An instrument's days
are derived in a chain from the first one on, each from what the one before hands over and with a look at the one
after, by protocol alone. Under a cut (history.py) the same is done with what was known then. The caller holds one
snapshot, so that a running collector does not disturb it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from collector.accounts.blocks import bounded
from collector.accounts.bundles import Bundles
from collector.accounts.claims import is_entered_by_hand, load_said
from collector.accounts.grading import load_rulings
from collector.accounts.history import NOW, Cut, load_history
from collector.errors import DerivationError
from collector.store.database import Connection
from collector.store.queries import load
from protocol import hours
from protocol.bindings import channels_on
from protocol.day import Day, gather_day, measure_gathered
from protocol.derivation import Measured, account, neighbours_of
from protocol.grades import GradeRecord
from protocol.grading import grade_day
from protocol.history import History
from protocol.hours import HourRecord
from protocol.interval import DAY_S
from protocol.lead import UNOBSERVED
from protocol.policy import Policy
from protocol.said import Said
from protocol.witness import Block

_SQL = load("accounts")
_SAID = load("said")
_ONE_DAY = timedelta(days=1)


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


class _Link(NamedTuple):
    """A day of a chain: its measured states, or why there are none; None where nothing was observed."""

    day: date
    measured: Measured | str | None
    policy: Policy | None
    said: Said
    blocks: Sequence[Block] = ()


def recompute(connection: Connection, asset_no: str, *, day: date) -> bytes:
    """The bytes that a day's record should have; DerivationError where it should have none or cannot be derived.

    A day whose stored record ends before midnight is recomputed as an open one.
    """
    with connection.transaction():
        for each, record, _ in chain(connection, asset_no, held=load_held(connection, asset_no), last_day=day):
            if each == day and isinstance(record, HourRecord):
                return hours.encode(record)
            if each == day and record is not None:
                raise DerivationError(record)
    raise DerivationError(f"nothing was observed of instrument {asset_no} on {day}")


def chain(
    connection: Connection, asset_no: str, *, held: Mapping[date, Held], last_day: date, cut: Cut = NOW
) -> Iterator[Recomputed]:
    """Each day that was observed, has a record or hours by hand, in order, up to `last_day`."""
    history = load_history(connection, asset_no, cut=cut)
    before: HourRecord | None = None
    links = _Links(connection, asset_no, history, held=held, cut=cut)
    for link, after in _with_the_next(links):
        if link.day > last_day:
            break
        if not isinstance(link.measured, Measured) or link.policy is None:
            yield Recomputed(link.day, link.measured if isinstance(link.measured, str) else None)
            continue
        following = after.measured if after is not None and isinstance(after.measured, Measured) else None
        neighbours = neighbours_of(link.measured, before=before, after=following)
        before = account(asset_no, link.measured, policy=link.policy, said=link.said, neighbours=neighbours)
        yield Recomputed(link.day, before, links.grade(link, before) if cut is NOW else None)


def load_held(connection: Connection, asset_no: str) -> dict[date, Held]:
    """What is stored of an instrument's days."""
    rows = connection.execute(_SQL.list_stored_days, {"asset_no": asset_no}, binary=True)
    return {day: Held(*rest) for day, *rest in rows}


class _Links:
    """The measured days of an instrument, in order, each from the lead of the one before."""

    def __init__(
        self, connection: Connection, asset_no: str, history: History, *, held: Mapping[date, Held], cut: Cut
    ) -> None:
        self._connection, self._asset_no, self._history = connection, asset_no, history
        self._held, self._cut = held, cut
        self._bundles = Bundles(connection, history.measurements, asset_no, cut=cut)
        values = {"asset_no": asset_no, "upto": cut.fact}
        self._by_hand = {day for (day,) in connection.execute(_SAID.list_hand_days, values, binary=True)}

    def __iter__(self) -> Iterator[_Link]:
        before: Measured | None = None
        for day in sorted(self._bundles.days | set(self._held) | self._by_hand):
            link = self._link(day, before)
            if isinstance(link.measured, Measured):
                before = link.measured
            yield link

    def _link(self, day: date, before: Measured | None) -> _Link:
        """One day; of a day in the future only what was observed."""
        held = self._held.get(day, Held())
        owner, policy = self._history.owner_on(day), self._history.policy_on(day)
        said = load_said(
            self._connection, self._asset_no, day=day, owner=owner, stays=self._bundles.stays, cut=self._cut
        )
        is_due = held.has_record or (day in self._by_hand and is_entered_by_hand(said, self._asset_no, day))
        observed = day in self._bundles.days and channels_on(self._history.measurements, self._asset_no, day=day)
        if not is_due and not observed:
            return _Link(day, None, policy, said)
        if policy is None:
            return _Link(day, f"no policy holds for instrument {self._asset_no} on {day}", None, said)
        follows = before is not None and before.day == day - _ONE_DAY and before.until == DAY_S
        lead_in = before.lead_out if before is not None and follows else UNOBSERVED
        facts = self._history.measurements
        given = Day(self._asset_no, day, policy, facts, lead_in=lead_in, is_over=held.is_over)
        try:
            gathered = gather_day(given, lambda stretch: bounded(self._bundles.read(stretch)))
        except DerivationError as error:
            return _Link(day, str(error), policy, said)
        if not gathered.blocks and not is_due:
            return _Link(day, None, policy, said)
        return _Link(day, measure_gathered(given, gathered), policy, said, gathered.blocks)

    def grade(self, link: _Link, record: HourRecord) -> GradeRecord:
        """The grades of the record of a measured day."""
        assert isinstance(link.measured, Measured)
        assert link.policy is not None
        return grade_day(
            record,
            hours.encode(record),
            blocks=link.blocks,
            logs=self._bundles.logs(link.blocks),
            measured=link.measured,
            said=link.said,
            policy=link.policy,
            **load_rulings(self._connection, self._asset_no, day=link.day)._asdict(),
        )


def _with_the_next(links: Iterable[_Link]) -> Iterator[tuple[_Link, _Link | None]]:
    """Each link with the one behind it, which is made before anything is said of the first."""
    before: _Link | None = None
    for link in links:
        if before is not None:
            yield before, link
        before = link
    if before is not None:
        yield before, None
