"""What several test folders share: a real database, a real broker.

`dsn` is a fresh, migrated database for each test, cloned from a template; the server is the embedded one, or
the one that JISHI_TEST_DSN names (its user must be allowed to create databases; a server with TimescaleDB needs
timescaledb.max_background_workers=0, because its scheduler would hold the template). `broker` is mosquitto where
it is installed, else amqtt, on a port of its own.
"""

import atexit
import itertools
import os
import secrets
import shutil
import socket
import tempfile
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo, sql

from collector.embedded.broker import LOOPBACK, EmbeddedBroker
from collector.embedded.postgres import EmbeddedPostgres
from collector.store import database, migrate
from tests.long_files import begin_with_long_files
from tests.server_place import server_place


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    begin_with_long_files(items)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that user `nobody` can reach even when the tests run as root (tmp_path is not one)."""
    path = Path(tempfile.mkdtemp(prefix="jishi-test-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def server_dsn() -> Iterator[str]:
    """An administrator's connection to a PostgreSQL server."""
    given = os.environ.get("JISHI_TEST_DSN")
    if given:
        yield given
        return
    with server_place() as directory, EmbeddedPostgres(directory, durable=False) as server:
        yield server.dsn


@pytest.fixture(scope="session")
def template_database(server_dsn: str) -> Iterator[str]:
    """The name of a migrated database that nobody is connected to."""
    name = f"jishi_template_{uuid.uuid4().hex[:12]}"
    _create_database(server_dsn, name)
    with database.connect(_dsn_of(server_dsn, name), application="test") as connection:
        migrate.migrate(connection)
    yield name
    _drop_database(server_dsn, name)


@pytest.fixture
def dsn(server_dsn: str, template_database: str) -> Iterator[str]:
    """A fresh database with the whole schema; dropped afterwards, whoever is still connected."""
    with fresh_database(server_dsn, template_database) as made:
        yield made


@pytest.fixture
def empty_dsn(server_dsn: str) -> Iterator[str]:
    """A fresh database without any schema."""
    name = f"jishi_test_{uuid.uuid4().hex[:12]}"
    _create_database(server_dsn, name)
    yield _dsn_of(server_dsn, name)
    _drop_database(server_dsn, name)


@pytest.fixture
def connection(dsn: str) -> Iterator[database.Connection]:
    """An autocommit connection to `dsn`."""
    with database.connect(dsn, application="test") as opened:
        yield opened


@pytest.fixture
def free_port() -> int:
    """A loopback port that was free a moment ago."""
    return find_free_port()


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """A broker without any history; `.host`, `.port`."""
    with EmbeddedBroker(find_free_port()) as running:
        yield running


def find_free_port() -> int:
    """A loopback port that nobody listens at, and that nobody else who asks here is given for long.

    Below the range from which the kernel takes ports for outgoing connections. Who is given a port holds a name of the
    same number (Linux's abstract ones leave no file), so that processes side by side are never given the same one
    before they use it.
    """
    for port in itertools.islice(_PORTS, _LAST_PORT - _FIRST_PORT):
        claim = socket.socket(socket.AF_UNIX)
        if _can_bind(claim, f"\0jishi-test-port-{port}") and _is_free(port):
            _CLAIMS.append(claim)
            if len(_CLAIMS) > _MOST_CLAIMS:
                _CLAIMS.popleft().close()
            return port
        claim.close()
    raise RuntimeError("no port is free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _can_bind(probe, (LOOPBACK, port))


def _can_bind(held: socket.socket, address: str | tuple[str, int]) -> bool:
    try:
        held.bind(address)
    except OSError:
        return False
    return True


def _from_anywhere(ports: range) -> Iterator[int]:
    begin = secrets.randbelow(len(ports))
    return itertools.cycle([*ports[begin:], *ports[:begin]])


@atexit.register
def _give_back() -> None:
    while _CLAIMS:
        _CLAIMS.popleft().close()


_FIRST_PORT, _LAST_PORT, _MOST_CLAIMS = 12_000, 32_000, 200
_PORTS = _from_anywhere(range(_FIRST_PORT, _LAST_PORT))
_CLAIMS: deque[socket.socket] = deque()


@contextmanager
def fresh_database(server_dsn: str, template: str) -> Iterator[str]:
    """A database like the template, for as long as it is needed: what `dsn` is for one test."""
    name = f"jishi_test_{uuid.uuid4().hex[:12]}"
    _create_database(server_dsn, name, template=template)
    try:
        yield _dsn_of(server_dsn, name)
    finally:
        _drop_database(server_dsn, name)


def _dsn_of(server_dsn: str, name: str) -> str:
    return conninfo.make_conninfo(server_dsn, dbname=name)


def _create_database(server_dsn: str, name: str, *, template: str = "template1") -> None:
    # Copied as files: the other way writes each page to the log ahead first, and waits for that log to be made.
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    with psycopg.connect(server_dsn, autocommit=True) as server:
        server.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


def _drop_database(server_dsn: str, name: str) -> None:
    with psycopg.connect(server_dsn, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
