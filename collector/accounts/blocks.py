"""Reading blocks as they are stored: decoded rows back to the entries that they came from.

Only what the reading table holds is used, so a block here is an entry whose journal and index are known. The
derivation reads blocks through this file, `recompute` takes them from the stored bytes instead; both hand over
the same values.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from collector.clock import utc
from collector.errors import DerivationError, ReadingsDropped
from collector.store.database import Connection
from collector.store.queries import load
from protocol import chain
from protocol.bindings import Channel, MeasurementFact, Stretch
from protocol.chain import MAX_BLOCKS
from protocol.entry import MAX_BLOCK_MS, Entry, Reading
from protocol.errors import TooLarge
from protocol.interval import local_day
from protocol.policy import POWER
from protocol.witness import Block

_ROWS_AT_ONCE = 1000
"""Of an entry's length at most, so a portion has a bounded size; an honest day has some 300."""
_NEVER_MORE = 2**62
_SQL = load("accounts")
_LAYOUT = load("layout")


def load_measurement_facts(connection: Connection, asset_no: str) -> list[MeasurementFact]:
    """Everything that was recorded about channels that measured this instrument at any time."""
    rows = connection.execute(_SQL.load_measurement_facts, {"asset_no": asset_no})
    return [
        MeasurementFact(Channel(agent_id, watcher, channel), asset, from_day, seq)
        for agent_id, watcher, channel, asset, from_day, seq in rows
    ]


def load_power_facts(connection: Connection, asset_no: str) -> list[MeasurementFact]:
    """Those of them that are about meters."""
    return [fact for fact in load_measurement_facts(connection, asset_no) if fact.channel.channel == POWER]


def window_of(connection: Connection, stretch: Stretch) -> dict[str, object]:
    """A stretch as the values of a statement; ReadingsDropped where some of its blocks may be gone."""
    check_present(connection, start_ms=stretch.start_ms - MAX_BLOCK_MS, end_ms=stretch.end_ms)
    agents, watchers, channels = zip(*stretch.channels, strict=True)
    return {
        "agents": list(agents),
        "watchers": list(watchers),
        "channels": list(channels),
        "earliest": utc(stretch.start_ms - MAX_BLOCK_MS),
        "start": utc(stretch.start_ms),
        "end": utc(stretch.end_ms),
    }


def read_blocks(
    connection: Connection, stretch: Stretch, *, after: tuple[str, int] = ("", -1), limit: int | None = None
) -> Iterator[Block]:
    """Blocks that touch a stretch, by origin and index, from after an (origin, index); at most `limit` of them.

    Rows come in portions, each asked for from after the last one: an honest day is one portion, and the statement is
    prepared once for all days, which a server-side cursor cannot be. Raises ReadingsDropped where some of the blocks
    may be gone: no hour is ever derived from what is left.
    """
    values = window_of(connection, stretch)
    rest = _NEVER_MORE if limit is None else limit
    while rest > 0:
        portion = min(rest, _ROWS_AT_ONCE)
        values |= {"after_origin": after[0], "after_index": after[1], "limit": portion}
        rows = connection.execute(_SQL.read_blocks, values, binary=True).fetchall()
        yield from map(_block, rows)
        if len(rows) < portion:
            return
        after, rest = rows[-1][:2], rest - portion


def bounded(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks of a stretch of one day; DerivationError once there are more than MAX_BLOCKS."""
    try:
        yield from chain.bounded(blocks, MAX_BLOCKS)
    except TooLarge as error:
        raise DerivationError(str(error)) from error


def check_present(connection: Connection, *, start_ms: int, end_ms: int) -> None:
    """Raises ReadingsDropped where readings that start in [start, end) were dropped."""
    stretch = {"start": utc(start_ms), "end": utc(end_ms)}
    row = connection.execute(_LAYOUT.is_absent, stretch).fetchone()
    if row is not None and row[0]:
        first, last = local_day(start_ms), local_day(end_ms - 1)
        raise ReadingsDropped(
            f"the readings from {first} to {last} were dropped or are no longer whole; the evidence is kept: "
            f"`jishi-collector rebuild-readings --from {first} --to {last}` brings them back"
        )


def _block(row: tuple[Any, ...]) -> Block:
    origin, index, wall_ms, mono_ms, boot, watcher, channel, start_mono_ms, durations, *rest = row
    means, lows, highs, deltas, states, counts, counter = rest
    reading = Reading(
        watcher,
        channel,
        start_mono_ms,
        tuple(durations or ()),
        None if means is None else tuple(means),
        None if lows is None else tuple(lows),
        None if highs is None else tuple(highs),
        None if deltas is None else tuple(deltas),
        counter,
        None if states is None else tuple(states),
        None if counts is None else tuple(counts),
    )
    return origin, Entry(index, wall_ms, mono_ms, boot, reading), reading
