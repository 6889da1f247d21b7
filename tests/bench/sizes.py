"""What an instrument costs on disk: evidence and readings, in bytes per interval and per instrument-year, by layout.

A week of one instrument of each family of tests/measures goes the agent's way (polled every 2 s, cut into blocks) and
is taken in by ingest: once live, each entry in a batch of its own as an agent that is caught up sends it, and once as
a backlog in batches of a hundred. What the tables then take on disk, indexes and TOAST included, is divided by what is
in them. The layout `timescale` is measured where JISHI_TEST_DSN names a server that has it, as rows and in columns.
"""

import os
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

import psycopg
from psycopg import conninfo

from collector.embedded.postgres import EmbeddedPostgres
from collector.ingest.prepare import prepare
from collector.ingest.writer import Writer
from collector.store import database, layout, migrate
from collector.store.database import Connection
from protocol.entry import Reading
from tests.light_agent import RECEIPT_KEY, START_MS, LightAgent
from tests.measures.instruments import FAMILIES, SCORED, day_of, draw, power_mw
from tests.measures.way import Polling, blocks, policy_for, polls

DAYS = 7
DAY_MS = 86_400_000
SEED = 2026
AT_ONCE = 200
_PARTS_OF_READING = "SELECT coalesce(sum(pg_total_relation_size(relid)), 0) FROM pg_partition_tree('reading')"
_HYPERTABLE = "SELECT hypertable_size('reading')"


class Fleet(NamedTuple):
    """The agents with their entries, and how much those say."""

    agents: list[LightAgent]
    intervals: int

    @property
    def entries(self) -> int:
        return sum(len(agent.entries) for agent in self.agents)

    @property
    def instrument_days(self) -> int:
        return len(self.agents) * DAYS

    @property
    def raw_bytes(self) -> int:
        return sum(len(entry) for agent in self.agents for entry in agent.entries)


class Size(NamedTuple):
    """Bytes on disk of one database."""

    evidence: int
    readings: int


def measure() -> Iterable[dict[str, object]]:
    """Entries and bytes of an instrument-day, then bytes on disk for evidence and for readings in each layout."""
    fleet = make_fleet()
    yield {"name": "entries", "value": round(fleet.entries / fleet.instrument_days), "unit": "per instrument-day"}
    yield {"name": "intervals", "value": round(fleet.intervals / fleet.instrument_days), "unit": "per instrument-day"}
    yield {
        "name": "entries as written",
        "value": round(fleet.raw_bytes / fleet.instrument_days / 1000, 1),
        "unit": "kB per instrument-day",
    }
    for batch_size in (1, 10, 100):
        deflated = sum(_deflated(agent, batch_size) for agent in fleet.agents)
        yield {
            "name": f"entries deflated, batches of {batch_size}",
            "value": round(deflated / fleet.intervals, 1),
            "unit": "bytes per interval",
        }
    for server, name in _servers():
        with server as dsn:
            for way, batch_size in (("live, batches of 1", 1), ("backlog, batches of 100", 100)):
                with _loaded(dsn, name, fleet, batch_size=batch_size) as connection:
                    size = _size(connection, name)
                    yield from _figure(f"evidence, {way}", size.evidence, fleet, layout=name)
                    if batch_size == 1:
                        continue
                    yield from _figure("readings, rows", size.readings, fleet, layout=name)
                    if name == layout.TIMESCALE:
                        connection.execute("SELECT compress_chunk(c) FROM show_chunks('reading') c")
                        in_columns = _size(connection, name).readings
                        yield from _figure("readings, columns", in_columns, fleet, layout=name)


def make_fleet() -> Fleet:
    """One agent for each family, with the readings of DAYS days."""
    agents = []
    intervals = 0
    for family in FAMILIES:
        chance = Random(f"{SEED} {family}")  # noqa: S311 - a load, not a secret
        agent = LightAgent(f"size-{family}")
        for day in range(DAYS):
            for reading, wall_ms, mono_ms in _day_of_readings(family, chance, day=day):
                agent.append(reading, wall_ms=wall_ms, mono_ms=mono_ms)
                intervals += len(reading.durations_ms)
        agents.append(agent)
    return Fleet(agents, intervals)


def _day_of_readings(family: str, chance: Random, *, day: int) -> Iterator[tuple[Reading, int, int]]:
    """Each reading of a day with the two clocks of its entry."""
    instrument = draw(family, chance, SCORED)
    policy = policy_for(instrument, chance)
    assert not isinstance(policy, str), policy
    polling = Polling(every_s=2.0)
    samples = list(polls(power_mw(instrument, day_of(chance), chance), polling, chance))
    for block in blocks(samples, policy, polling):
        yield block.reading, block.at.wall_ms + day * DAY_MS, block.at.mono_ms


def _deflated(agent: LightAgent, batch_size: int) -> int:
    entries = agent.entries
    return sum(
        len(zlib.compress(b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries[at : at + batch_size])))
        for at in range(0, len(entries), batch_size)
    )
