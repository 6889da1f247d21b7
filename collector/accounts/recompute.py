"""Hour records once more, from the stored bytes: what an auditor would find, held against what is stored.

Nothing decoded is read: only batch.entries, the bytes of facts and policies, and the facts of measurement. An
instrument's days are derived in a chain from the first one on, each from what the one before hands over and with a
look at the one after, by protocol alone. Everything is read in one snapshot, so a running collector does not disturb
it. A day that was dirty in that snapshot may differ, and with it its neighbours: the deriver has not come to them yet,
they are *pending*.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import msgspec
from psycopg import IsolationLevel

from collector.accounts.bindings import MeasurementFact, channels_on
from collector.accounts.blocks import load_measurement_facts
from collector.accounts.bundles import Bundles
from collector.accounts.claims import load_said
from collector.accounts.day import Day, measure_day, measure_silence
from collector.errors import DerivationError
from collector.registry.policies import find_policy
from collector.store.database import Connection, connect
from collector.store.queries import load
from protocol import hours
from protocol.derivation import Measured, Neighbours, account
from protocol.hours import HourRecord
from protocol.interval import DAY_S
from protocol.lead import UNOBSERVED
from protocol.phases import NOTHING, UNKNOWN
from protocol.policy import Policy

_SQL = load("accounts")
_ONE_DAY = timedelta(days=1)


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


class _Held(NamedTuple):
    """What is stored of a day: its record's bytes and reach, and whether it is dirty."""

    body: bytes | None = None
    until_s: int | None = None
    is_dirty: bool = False

    @property
    def is_over(self) -> bool:
        return self.until_s is None or self.until_s == DAY_S


def recompute(connection: Connection, asset_no: str, *, day: date) -> bytes:
    """The bytes that a day's record should have; DerivationError where it should have none or cannot be derived.

    A day whose stored record ends before midnight is recomputed as an open one.
    """
    with connection.transaction():
        for each, record in _chain(connection, asset_no, last_day=day):
            if each == day and isinstance(record, HourRecord):
                return hours.encode(record)
            if each == day and record is not None:
                raise DerivationError(record)
    raise DerivationError(f"nothing was observed of instrument {asset_no} on {day}")


def verify(dsn: str, *, first_day: date = date.min, last_day: date = date.max) -> Verification:
    """Recomputes every stored record of a range of days and compares."""
    with connect(dsn, application="verify") as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            found = Verification(0, [], [])
            assets = connection.execute(_SQL.list_measured_instruments).fetchall()
            for (asset_no,) in assets:
                equal = _compare(connection, asset_no, first_day=first_day, last_day=last_day, found=found)
                found = found._replace(equal=found.equal + equal)
            return found


def _compare(connection: Connection, asset_no: str, *, first_day: date, last_day: date, found: Verification) -> int:
    """Adds what is not equal to `found`; returns how many days are."""
    held = _load_held(connection, asset_no)
    equal = 0
    pending_since: date | None = None
    for day, record in _chain(connection, asset_no, last_day=last_day):
        of_day = held.get(day, _Held())
        what = _difference(of_day.body, record)
        waits = of_day.is_dirty or pending_since == day - _ONE_DAY or held.get(day + _ONE_DAY, _Held()).is_dirty
        pending_since = day if what and waits else None
        if day < first_day:
            continue
        if what:
            (found.pending if waits else found.differences).append(Difference(asset_no, day, what))
        elif of_day.body is not None:
            equal += 1
    return equal


def _difference(stored: bytes | None, record: HourRecord | str | None) -> str:
    """Where a stored record and a recomputed one (or why there is none) part; empty where they agree."""
    if record is None:
        return ""
    if isinstance(record, str):
        return f"it cannot be recomputed: {record}"
    if stored is None:
        return "no record is stored, but there are readings"
    if stored == hours.encode(record):
        return ""
    is_, should = msgspec.json.decode(stored), msgspec.json.decode(hours.encode(record))
    parts = [f"{name} is {_short(is_.get(name))}, recomputed {_short(should[name])}" for name in should]
    return "; ".join(part for name, part in zip(should, parts, strict=True) if is_.get(name) != should[name])


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


class _Link(NamedTuple):
    """A day of a chain: its measured states, or why there are none; None where nothing was observed."""

    day: date
    measured: Measured | str | None
    policy: Policy | None = None


def _chain(connection: Connection, asset_no: str, *, last_day: date) -> Iterator[tuple[date, HourRecord | str | None]]:
    """Each day that was observed or has a record, in order, up to `last_day`, with its record from the bytes.

    In place of a record: None where nothing was observed and none is stored, or why there can be none.
    """
    facts = load_measurement_facts(connection, asset_no)
    bundles = Bundles(connection, facts, asset_no)
    before: HourRecord | None = None
    for link, after in _with_the_next(_links(connection, asset_no, facts, bundles)):
        if link.day > last_day:
            break
        if not isinstance(link.measured, Measured) or link.policy is None:
            yield link.day, link.measured if isinstance(link.measured, str) else None
            continue
        is_next = before is not None and before.day == (link.day - _ONE_DAY).isoformat() and before.until == DAY_S
        phase_in = before.phase_out if before is not None and is_next else UNKNOWN
        follow = NOTHING
        if after is not None and after.day == link.day + _ONE_DAY and isinstance(after.measured, Measured):
            follow = after.measured.head
        said = load_said(connection, asset_no, day=link.day, stays=bundles.stays)
        before = account(
            asset_no, link.measured, policy=link.policy, said=said, neighbours=Neighbours(phase_in, follow)
        )
        yield link.day, before


def _links(
    connection: Connection, asset_no: str, facts: Sequence[MeasurementFact], bundles: Bundles
) -> Iterator[_Link]:
    held = _load_held(connection, asset_no)
    before: Measured | None = None
    for day in sorted(bundles.days | set(held)):
        of_day = held.get(day, _Held())
        observed = day in bundles.days and channels_on(facts, asset_no, day=day)
        if of_day.body is None and not observed:
            continue
        policy = find_policy(connection, asset_no, day=day)
        if policy is None:
            yield _Link(day, f"no policy holds for instrument {asset_no} on {day}")
            continue
        follows = before is not None and before.day == day - _ONE_DAY and before.until == DAY_S
        lead_in = before.lead_out if before is not None and follows else UNOBSERVED
        given = Day(asset_no, day, policy, facts, lead_in=lead_in, is_over=of_day.is_over)
        try:
            measured = measure_day(given, bundles.read)
        except DerivationError as error:
            yield _Link(day, str(error))
            continue
        if measured is None and of_day.body is not None:
            measured = measure_silence(given)
        before = measured or before
        yield _Link(day, measured, policy)


def _with_the_next(links: Iterable[_Link]) -> Iterator[tuple[_Link, _Link | None]]:
    """Each link with the one behind it, which is made before anything is said of the first."""
    before: _Link | None = None
    for link in links:
        if before is not None:
            yield before, link
        before = link
    if before is not None:
        yield before, None


def _load_held(connection: Connection, asset_no: str) -> dict[date, _Held]:
    rows = connection.execute(_SQL.list_stored_days, {"asset_no": asset_no}, binary=True)
    return {day: _Held(body, until_s, is_dirty) for day, body, until_s, is_dirty in rows}
