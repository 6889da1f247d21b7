"""Statements of the registry out of the database, as the canonical bytes that the log and bundles carry.

A row that cannot be said in that form (a name beyond all sense) is left out, counted and logged: it must not keep the
rest out of the log.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec
from psycopg.types.json import Jsonb

from collector.store.database import Connection
from collector.store.queries import load
from protocol import registered
from protocol.errors import ForeignBytesError

log = logging.getLogger(__name__)
_SQL = load("log")


class Said(NamedTuple):
    """A statement with its place among those of its kind; `at` None: always looked at again."""

    kind: str
    key: int
    at: datetime | None
    raw: bytes


def list_registered(connection: Connection, asset_no: str | None, *, keys: Mapping[str, int] = {}) -> Iterator[Said]:
    """The statements that concern an instrument (None: all), by kind and key; of each kind those behind its key."""
    values = {"asset_no": asset_no, "keys": Jsonb(dict(keys))}
    for kind, key, at, members in connection.execute(_SQL.list_registered, values).fetchall():
        raw = msgspec.json.encode(members)
        try:
            registered.decode(raw)
        except ForeignBytesError as error:
            log.error("statement left out kind=%s key=%s: %s", kind, key, error)
            continue
        yield Said(kind, key, at, raw)
