"""From readings to the figures of a year: a province's day derived, an instrument's year, sums, ranking, and the API.

The province has 16 000 instruments of some 1 500 intervals a day, 24 million in all. What is measured is SHARE of it (a
twentieth, or all of it with JISHI_BENCH_PROVINCE=1): instruments are derived one by one and know nothing of each other,
so a province takes 1 / SHARE times as long. tests/bench/province_day.py draws the readings and says from what loads.

Days run from stored readings to closed records by the deriver's own workers, one process each, as `account` runs them.
Processor time of workers and database stands beside the time that passed: the machine is shared.
"""

import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import psutil

from collector.accounts.worker import Worker
from collector.embedded.postgres import EmbeddedPostgres
from collector.store import migrate
from collector.store.database import Connection, connect
from protocol.interval import day_bounds_ms
from tests.bench import hours_answers, hours_sums
from tests.bench.province_day import DAY, load_province, load_year

PROVINCE = 16_000
SHARE = 1.0 if os.environ.get("JISHI_BENCH_PROVINCE") else 0.05
LIMIT_S = 120
WORKERS = (1, 2)
YEAR_DAYS = 365
_CLOSED_ON = DAY + timedelta(days=4)


def measure() -> Iterable[dict[str, object]]:
    """A day of the province with one worker and with two, a year of an instrument, then sums and answers."""
    for workers in WORKERS:
        with _server() as server, connect(server.dsn, application="bench") as connection:
            migrate.migrate(connection)
            yield _measure_day(connection, server, workers)
            if workers == WORKERS[-1]:
                yield _measure_year(connection, server)
    with _server() as server, connect(server.dsn, application="bench") as connection:
        migrate.migrate(connection)
        yield from hours_sums.measure(connection, instruments=round(PROVINCE * SHARE))
        yield from hours_answers.measure(server.dsn, connection)


def _measure_day(connection: Connection, server: EmbeddedPostgres, workers: int) -> dict[str, object]:
    instruments = round(PROVINCE * SHARE)
    intervals = load_province(connection, instruments)
    passed_s, used_s = _derive(server, workers, today=_CLOSED_ON)
    row = connection.execute("SELECT count(*) FROM closed_record").fetchone()
    assert row == (instruments,), f"{row} of {instruments} days were derived and closed"
    return {
        "name": f"a day of the province, {workers} worker{'s' if workers > 1 else ''}",
        "value": round(passed_s / SHARE, 1),
        "unit": "s, from readings to closed records",
        "limit": LIMIT_S,
        "ratio": round(passed_s / SHARE / LIMIT_S, 2),
        "measured_s": round(passed_s, 1),
        "instruments": instruments,
        "intervals": intervals,
        "processor_ms_per_instrument": round(used_s / instruments * 1000, 2),
        "province_s_of_two_cores": round(used_s / SHARE / 2, 1),
    }


def _measure_year(connection: Connection, server: EmbeddedPostgres) -> dict[str, object]:
    first_day = date(DAY.year + 1, 1, 1)
    intervals = load_year(connection, first_day=first_day, days=YEAR_DAYS)
    passed_s, used_s = _derive(server, 1, today=first_day + timedelta(days=YEAR_DAYS + 4))
    return {
        "name": "a year of one instrument, one worker",
        "value": round(passed_s, 2),
        "unit": "s, from readings to closed records",
        "intervals": intervals,
        "processor_s": round(used_s, 2),
    }


def _derive(server: EmbeddedPostgres, workers: int, *, today: date) -> tuple[float, float]:
    """Time that passes until so many workers find nothing to do any more, and what they and the database use of it."""
    spawning = multiprocessing.get_context("spawn")
    ready, used_ms = spawning.Barrier(workers + 1), spawning.Value("d", 0.0)
    noon_ms = day_bounds_ms(today)[0] + 43_200_000
    processes = [spawning.Process(target=_work, args=(server.dsn, noon_ms, ready, used_ms)) for _ in range(workers)]
    for process in processes:
        process.start()
    ready.wait()
    begun, used_before_s = time.perf_counter(), _used_by(server)
    for process in processes:
        process.join()
    passed_s = time.perf_counter() - begun
    assert all(process.exitcode == 0 for process in processes), "a worker failed"
    return passed_s, used_ms.value / 1000 + _used_by(server) - used_before_s


def _work(dsn: str, noon_ms: int, ready, used_ms) -> None:  # type: ignore[no-untyped-def]  # a spawned process
    with connect(dsn, application="account") as connection:
        ready.wait()
        before_s = time.process_time()
        Worker(dsn, now_ms=lambda: noon_ms).drain(connection)
        with used_ms.get_lock():
            used_ms.value += (time.process_time() - before_s) * 1000


def _used_by(server: EmbeddedPostgres) -> float:
    """Processor seconds of the database so far, those of sessions that have ended included."""
    times = psutil.Process(server.process.pid).cpu_times()
    live = sum(sum(child.cpu_times()[:2]) for child in psutil.Process(server.process.pid).children())
    return live + times.user + times.system + times.children_user + times.children_system


@contextmanager
def _server() -> Iterator[EmbeddedPostgres]:
    """A database of its own, which syncs what it commits."""
    directory = Path(tempfile.mkdtemp(prefix="jishi-bench-", dir="/tmp"))
    try:
        with EmbeddedPostgres(directory) as server:
            yield server
    finally:
        shutil.rmtree(directory, ignore_errors=True)
