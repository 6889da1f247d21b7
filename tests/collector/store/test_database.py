"""A pool's connections are looked at before they are lent, by a question only where that can tell something."""

import pytest

from collector.store import database
from collector.store.database import Connection, connect, make_pool


def test_a_connection_that_the_server_ended_is_replaced_however_short_ago_it_answered(empty_dsn: str) -> None:
    with make_pool(empty_dsn, application="test", max_size=1) as pool, connect(empty_dsn, application="end") as other:
        for _ in range(3):
            with pool.connection() as lent:
                pid = lent.info.backend_pid
                assert lent.execute("SELECT 1").fetchone() == (1,)
            assert other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]).fetchone() == (True,)
            with pool.connection() as lent:
                assert lent.info.backend_pid != pid
                assert lent.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_is_asked_at_most_once_in_a_while(empty_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Connection] = []
    monkeypatch.setattr("psycopg_pool.ConnectionPool.check_connection", asked.append)
    with make_pool(empty_dsn, application="test", max_size=1) as pool:
        for trusted_s, expected in ((60.0, 1), (-1.0, 6)):
            monkeypatch.setattr(database, "TRUSTED_S", trusted_s)
            for _ in range(5):
                with pool.connection():
                    pass
            assert len(asked) == expected
