"""What the deriver costs for an instrument-day, all of it there: read, derived, stored, one transaction a day.

Processor time of the deriver and of the database together, because it is what a machine has of it, and because it
says the same whoever else is at work.

The instruments and days are those of the part `sizes`, in the layout `plain`. The peer is the kernel's share of it: the
same days by `protocol` alone, from blocks that are in memory already. While a day is open it is derived again after
each entry, from half a day of blocks on the average.
"""

import shutil
import tempfile
import time
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import psutil

from collector.accounts.worker import Worker
from collector.embedded.postgres import EmbeddedPostgres
from collector.registry import instruments, people, policies
from collector.store import layout
from collector.store.database import Connection
from protocol.bindings import Channel, MeasurementFact
from protocol.day import Day, measure_day
from protocol.derivation import account
from protocol.entry import Reading, decode
from protocol.interval import local_day
from protocol.policy import Policy
from protocol.witness import Block
from tests.bench.sizes import DAYS, Fleet, loaded, make_fleet
from tests.collector.province import POLICY
from tests.measures.way import START_MS

SINCE = date(2020, 1, 1)


def measure() -> Iterable[dict[str, object]]:
    """Milliseconds of processor per instrument-day, beside the kernel alone."""
    fleet = make_fleet()
    directory = Path(tempfile.mkdtemp(prefix="jishi-bench-", dir="/tmp"))
    try:
        with (
            EmbeddedPostgres(directory) as server,
            loaded(server.dsn, layout.PLAIN, fleet, batch_size=100) as (connection, _),
        ):
            policy = _register(connection, fleet)
            ours_ms = _derive_all(connection, fleet, server)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    kernel_ms = _derive_in_memory(fleet, policy)
    yield {
        "name": "derive a day",
        "value": round(ours_ms, 2),
        "unit": "ms of processor per instrument-day",
        "peer": round(kernel_ms, 2),
        "ratio": round(ours_ms / kernel_ms, 2),
    }


def _register(connection: Connection, fleet: Fleet) -> Policy:
    """Registering what measures what marks every day dirty that has readings."""
    people.register_person(connection, "bench")
    policy = policies.register_policy(connection, POLICY)
    policies.put_in_force(connection, policy, asset_no=None, from_day=SINCE, approved_by="bench")
    for agent in fleet.agents:
        instruments.register_instrument(connection, agent.agent_id, name_zh=agent.agent_id)
        with connection.transaction():
            instruments.register_measurement(
                connection, agent.agent_id, watcher="meter1", channel="power", asset_no=agent.agent_id, from_day=SINCE
            )
    return policy


def _derive_all(connection: Connection, fleet: Fleet, server: EmbeddedPostgres) -> float:
    end_ms = START_MS + (DAYS + 10) * 86_400_000
    before_s = _used_s(server)
    Worker("", now_ms=lambda: end_ms).drain(connection)
    used_s = _used_s(server) - before_s
    row = connection.execute("SELECT count(*) FROM hour_record").fetchone()
    assert row is not None
    assert row[0] >= fleet.instrument_days, "a day was not derived"
    return used_s * 1000 / float(row[0])


def _used_s(server: EmbeddedPostgres) -> float:
    """Processor time of this process and of the server's, so far."""
    postmaster = psutil.Process(server.process.pid)
    times = [process.cpu_times() for process in (postmaster, *postmaster.children())]
    return time.process_time() + sum(each.user + each.system for each in times)


def _derive_in_memory(fleet: Fleet, policy: Policy) -> float:
    first = local_day(START_MS)
    used_s = 0.0
    for agent in fleet.agents:
        facts = [MeasurementFact(Channel(agent.agent_id, "meter1", "power"), agent.agent_id, SINCE, 1)]
        blocks: list[Block] = []
        for raw in agent.entries:
            entry = decode(raw)
            assert isinstance(entry.body, Reading)
            blocks.append((agent.origin, entry, entry.body))
        for number in range(DAYS):
            day = Day(agent.agent_id, first + timedelta(days=number), policy, facts)
            per_day = len(blocks) // DAYS
            near = blocks[max(0, per_day * number - 20) : per_day * (number + 1) + 20]
            before_s = time.process_time()
            measured = measure_day(day, lambda _stretch, near=near: near)
            assert measured is not None
            account(agent.agent_id, measured, policy=policy)
            used_s += time.process_time() - before_s
    return used_s * 1000 / fleet.instrument_days
