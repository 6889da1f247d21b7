"""Connections to PostgreSQL: one way to open one, one way to open a pool.

Every connection speaks UTC and names itself, so that pg_stat_activity reads like a list of our parts.
Ingest and the deriver own a plain connection each; requests of the API share a pool, opened in the
application's lifespan. A pool checks a connection before it hands it out (by a question at most once a second), so
that a restarted server costs a reconnect and not a failed request. A connection whose other end vanished without a
word is given up within about ten seconds, by TCP here and by the server's look at its client there.
"""

import math
import select
import time
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import conninfo
from psycopg_pool import ConnectionPool

CONNECT_TIMEOUT_S = 10
# The channel on which ingest tells the deriver that days are dirty.
DIRTY_DAY_CHANNEL = "jishi_dirty_day"

# For how long a connection that answered is taken to be good while it is silent.
TRUSTED_S = 1.0

Connection = psycopg.Connection[tuple[Any, ...]]
_asked_at: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()


def with_settings(dsn: str, *, application: str) -> str:
    """The same data source with our session settings; settings already in `dsn` stay where they can."""
    return conninfo.make_conninfo(
        dsn,
        application_name=f"jishi-{application}",
        options="-c timezone=UTC -c client_encoding=UTF8 -c client_connection_check_interval=2s",
        connect_timeout=CONNECT_TIMEOUT_S,
        keepalives_idle=4,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
    )


def connect(dsn: str, *, application: str, autocommit: bool = True) -> Connection:
    """Opens one connection; transactions are then explicit (`with connection.transaction():`).

    Raises psycopg.OperationalError when the server cannot be reached.
    """
    return psycopg.connect(with_settings(dsn, application=application), autocommit=autocommit)


def make_pool(dsn: str, *, application: str, max_size: int = 8) -> ConnectionPool[Connection]:
    """A closed pool of autocommit connections; the application's lifespan opens and closes it."""
    return ConnectionPool(
        with_settings(dsn, application=application),
        kwargs={"autocommit": True},
        min_size=1,
        max_size=max_size,
        timeout=CONNECT_TIMEOUT_S,
        check=check_connection,
        open=False,
        name=f"jishi-{application}",
    )


def check_connection(connection: Connection) -> None:
    """Raises psycopg.OperationalError where the other end is gone; for the pool, before it hands a connection out.

    It is asked unless it was asked within TRUSTED_S and has said nothing since. A server that ends says so, and the
    socket can be read; one that vanished without a word cannot be told from a silent one, but by asking.
    """
    now = time.monotonic()
    if now - _asked_at.get(connection, -math.inf) < TRUSTED_S and not _has_said(connection):
        return
    ConnectionPool.check_connection(connection)
    _asked_at[connection] = now


def _has_said(connection: Connection) -> bool:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
