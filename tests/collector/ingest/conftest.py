"""A database with one instrument and a way to enrol light agents that measure it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from collector.ingest.prepare import Prepared, prepare
from collector.ingest.writer import Writer
from collector.registry import enrolment, instruments
from collector.registry.enrolment import Watch
from collector.store.database import Connection
from protocol import note
from tests.light_agent import DOMAIN, RECEIPT_KEY, START_MS, LightAgent

NOW_MS = START_MS + 86_400_000
Enrol = Callable[..., LightAgent]


@pytest.fixture
def enrol(connection: Connection) -> Enrol:
    """Enrols a light agent by token, challenge and proof, measuring A001 since long ago."""
    instruments.register_instrument(connection, "A001", name_zh="电子显微镜")

    def enrol_agent(agent_id: str = "em-01", *, asset_no: str = "A001") -> LightAgent:
        now = datetime.fromtimestamp(NOW_MS / 1000, UTC)
        agent = LightAgent(agent_id)
        watch = [Watch("meter1", "power", asset_no)]
        token = enrolment.make_token(connection, agent_id, watch=watch, now=now, valid_for=timedelta(hours=1))
        asked = enrolment.challenge(connection, token, agent_id=agent_id, domain=DOMAIN, now=now)
        assert asked.origin == agent.origin
        text = note.enrolment_text(asked.origin, agent.vkey, asked.nonce)
        proof = note.sign(text, agent.key).decode()
        enrolment.redeem(connection, token, agent_id=agent_id, vkey=agent.vkey, proof=proof, domain=DOMAIN, now=now)
        with connection.transaction():
            instruments.register_measurement(
                connection, agent_id, watcher="meter1", channel="power", asset_no=asset_no, from_day=date(2020, 1, 1)
            )
        return agent

    return enrol_agent


@pytest.fixture
def writer(connection: Connection) -> Writer:
    return Writer(connection, RECEIPT_KEY, clock_ms=lambda: NOW_MS)


def offer(agent: LightAgent, old: int = 0, size: int | None = None) -> Prepared:
    return prepare(agent.topic, agent.payload(old, size))
