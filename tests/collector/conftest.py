"""Fixtures that the tests of accounts, API, pages and commands share."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from collector import cli
from collector.app import create_app
from collector.config import Api, Broker, Config
from collector.keys import ensure_receipt_key
from collector.registry import api_keys, people, policies, units
from collector.registry.access import Access
from collector.store.database import Connection
from tests.collector import commands
from tests.collector.province import DOMAIN, POLICY, USCC, MovableClock, Province
from tests.serving import serving


@pytest.fixture
def province(connection: Connection) -> Province:
    """A unit, a person who approves, and the test policy as the default."""
    units.register_unit(connection, USCC, name_zh="西安测试大学", name_en="Test University of Xi'an")
    approver = people.register_person(connection, "approver")
    with connection.transaction():
        people.appoint(connection, approver, Access("inspector"), now=datetime.now(UTC))
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
def api(client: httpx.Client, province: Province, clock: MovableClock) -> httpx.Client:
    """A caller with a key that may ask for everything."""
    client.headers["Authorization"] = f"Bearer {make_key(province, clock)}"
    return client


@pytest.fixture
def settings(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a collector with a migrated database; the folder holds a province to register."""
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    monkeypatch.setenv("JISHI_COLLECTOR_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "province.toml").write_text(commands.PROVINCE, encoding="utf-8")
    (tmp_path / "policy.json").write_text(json.dumps(commands.POLICY))
    return tmp_path


@pytest.fixture
def collector(settings: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The folder of a collector with that province."""
    assert cli.main(["register", str(settings / "province.toml"), "--by", "wang"]) == 0
    capsys.readouterr()
    return settings


def make_key(
    province: Province,
    clock: MovableClock,
    *,
    label: str = "test",
    valid_for: timedelta = timedelta(days=365),
    access: Access | None = None,
) -> str:
    """A key of the person `approver`, an inspector over everything; of a person of its own where it may do more."""
    expires_at = clock.at + valid_for
    name = "approver"
    if access is not None and not Access("inspector").covers(access):
        name = f"{access.role} of {access.scope}"
        with province.connection.transaction():
            people.appoint(
                province.connection, people.register_person(province.connection, name), access, now=datetime.now(UTC)
            )
    return api_keys.make_api_key(province.connection, name, label=label, expires_at=expires_at, access=access).key


class MovableWindow:
    """The clock by which rates are counted, moved from what it is."""

    def __init__(self) -> None:
        self._moved_s = 0.0

    def move(self, by: timedelta) -> None:
        self._moved_s += by.total_seconds()

    def time(self) -> float:
        return time.time() + self._moved_s


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> MovableWindow:
    """Lets a test move the clock by which requests are counted."""
    clock = MovableWindow()
    monkeypatch.setattr("collector.api.rates.time", clock)
    return clock
