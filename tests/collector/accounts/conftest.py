"""What hours are derived from, as ingest brings it in."""

from tests.collector.ingest.conftest import enrol as enrol
