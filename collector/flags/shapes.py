"""Shapes of an instrument's days: read where they are kept, made of record and readings where they are not.

A kept shape names the record that it was made with, so a day that was derived again gets another one. A day whose
readings were dropped has no shape: the rules that look at power say nothing of it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from collector.accounts.blocks import bounded, read_blocks
from collector.accounts.history import load_history
from collector.errors import DerivationError
from collector.store.database import Connection
from collector.store.queries import load
from protocol import hours
from protocol.bindings import stretches
from protocol.entry import Entry, Reading
from protocol.flags import shape as shapes
from protocol.flags.likeness import nearest
from protocol.flags.shape import Counted, Shape, shape_of
from protocol.hours import HourRecord, of_state
from protocol.interval import Interval, day_bounds_ms
from protocol.lead import State
from protocol.observation import Observation, between, covered_ms, layer, once_only
from protocol.policy import Policy, parse_policy
from protocol.witness import Block, gather

FEEDER = "feeder"
"""The channel of a meter of the line that feeds an instrument, where one is bound to it."""
WEEKS_BACK_DAYS = 28
"""How far back a replayed trace is looked for."""
_SQL = load("flags")
_API = load("api")
_ONE_DAY = timedelta(days=1)


class Shaped(NamedTuple):
    """A day's shape, and how far its runs are from the nearest ones of the weeks before; None: nothing to compare."""

    day: date
    shape: Shape
    nearest_ppb: int | None

    @property
    def runs(self) -> list[tuple[str, Sequence[int]]]:
        """Its long runs, by the day's name."""
        return [(self.day.isoformat(), run) for run in self.shape.runs]


def load_shapes(connection: Connection, asset_no: str, *, first_day: date, last_day: date) -> list[Shaped]:
    """The shapes of a range of days, in order; those that are missing are made and kept. In a transaction."""
    values = {"asset_no": asset_no, "first_day": first_day, "last_day": last_day, "version": shapes.VERSION}
    for (body,) in connection.execute(_SQL.list_shapeless, values, binary=True).fetchall():
        _make(connection, bytes(body))
    rows = connection.execute(_SQL.list_shapes, values, binary=True).fetchall()
    return [Shaped(day, shapes.decode(bytes(body)), near) for day, body, near in rows]


def with_nearest(connection: Connection, asset_no: str, days: Sequence[Shaped], *, first_day: date) -> list[Shaped]:
    """The same days with the distances filled in from `first_day` on, each against the weeks before it."""
    return [
        _with_nearest(connection, asset_no, each, days)
        if each.nearest_ppb is None and each.day >= first_day and each.shape.runs
        else each
        for each in days
    ]


def _with_nearest(connection: Connection, asset_no: str, of: Shaped, days: Sequence[Shaped]) -> Shaped:
    near = nearest(of.shape.runs, runs_before(days, of.day))
    if near is None:
        return of
    values = {"asset_no": asset_no, "day": of.day, "nearest_ppb": near.distance_ppb}
    connection.execute(_SQL.put_nearest, values)
    return of._replace(nearest_ppb=near.distance_ppb)


def runs_before(days: Iterable[Shaped], day: date) -> list[tuple[str, Sequence[int]]]:
    """Runs of the weeks before a day."""
    earliest = day - timedelta(days=WEEKS_BACK_DAYS)
    return [run for each in days if earliest <= each.day < day for run in each.runs]


def load_policy(connection: Connection, sha256: str) -> Policy:
    """The policy of a record."""
    row = connection.execute(_API.load_policy, {"sha256": sha256}, binary=True).fetchone()
    assert row is not None, "a record's policy is kept"
    return parse_policy(bytes(row[0]))


def _make(connection: Connection, body: bytes) -> None:
    record = hours.decode(body)
    try:
        shape = _shape(connection, record)
    except DerivationError:  # readings that were dropped, or too many of them: the record stands without
        return
    values = {
        "asset_no": record.asset,
        "day": date.fromisoformat(record.day),
        "version": shapes.VERSION,
        "record": hashlib.sha256(body).hexdigest(),
        "body": shapes.encode(shape),
    }
    connection.execute(_SQL.put_shape, values)


def _shape(connection: Connection, record: HourRecord) -> Shape:
    day = date.fromisoformat(record.day)
    start_ms, end_ms = day_bounds_ms(day)
    policy = load_policy(connection, record.policy)
    facts = load_history(connection, record.asset).measurements
    blocks: list[Block] = []
    for stretch in stretches(facts, record.asset, start_ms=start_ms, end_ms=end_ms):
        blocks += bounded(read_blocks(connection, stretch))
    return shape_of(
        between(gather(blocks, policy).observed, start_ms, end_ms=end_ms),
        runs=_spans(record, "run", start_ms),
        standby=_spans(record, "standby", start_ms),
        counted=_counted(blocks, within=(start_ms, end_ms)),
        feeder=between(_of_feeder(blocks, policy), start_ms, end_ms=end_ms),
    )


def _spans(record: HourRecord, state: State, start_ms: int) -> list[Interval]:
    found = of_state(record.spans, record.classes, state)
    return [(start_ms + start * 1000, start_ms + end * 1000) for start, end in found]


def _of_feeder(blocks: Iterable[Block], policy: Policy) -> list[Observation]:
    """The feeder's power, by its own meter; the ratio of the policy is the instrument's and is not applied."""
    sources: dict[tuple[str, str], list[tuple[Entry, Reading]]] = {}
    for origin, entry, reading in blocks:
        if reading.channel == FEEDER and reading.means is not None:
            sources.setdefault((origin, reading.watcher), []).append((entry, reading))
    return layer([once_only(sources[name], _means) for name in sorted(sources)], policy)


def _means(reading: Reading) -> Iterable[tuple[int, int, int, None, None]]:
    return ((mean, mean, mean, None, None) for mean in reading.means or ())


def _counted(blocks: Iterable[Block], *, within: Interval) -> list[Counted]:
    """What counting watchers counted in readings that begin in a stretch; each reading once."""
    found: dict[tuple[str, int], Counted] = {}
    for origin, entry, reading in blocks:
        start_ms, end_ms = covered_ms(entry, reading)
        if reading.counts is not None and within[0] <= start_ms < within[1]:
            number = sum(count for count in reading.counts if count > 0)
            found[origin, entry.index] = Counted(start_ms, min(end_ms, within[1]), number)
    return list(found.values())
