"""What a year of one instrument's evidence weighs: writing the bundle, and verifying it on one core.

A meter with a reading of five intervals every five minutes, six hours of work a day, a beacon every ten minutes while
something is powered and else every hour, a batch every fifteen minutes: some 126 000 entries, 105 000 of them readings.
All of it passes through the product: ingest, the collector's log, the deriver. Verifying runs in a process of its own,
hours recomputed; its time is the processor's, so that it says the same whoever else is at work.
"""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

from collector.accounts.worker import Worker
from collector.embedded.postgres import EmbeddedPostgres
from collector.evidence import bundle
from collector.evidence.bundle_files import at_place
from collector.registry import people, policies, units
from collector.store.database import connect
from collector.store.migrate import migrate
from protocol.interval import DAY_MS
from tests.collector.evidence.evidence_world import ASSET, World, trust_text
from tests.collector.province import IDLE, OFF, POLICY, RUN, USCC, Province
from tests.light_agent import reading

DAYS = 365
FIRST = date(2024, 3, 4)
"""So long ago that the year is over by any clock: what closes a day is stamped by the database's."""


def measure() -> Iterable[dict[str, object]]:
    """Bytes and seconds of writing, seconds and megabytes of verifying."""
    directory = Path(tempfile.mkdtemp(prefix="jishi-bench-", dir="/tmp"))
    try:
        with EmbeddedPostgres(directory) as server:
            world = _year(server.dsn, directory)
            summary, figures = _write(world, server.dsn, directory)
        yield from figures
        yield from _verify(world, directory, entries=summary.entries)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _year(dsn: str, directory: Path) -> World:
    connection = connect(dsn, application="bench")
    migrate(connection)
    units.register_unit(connection, USCC, name_zh="西安测试大学")
    people.register_person(connection, "approver")
    province = Province(connection, policies.register_policy(connection, POLICY))
    province.put_policy()
    world = World(province, directory / "data", first=FIRST)
    world.batch_each = 3
    for _ in range(DAYS):
        for hours, power_mw in ((9, OFF), (1, IDLE), (6, RUN), (8, OFF)):
            world.beacon_each = 12 if power_mw == OFF else 2
            world.work(hours * 12, power_mw)
    world.send()
    world.now_ms += 30 * DAY_MS
    Worker("", now_ms=lambda: world.now_ms).drain(connection)
    for _ in range(4):
        world.now_ms += 60_000
        world.log()
    return world


def _write(world: World, dsn: str, directory: Path) -> tuple[bundle.Summary, list[dict[str, object]]]:
    wanted = bundle.Wanted(ASSET, FIRST, FIRST + timedelta(days=DAYS - 1))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    with at_place(directory / "year.zip") as out:
        summary = bundle.write_bundle(dsn, wanted, world.keys(), directory=out, now_ms=world.now_ms)
    seconds = time.perf_counter() - begun
    size = (directory / "year.zip").stat().st_size
    (directory / "keys.txt").write_bytes(trust_text(world.trust))
    world.connection.close()
    intervals = DAYS * 288 * len(reading(0).durations_ms)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    return summary, [
        {"name": "bundle of a year", "value": round(size / 1e6, 1), "unit": "MB", "entries": summary.entries},
        {"name": "bundle", "value": round(size / intervals, 1), "unit": "bytes per interval"},
        {"name": "write a year's bundle", "value": round(seconds, 1), "unit": "s"},
        {"name": "write a year's bundle, memory", "value": round(grown / 1024, 1), "unit": "MB above before"},
    ]


def _verify(world: World, directory: Path, *, entries: int) -> Iterable[dict[str, object]]:
    words = ["verify", str(directory / "year.zip"), "--trust", str(directory / "keys.txt"), "--json"]
    done = subprocess.run([sys.executable, "-c", _MEASURED, *words], capture_output=True, check=False)
    *_, seconds, peak_kb = (b"0", *done.stderr.split())
    verdict = json.loads(done.stdout).get("verdict") if done.stdout else done.stderr.decode()[-300:]
    yield {
        "name": "verify a year",
        "value": round(float(seconds), 1),
        "unit": "s of processor",
        "verdict": verdict,
    }
    yield {
        "name": "verify, for each 100 000 entries",
        "value": round(float(seconds) / entries * 100_000, 1),
        "unit": "s of processor",
        "limit": 10,
    }
    yield {"name": "verify a year, peak memory", "value": round(int(peak_kb) / 1024, 1), "unit": "MB", "limit": 200}


_MEASURED = """
import resource, sys
from protocol.audit.cli import main
status = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss, which begins with what the process had before it became this program.
[peak_kb] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(used.ru_utime + used.ru_stime, peak_kb, file=sys.stderr)
sys.exit(status)
"""
