"""What an instrument costs on disk: evidence and readings, in bytes per interval and per instrument-year, by layout.

A week of one instrument of each family of tests/measures goes the agent's way (polled every 2 s, cut into blocks) and
is taken in by ingest: once live, each entry in a batch of its own as an agent that is caught up sends it, and once as
a backlog in batches of a hundred. What the tables then take on disk, indexes and TOAST included, is divided by what is
in them, and held against the bytes of the entries as they were written. The layout `timescale` is measured where
JISHI_TEST_DSN names a server that has it, as rows and in columns.
"""

import os
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
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
_PARTITIONS = "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('reading')"
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
    with ExitStack() as stack:
        for dsn, name in _servers(stack):
            yield from _in_layout(dsn, name, fleet)


def _in_layout(dsn: str, name: str, fleet: Fleet) -> Iterator[dict[str, object]]:
    with loaded(dsn, name, fleet, batch_size=1) as (connection, empty):
        live = _size(connection, name)
        yield _figure("evidence, live in batches of 1", live.evidence - empty.evidence, fleet, name=name)
    with loaded(dsn, name, fleet, batch_size=100) as (connection, empty):
        size = _size(connection, name)
        yield _figure("evidence, backlog in batches of 100", size.evidence - empty.evidence, fleet, name=name)
        yield _figure("readings as rows", size.readings - empty.readings, fleet, name=name)
        if name == layout.TIMESCALE:
            connection.execute("SELECT compress_chunk(c) FROM show_chunks('reading') c")
            in_columns = _size(connection, name)
            yield _figure("readings in columns", in_columns.readings - empty.readings, fleet, name=name)


def _figure(what: str, size: int, fleet: Fleet, *, name: str) -> dict[str, object]:
    return {
        "name": f"{name}: {what}",
        "value": round(size / fleet.intervals, 1),
        "unit": "bytes on disk per interval",
        "peer": round(fleet.raw_bytes / fleet.intervals, 1),
        "ratio": round(size / fleet.raw_bytes, 2),
        "per_instrument_year_mb": round(size / fleet.instrument_days * 365 / 1e6, 1),
    }


def make_fleet() -> Fleet:
    """One agent for each family, with the readings of DAYS days."""
    agents = []
    intervals = 0
    for family in FAMILIES:
        chance = Random(f"{SEED} {family}")
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


def _servers(stack: ExitStack) -> Iterator[tuple[str, str]]:
    """A server for each layout: the embedded one, and the one of JISHI_TEST_DSN where it carries timescale."""
    directory = Path(tempfile.mkdtemp(prefix="jishi-bench-", dir="/tmp"))
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    yield stack.enter_context(EmbeddedPostgres(directory, durable=False)).dsn, layout.PLAIN
    given = os.environ.get("JISHI_TEST_DSN")
    if given:
        yield given, layout.TIMESCALE


@contextmanager
def loaded(dsn: str, name: str, fleet: Fleet, *, batch_size: int) -> Iterator[tuple[Connection, Size]]:
    """A database in that layout that took in the fleet's entries, and how large it was without them."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE jishi_sizes")
        try:
            own = conninfo.make_conninfo(dsn, dbname="jishi_sizes")
            with database.connect(own, application="bench") as connection:
                migrate.migrate(connection, layout=name)
                empty = _size(connection, name)
                _take_in(connection, fleet, batch_size=batch_size)
                yield connection, empty
        finally:
            admin.execute("DROP DATABASE jishi_sizes WITH (FORCE)")


def _take_in(connection: Connection, fleet: Fleet, *, batch_size: int) -> None:
    """Through ingest's own writer: batches of all agents in one transaction, as they come."""
    for agent in fleet.agents:
        connection.execute("INSERT INTO agent (agent_id) VALUES (%s)", [agent.agent_id])
        connection.execute(
            "INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%s, %s, 1, %s)",
            [agent.origin, agent.agent_id, agent.vkey],
        )
    writer = Writer(connection, RECEIPT_KEY, clock_ms=lambda: START_MS)
    longest = max(len(agent.entries) for agent in fleet.agents)
    for old in range(0, longest, batch_size):
        due = [(agent, min(old + batch_size, len(agent.entries))) for agent in fleet.agents if old < len(agent.entries)]
        answers = writer.write([prepare(agent.topic, agent.payload(old, size)) for agent, size in due])
        assert None not in answers, "a batch was not receipted"


def _size(connection: Connection, name: str) -> Size:
    """Heap, indexes and TOAST of evidence and of readings."""
    readings = _HYPERTABLE if name == layout.TIMESCALE else _PARTITIONS
    row = connection.execute(f"SELECT pg_total_relation_size('batch'), ({readings})::bigint".encode()).fetchone()
    assert row is not None
    return Size(*row)
