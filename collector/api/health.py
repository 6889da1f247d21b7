"""Whether the collector lives, whether it can serve, and its figures for Prometheus. No key is needed.

What other processes know (ingest, deriver) is read from the database at each scrape; nothing here names an instrument,
an agent or a person.
"""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from pydantic import BaseModel, Field
from starlette.responses import Response

from collector.accounts.liveness import SILENT_AFTER
from collector.api.access import Given, Lent
from collector.api.problem import Problem, responses
from collector.errors import MigrationError
from collector.monitoring.alarms import count_open
from collector.store.layout import load_layout
from collector.store.migrate import check_migrated
from collector.store.queries import load

router = APIRouter(tags=["health"])
_SQL = load("api")


class Health(BaseModel):
    status: str


class Readiness(Health):
    layout: str = Field(description="How the readings are laid out on disk.", examples=["timescale"])


@router.get("/healthz")
def show_health() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/readyz", responses=responses(503))
def show_readiness(connection: Lent) -> Readiness:
    """The database answers and has the schema of this program."""
    try:
        check_migrated(connection)
    except MigrationError as error:
        raise Problem("not-migrated", str(error), status=HTTPStatus.SERVICE_UNAVAILABLE) from error
    layout = load_layout(connection)
    return Readiness(status="ready", layout="" if layout is None else layout.name)


@router.get("/metrics", response_class=Response)
def show_metrics(given: Given, connection: Lent) -> Response:
    """Figures in the Prometheus text format."""
    values = {"silent_before": given.now() - SILENT_AFTER, "today": given.today()}
    row = connection.execute(_SQL.load_figures, values).fetchone()
    assert row is not None
    registry = CollectorRegistry(auto_describe=False)
    layout = load_layout(connection)
    registry.register(_Figures([float(value or 0) for value in row], "" if layout is None else layout.name))
    registry.register(_Alarms(count_open(connection)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    """The row of load_figures, in its order."""

    def __init__(self, row: list[float], layout: str) -> None:
        self._row = row
        self._layout = layout

    def collect(self) -> list[Metric]:
        (entries, batches, journals, newest_receipt_s, agents, silent, gaps, suspects, forks, instruments, dirty,
         lag_s, failing, leaves, log_signed_s, conflicts) = self._row  # fmt: skip
        standing = GaugeMetricFamily("jishi_journals_in_doubt", "Journals that are not ok.", labels=["standing"])
        for name, count in (("gap", gaps), ("suspect", suspects), ("fork", forks)):
            standing.add_metric([name], count)
        layout = GaugeMetricFamily("jishi_readings_layout", "How the readings are laid out (1).", labels=["layout"])
        layout.add_metric([self._layout], 1)
        return [
            layout,
            CounterMetricFamily("jishi_entries_stored", "Entries stored and receipted.", entries),
            CounterMetricFamily("jishi_receipts", "Batches stored, each answered by a receipt.", batches),
            GaugeMetricFamily("jishi_journals_receipted", "Journals that hold a receipt.", journals),
            GaugeMetricFamily(
                "jishi_newest_receipt_timestamp_seconds", "When a receipt was last given (0: never).", newest_receipt_s
            ),
            GaugeMetricFamily("jishi_agents", "Agents that are registered.", agents),
            GaugeMetricFamily(
                "jishi_agents_silent",
                f"Agents not heard for {SILENT_AFTER / timedelta(minutes=1):g} minutes, or never.",
                silent,
            ),
            standing,
            GaugeMetricFamily("jishi_instruments", "Instruments that are registered.", instruments),
            GaugeMetricFamily("jishi_dirty_days", "Instrument-days that wait to be derived.", dirty),
            GaugeMetricFamily(
                "jishi_derive_lag_seconds", "How long the instrument-day that waits longest has waited.", lag_s
            ),
            GaugeMetricFamily(
                "jishi_days_not_derivable", "Instrument-days whose derivation fails; the log says why.", failing
            ),
            CounterMetricFamily("jishi_log_leaves", "Leaves of the collector's own logs.", leaves),
            GaugeMetricFamily(
                "jishi_log_signed_timestamp_seconds",
                "When the collector's log was last signed (0: never).",
                log_signed_s,
            ),
            GaugeMetricFamily(
                "jishi_log_conflicts", "What was shown against the log that grows: above 0 it stands still.", conflicts
            ),
        ]


class _Alarms(Collector):
    """How many alarms of each kind are open."""

    def __init__(self, counted: Mapping[str, int]) -> None:
        self._counted = counted

    def collect(self) -> list[Metric]:
        family = GaugeMetricFamily("jishi_alarms_open", "Alarms that are open (docs/monitoring.md).", labels=["kind"])
        for kind, count in self._counted.items():
            family.add_metric([kind], count)
        return [family]
