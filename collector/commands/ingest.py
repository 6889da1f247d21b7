"""`jishi-collector ingest`: one worker that takes in what agents send; any number of them share the shards."""

from argparse import ArgumentParser, Namespace

from collector.certificates.directory import worker_context
from collector.commands.stopping import call_on_signals
from collector.config import Config
from collector.keys import load_receipt_key


def configure(_parser: ArgumentParser) -> None:
    """It takes no arguments of its own."""


def run(config: Config, _arguments: Namespace) -> None:
    """Work until SIGTERM or SIGINT; the transaction under way is ended first."""
    from collector.ingest.metrics import serve_metrics
    from collector.ingest.worker import Worker, tune_interpreter

    host, port = config.broker.for_workers
    worker = Worker(
        config.dsn,
        broker_host=host,
        broker_port=port,
        receipt_key=load_receipt_key(config.data_dir, config.domain),
        tls=worker_context(config.data_dir) if config.broker.tls else None,
    )
    call_on_signals(worker.stop)
    if config.ingest.metrics_port:
        serve_metrics(worker, config.ingest.metrics_host, config.ingest.metrics_port)
    tune_interpreter()
    worker.run()
