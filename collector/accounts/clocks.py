"""Moves readings and declarations of a boot to where its beacons put them (protocol/clock_bounds.py).

Ingest marks the boot (ingest/clocks.py); here somebody looks, in a transaction of its own. Every entry of the boot
whose correction is another than its row's is moved, and the days that it leaves and those that it comes to are derived
again. Rows are derived: what an entry says stays in its bytes.
"""

from collections.abc import Iterable
from typing import NamedTuple

from collector.store.database import Connection
from collector.store.queries import load
from protocol.clock_bounds import Clocks, Fix, shift_ms
from protocol.days_decided import days_decided

_SQL = load("clocks")
_INGEST = load("ingest")
_SAID = load("said")
_REBUILD = load("rebuild")


class _Row(NamedTuple):
    """A reading as it lies: its own clocks, its correction, its channel, its bounds in UTC ms."""

    entry_index: int
    wall_ms: int
    mono_ms: int
    shift_ms: int
    watcher: str
    channel: str
    start_ms: int
    end_ms: int


def settle_clocks(connection: Connection) -> int:
    """Look at every boot whose clock is doubted; returns how many rows were moved."""
    moved = 0
    while True:
        with connection.transaction():
            row = connection.execute(_SQL.take_doubted).fetchone()
            if row is None:
                return moved
            journal_id, boot, agent_id = row
            moved += _settle(connection, journal_id, boot, agent_id=agent_id)


def _settle(connection: Connection, journal_id: int, boot: str, *, agent_id: str) -> int:
    key = {"journal_id": journal_id, "boot": boot}
    fixes = [Fix(*row) for row in connection.execute(_SQL.list_fixes, key)]
    rows = [_Row(*row) for row in connection.execute(_SQL.list_readings, key)]
    wrong = {row: by for row in rows if (by := shift_ms(Clocks(*row[:3]), fixes)) != row.shift_ms}
    if wrong:
        connection.execute(_REBUILD.lift_limit)
        values = {**key, "indexes": [row.entry_index for row in wrong], "shifts": list(wrong.values())}
        connection.execute(_SQL.move_readings, values)
        _touch(connection, agent_id, wrong.items())
    said = connection.execute(_SQL.list_declarations, key).fetchall()
    other = {row[0]: by for row in said if (by := shift_ms(Clocks(*row[:3]), fixes)) != row[3]}
    if other:
        places = {"journal_ids": [journal_id] * len(other), "entry_indexes": list(other)}
        connection.execute(_SAID.touch_declared_days, places)
        connection.execute(_SQL.move_declarations, {**key, "indexes": list(other), "shifts": list(other.values())})
        connection.execute(_SAID.touch_declared_days, places)
    connection.execute(_SQL.settle, key)
    return len(wrong) + len(other)


def _touch(connection: Connection, agent_id: str, moved: Iterable[tuple[_Row, int]]) -> None:
    """The days that these readings leave, and those that they come to."""
    touched = sorted(
        {
            (row.watcher, row.channel, day)
            for row, new_ms in moved
            for by_ms in (0, new_ms - row.shift_ms)
            for day in days_decided(row.start_ms + by_ms, row.end_ms + by_ms)
        }
    )
    watchers, channels, days = map(list, zip(*touched, strict=True))
    values = {
        "agents": [agent_id] * len(days),
        "watchers": watchers,
        "channels": channels,
        "days": days,
        "reason": "clock",
    }
    connection.execute(_INGEST.touch_days, values)
