"""Which shards a worker owns: session-level advisory locks on the connection that it writes with.

The locks and the writes live and die together, so a worker that lost its connection owns nothing, and two never
own the same shard; should they for an instant, the compare-and-swap on the journal decides. A worker also owns
the lowest free number, which names its MQTT session: stable over restarts, and never two at once.
"""

from collector.store.database import Connection
from collector.store.queries import load
from protocol.topics import SHARDS

_SQL = load("ingest")


def take_free_shards(connection: Connection, owned: frozenset[int]) -> frozenset[int]:
    """Takes every shard that nobody owns; returns all that are owned now."""
    missing = sorted(set(range(SHARDS)) - owned)
    rows = connection.execute(_SQL.take_shards, {"shards": missing}).fetchall() if missing else []
    return owned | {row[0] for row in rows}


def take_worker_number(connection: Connection) -> int:
    """The lowest number that no other worker has, until this connection ends."""
    row = connection.execute(_SQL.take_worker_number).fetchone()
    assert row is not None, "there are more numbers than connections"
    return int(row[0])
