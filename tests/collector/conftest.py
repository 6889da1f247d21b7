"""Fixtures that the tests of accounts, API and pages share."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from collector.app import create_app
from collector.config import Api, Broker, Config
from collector.keys import ensure_receipt_key
from collector.registry import people, policies, units
from collector.registry.people import make_api_key
from collector.store.database import Connection
from tests.collector.province import DOMAIN, POLICY, USCC, MovableClock, Province
from tests.serving import serving


@pytest.fixture
def province(connection: Connection) -> Province:
    """A unit, a person who approves, and the test policy as the default."""
    units.register_unit(connection, USCC, name_zh="西安测试大学", name_en="Test University of Xi'an")
    people.register_person(connection, "approver")
    made = Province(connection, policies.register_policy(connection, POLICY))
    made.put_policy()
    return made


@pytest.fixture
def config(dsn: str, tmp_path: Path) -> Config:
    """The settings of a collector whose keys exist."""
    ensure_receipt_key(tmp_path, DOMAIN)
    return Config(DOMAIN, tmp_path, Broker("127.0.0.1", 1883), Api("127.0.0.1", 8321), given_dsn=dsn)


@pytest.fixture
def clock() -> MovableClock:
    """The time that the application is told: Wednesday noon of the tests' week."""
    return MovableClock(datetime(2026, 11, 18, 12, tzinfo=timezone(timedelta(hours=8))))


@pytest.fixture
def app(config: Config, clock: MovableClock, province: Province) -> FastAPI:
    """The application over the province; `client` runs it."""
    return create_app(config, now=clock)


@pytest.fixture
def client(app: FastAPI) -> Iterator[httpx.Client]:
    """A caller without a key, of a real server on a port of its own."""
    with serving(app) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as opened:
        yield opened


@pytest.fixture
def api(client: httpx.Client, province: Province) -> httpx.Client:
    """A caller with a key."""
    client.headers["Authorization"] = f"Bearer {make_api_key(province.connection, 'approver', label='test')}"
    return client
