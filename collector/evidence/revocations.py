"""From when revoked keys count no more, by the collector's own log (protocol/revocation.py)."""

from collector.store.database import Connection
from collector.store.queries import load
from protocol import log_leaf, registered
from protocol.revocation import revoked_from

_SQL = load("onsite")
_LOG = load("log")


def load_revoked_from(connection: Connection, statement: bytes) -> int | None:
    """POSIX seconds from which a logged revocation holds; None while the log does not hold it.

    The minute before it is looked for among the thousand leaves before: a log has one each minute.
    """
    ref = f"registered:{registered.identity(statement)}"
    row = connection.execute(_LOG.find_leaf, {"ref": ref}).fetchone()
    if row is None:
        return None
    leaves = connection.execute(_SQL.list_leaves_to, {"log": row[0], "leaf_index": row[1]}, binary=True).fetchall()
    return revoked_from((log_leaf.decode(body) for (body,) in leaves), ref.partition(":")[2])
