"""A collector with its broker, and an agent that is enrolled there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent import identity
from agent.clock import SystemClock
from agent.enrolment import enrol, http
from collector.app import create_app
from collector.config import Api, Broker, Config
from collector.embedded.broker import EmbeddedBroker
from collector.keys import ensure_receipt_key
from collector.registry import enrolment, instruments
from collector.registry.enrolment import Watch
from collector.store.database import Connection
from tests.integration.site import Site
from tests.light_agent import DOMAIN
from tests.serving import serving


@pytest.fixture
def idle_broker(free_port: int) -> Iterator[EmbeddedBroker]:
    """Not started yet: a test starts it when its road is to be open."""
    made = EmbeddedBroker(free_port)
    yield made
    made.stop()


@pytest.fixture
def config(dsn: str, tmp_path: Path, idle_broker: EmbeddedBroker) -> Config:
    ensure_receipt_key(tmp_path, DOMAIN)
    return Config(DOMAIN, tmp_path, Broker(idle_broker.host, idle_broker.port), Api(), given_dsn=dsn)


@pytest.fixture
def site(config: Config, connection: Connection, tmp_path: Path) -> Iterator[Site]:
    """Enrolled at the collector that serves beside it."""
    instruments.register_instrument(connection, "A001", name_zh="电子显微镜")
    watch = [Watch("meter1", "power", "A001")]
    now, hour = datetime.now(UTC), timedelta(hours=1)
    token = enrolment.make_token(connection, "em-01", watch=watch, now=now, valid_for=hour)
    with serving(create_app(config)) as port:
        url = f"http://127.0.0.1:{port}"
        state_dir = tmp_path / "state"
        enrol(state_dir, agent_id="em-01", token=token, ask=http(url), clock=SystemClock())
        made = Site(identity.load(state_dir, agent_id="em-01"), url, connection)
        yield made
        made.journal.close()
