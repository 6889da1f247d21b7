"""How fast evidence comes in: publish, verify, store, commit, receipt, end to end through a real broker.

Many light agents with prepared messages keep four batches each under way, as real ones do, against ingest workers in
processes of their own; in the same run, against the same server, the peers of ingest_peers.py. Load, broker, database
and workers share this machine. Last, a month of backlog through one worker, whose memory is sampled.
"""

import multiprocessing
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from collector.embedded.broker import EmbeddedBroker
from collector.embedded.postgres import EmbeddedPostgres
from collector.ingest import offers
from collector.ingest.worker import LOOK_EVERY_S, Worker, tune_interpreter
from tests.bench.ingest_load import Load, check_stored, fresh_database, prepare_load, send_all
from tests.bench.ingest_peers import by_executemany, by_single_inserts, copy_prepacked
from tests.conftest import find_free_port
from tests.light_agent import RECEIPT_KEY

MIB = 1024 * 1024
RSS_LIMIT_MIB = 20  # growth while a month of backlog drains
RECEIPTS_LIMIT = 0.15  # of the rest of ingest
TURNS = 4
_SAMPLE_EVERY_S = 0.25


class Result(NamedTuple):
    entries_per_s: float
    cpu_s_per_million: float  # of the processes that were started, and the database
    rss_mib: list[float]  # of the first process, while the load went


def measure() -> Iterable[dict[str, object]]:
    """Entries a second and processor time per million entries, at batches of 1, 10 and 100, beside the peers."""
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="jishi-bench-", dir="/tmp"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        server = stack.enter_context(EmbeddedPostgres(directory))
        yield from _beside_peers(server, prepare_load(1, 400))
        yield from _beside_peers(server, prepare_load(10, 200))
        yield from _beside_peers(server, prepare_load(100, 75))
        yield _receipts(server, prepare_load(100, 75))
        yield _drain(server)


def _beside_peers(server: EmbeddedPostgres, load: Load) -> Iterator[dict[str, object]]:
    batches = f"batches of {load.batch_size}"
    ours = run(_work, load, server=server)
    twice = run(_work, load, server=server, processes=2)
    together = run(by_executemany, load.part(4), server=server)
    each = run(by_single_inserts, load.part(10 if load.batch_size == 1 else 75), server=server)
    copied = _copy(server, load)
    for workers, result in (("one worker", ours), ("two workers", twice)):
        for peer, beside in (("COPY BINARY", copied), ("executemany", together), ("single inserts", each)):
            yield _figure(f"ingest, {batches}, {workers}, beside {peer}", result.entries_per_s, beside.entries_per_s)
    yield {
        **_figure(
            f"ingest processor time, {batches}, beside executemany", ours.cpu_s_per_million, together.cpu_s_per_million
        ),
        "unit": "s per million entries",
    }


def _figure(name: str, value: float, peer: float) -> dict[str, object]:
    unit = "entries/s"
    return {
        "name": name,
        "value": round(value, 1),
        "unit": unit,
        "peer": round(peer, 1),
        "ratio": round(value / peer, 3),
    }


def _receipts(server: EmbeddedPostgres, load: Load) -> dict[str, object]:
    """What receipts add: the same worker beside one that stores and answers the agent's own note in their place.

    They take turns, and the least of each counts: noise only adds.
    """
    targets = (_work, _work_without_receipts)
    used = [[run(target, load, server=server).cpu_s_per_million for target in targets] for _ in range(TURNS)]
    with_receipts, without = map(min, zip(*used, strict=True))
    return {
        "name": "receipts, batches of 100: processor time of ingest that they add",
        "value": round(with_receipts - without, 2),
        "unit": "s per million entries",
        "peer": round(without, 2),
        "ratio": round((with_receipts - without) / without, 3),
        "limit": RECEIPTS_LIMIT,
    }


def _drain(server: EmbeddedPostgres) -> dict[str, object]:
    """200 agents come back after a month: 9 000 entries each.

    What grows has a higher peak in the second half than in the first; single samples swing with what is under way.
    """
    rss_mib = run(_work, prepare_load(250, 36, agents=200), server=server).rss_mib
    first, second = max(rss_mib[: len(rss_mib) // 2]), max(rss_mib[len(rss_mib) // 2 :])
    return {
        "name": f"memory while 1.8 million entries drain: peak of the second half over the first's {round(first)} MiB",
        "value": round(second - first, 1),
        "unit": "MiB",
        "limit": RSS_LIMIT_MIB,
        "ratio": round((second - first) / RSS_LIMIT_MIB, 2),
    }


def run(target: Any, load: Load, *, server: EmbeddedPostgres, processes: int = 1) -> Result:
    """Sends the load against `target` in processes of their own, and times it from first message to last answer.

    Each time with a broker of its own: a broker remembers what a worker that left had subscribed to.
    """
    with (
        fresh_database(server, load) as dsn,
        EmbeddedBroker(find_free_port()) as broker,
        _started(target, dsn, broker, processes=processes) as started,
    ):
        before = _processor_time(started, server)
        with _sampled_rss(started[0]) as rss_mib:
            elapsed_s = send_all(load, broker)
        used_s = _processor_time(started, server) - before
        check_stored(dsn, load)
    return Result(load.entries / elapsed_s, used_s / load.entries * 1e6, rss_mib)


def _copy(server: EmbeddedPostgres, load: Load) -> Result:
    with fresh_database(server, load) as dsn:
        elapsed_s = copy_prepacked(dsn, load)
        check_stored(dsn, load)
    return Result(load.entries / elapsed_s, 0.0, [])


@contextmanager
def _started(target: Any, dsn: str, broker: EmbeddedBroker, *, processes: int) -> Iterator[list[BaseProcess]]:
    context = multiprocessing.get_context("spawn")
    started: list[BaseProcess] = []
    try:
        for _ in range(processes):
            ready = context.Event()
            process = context.Process(target=target, args=(dsn, broker.host, broker.port, ready), daemon=True)
            process.start()
            started.append(process)
            assert ready.wait(60)
        if processes > 1:
            time.sleep(4 * LOOK_EVERY_S)  # until shards that changed hands are listened to by their owners alone
        yield started
    finally:
        for process in started:
            process.terminate()
            process.join()


@contextmanager
def _sampled_rss(process: BaseProcess) -> Iterator[list[float]]:
    samples: list[float] = []
    done = threading.Event()

    def sample() -> None:
        watched = psutil.Process(process.pid)
        while not done.wait(_SAMPLE_EVERY_S):
            samples.append(watched.memory_info().rss / MIB)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()


def _work(dsn: str, host: str, port: int, ready: Any) -> None:
    worker = Worker(dsn, broker_host=host, broker_port=port, receipt_key=RECEIPT_KEY)
    threading.Thread(target=_announce, args=(worker, ready), daemon=True).start()
    tune_interpreter()
    worker.run()


def _work_without_receipts(dsn: str, host: str, port: int, ready: Any) -> None:
    offers.cosign = lambda note, key, time_s: note
    _work(dsn, host, port, ready)


def _announce(worker: Worker, ready: Any) -> None:
    while not worker.is_listening:
        time.sleep(0.05)
    ready.set()


def _processor_time(started: list[BaseProcess], server: EmbeddedPostgres) -> float:
    """Seconds of processor time that these processes and the database have used so far."""
    postmaster = psutil.Process(server.process.pid)
    ours = [psutil.Process(process.pid) for process in started]
    times = [process.cpu_times() for process in (*ours, postmaster, *postmaster.children())]
    ended = postmaster.cpu_times()
    return sum(each.user + each.system for each in times) + ended.children_user + ended.children_system
