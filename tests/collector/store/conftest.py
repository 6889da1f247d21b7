"""Databases in each layout that the server can carry."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from collector.store import database, layout, migrate
from collector.store.database import Connection


@pytest.fixture
def offered(server_dsn: str) -> bool:
    """Whether the server of these tests loads TimescaleDB."""
    with database.connect(server_dsn, application="test") as connection:
        row = connection.execute("SELECT current_setting('timescaledb.max_background_workers', true)").fetchone()
    return row is not None and row[0] is not None


@pytest.fixture
def flat(empty_dsn: str) -> Iterator[Connection]:
    """A database as the programs before the layouts left it."""
    with database.connect(empty_dsn, application="test") as connection:
        known = migrate.known_migrations()
        names = [migration.name for migration in known]
        migrate.migrate(connection, known[: names.index("store")])
        yield connection


@pytest.fixture(params=layout.LAYOUTS)
def name(request: pytest.FixtureRequest, offered: bool) -> str:
    """Each layout; timescale where the server has TimescaleDB, which the embedded one has not."""
    if request.param == layout.TIMESCALE and not offered:
        pytest.skip("the server of these tests has no TimescaleDB (JISHI_TEST_DSN names one that has)")
    return str(request.param)


@pytest.fixture
def laid_out(empty_dsn: str, name: str) -> Iterator[Connection]:
    """A fresh database in that layout."""
    with ExitStack() as stack:
        connection = stack.enter_context(database.connect(empty_dsn, application="test"))
        migrate.migrate(connection, layout=name)
        yield connection
