"""Closing: from when on a day's record is kept for good.

Until a day closes its record is a cache, replaced by whatever the evidence gives. It closes some days after its
midnight, when nothing waits to be derived any more: then its bytes are revision 1, and every later change of them is
one more revision that cites the one before and says why. Days that were never observed have no record and close
nothing; that they are part of a year is told by ownership (owned_days in the database).
"""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from collector.config import Accounts
from collector.store.database import Connection
from collector.store.queries import load

CLOSE_AFTER_DAYS = Accounts().close_after_days
"""Unless the configuration says otherwise: agents that were cut off over a weekend have delivered by then."""
_CLOSED_AT_ONCE = 5000
_SQL = load("closing")


class Revision(NamedTuple):
    """One closed record of a day, by its SHA-256 (hex); `cites` is that of the revision before."""

    revision: int
    sha256: str
    cites: str | None
    why: str
    closed_at: datetime


def close_days(connection: Connection, *, today: date, after_days: int) -> int:
    """Closes what is due; returns how many days that were. Each portion is a transaction of its own."""
    values = {"last_day": today - timedelta(days=after_days), "limit": _CLOSED_AT_ONCE}
    closed = 0
    while count := connection.execute(_SQL.close_days, values).rowcount:
        closed += count
    return closed


def revise(connection: Connection, asset_no: str, *, day: date, revision: int, body: bytes, why: str) -> None:
    """Adds a further revision of a closed day, in the transaction that changes its record."""
    values = {"asset_no": asset_no, "day": day, "revision": revision, "body": body, "why": why}
    connection.execute(_SQL.insert_revision, values)


def list_revisions(connection: Connection, asset_no: str, *, day: date) -> list[Revision]:
    """The revisions of a day, the first one first; none while it is not closed."""
    rows = connection.execute(_SQL.list_revisions, {"asset_no": asset_no, "day": day})
    return [Revision(*row) for row in rows]


def load_revision(connection: Connection, asset_no: str, *, day: date, revision: int) -> bytes | None:
    """The bytes of one revision; None where there is none."""
    values = {"asset_no": asset_no, "day": day, "revision": revision}
    row = connection.execute(_SQL.load_revision, values, binary=True).fetchone()
    return None if row is None else bytes(row[0])
