"""A worker's figures, as Prometheus reads them."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import httpx
import pytest

from collector.embedded.broker import EmbeddedBroker
from collector.errors import ConfigError
from collector.ingest.metrics import serve_metrics
from collector.ingest.worker import Worker
from collector.store.database import Connection
from tests.conftest import find_free_port
from tests.light_agent import RECEIPT_KEY, LightAgent
from tests.light_fleet import Fleet, enrol_all

HOST = "127.0.0.1"


def test_a_worker_tells_what_became_of_messages_and_what_it_owns(
    dsn: str, connection: Connection, broker: EmbeddedBroker
) -> None:
    agent = LightAgent("em-01")
    agent.append_readings(5)
    enrol_all(connection, [agent])
    fleet = Fleet([agent], batch_size=5)
    worker = Worker(dsn, broker_host=broker.host, broker_port=broker.port, receipt_key=RECEIPT_KEY)
    with _serving(worker) as port, _running(worker):
        fleet.connect(broker.host, broker.port)
        fleet.run(lambda: fleet.is_done)
        fleet.close()
        figures = _scrape(port)
    assert figures["jishi_ingest_entries_total"] == 5
    assert figures['jishi_ingest_batches_total{outcome="accepted"}'] == 1
    assert figures["jishi_ingest_hellos_total"] >= 1
    assert figures["jishi_ingest_transactions_total"] >= 2
    assert (figures["jishi_ingest_workers"], figures["jishi_ingest_shards"]) == (1, 64)
    assert figures["jishi_ingest_waiting_bytes"] == figures["jishi_ingest_lag_seconds"] == 0
    assert figures["jishi_ingest_granted_bytes"] == 0


def test_a_worker_without_a_database_shows_that_it_owns_nothing() -> None:
    with _idle_worker() as worker, _serving(worker) as port:
        figures = _scrape(port)
    assert figures["jishi_ingest_shards"] == figures["jishi_ingest_messages_total"] == 0


def test_a_port_that_is_taken_is_refused_with_what_to_do() -> None:
    with (
        _idle_worker() as worker,
        _serving(worker) as port,
        pytest.raises(ConfigError, match="JISHI_INGEST_METRICS_PORT"),
    ):
        serve_metrics(worker, HOST, port)


@contextmanager
def _idle_worker() -> Iterator[Worker]:
    worker = Worker("host=/nowhere", broker_host=HOST, broker_port=1, receipt_key=RECEIPT_KEY)
    try:
        yield worker
    finally:
        worker.stop()
        worker.run()  # asked to stop before it begins, it only closes what it holds


@contextmanager
def _serving(worker: Worker) -> Iterator[int]:
    port = find_free_port()
    server = serve_metrics(worker, HOST, port)
    try:
        yield port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _running(worker: Worker) -> Iterator[None]:
    thread = Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(30)
        assert not thread.is_alive()


def _scrape(port: int) -> dict[str, float]:
    with httpx.Client(trust_env=False) as client:
        text = client.get(f"http://{HOST}:{port}/metrics").raise_for_status().text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}
