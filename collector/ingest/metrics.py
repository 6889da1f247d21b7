"""A worker's figures for Prometheus, on a port of its own: what a process knows that the database does not.

What is stored is told by the API's /metrics; here is what became of messages, how much waits, how long, and how much
is granted. The figures are read when somebody asks; nothing here names an agent.
"""

from wsgiref.simple_server import WSGIServer

from prometheus_client import start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from collector.errors import ConfigError
from collector.ingest.worker import Worker

_COUNTERS = {
    "messages": "Messages that came from the broker.",
    "messages_malformed": "Messages that are no batch and no hello.",
    "messages_misaddressed": "Messages on a topic that is no agent's.",
    "messages_failed": "Messages that failed for a reason that nobody foresaw; see the log.",
    "hellos": "Hellos that were judged.",
    "hellos_busy": "Hellos that were told to come again, because too much is under way.",
    "entries": "Entries stored and receipted.",
    "entries_undecoded": "Entries stored that nobody can read; they earn nothing.",
    "questions": "Questions for hashes of a log that does not fit (docs/forks.md).",
    "doubts_ok": "Doubts that were settled: altered on the way.",
    "doubts_gap": "Doubts that were settled: the agent's log is shorter than it was.",
    "doubts_suspect": "Doubts that stay: no answer that leads to what was signed.",
    "doubts_fork": "Doubts that were settled: a proved fork.",
    "transactions": "Transactions that were committed.",
    "transactions_repeated": "Transactions that were rolled back and judged again message by message.",
}
_OUTCOMES = ("accepted", "repeat", "gap", "suspect", "fork", "refused")


class WorkerFigures(Collector):
    """The figures of one worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def collect(self) -> list[Metric]:
        counts, gauges = self._worker.counts, self._worker.gauges()
        batches = CounterMetricFamily("jishi_ingest_batches", "Batches, by what became of them.", labels=["outcome"])
        for outcome in _OUTCOMES:
            batches.add_metric([outcome], counts[f"batches_{outcome}"])
        counters = [CounterMetricFamily(f"jishi_ingest_{name}", says, counts[name]) for name, says in _COUNTERS.items()]
        return [
            batches,
            *counters,
            GaugeMetricFamily("jishi_ingest_workers", "Workers that serve, as this one sees it.", gauges.workers),
            GaugeMetricFamily("jishi_ingest_shards", "Shards that this worker owns.", gauges.shards),
            GaugeMetricFamily(
                "jishi_ingest_waiting_bytes", "What was read and waits to be written.", gauges.waiting_bytes
            ),
            GaugeMetricFamily("jishi_ingest_granted_bytes", "What agents may have under way.", gauges.granted_bytes),
            GaugeMetricFamily("jishi_ingest_lag_seconds", "How long the oldest message has waited here.", gauges.lag_s),
        ]


def serve_metrics(worker: Worker, host: str, port: int) -> WSGIServer:
    """Answers at http://host:port/metrics from a thread of its own; raises ConfigError where that port is taken."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(WorkerFigures(worker))
    try:
        server, _ = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise ConfigError(
            f"ingest.metrics_port: cannot listen on {host}:{port} ({error.strerror}); each worker on one machine needs "
            "its own, as JISHI_INGEST_METRICS_PORT"
        ) from error
    return server
