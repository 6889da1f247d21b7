"""What changed since somebody asked last: for a platform that keeps copies, without asking for everything again.

    hours        a day's record closed (number 1), or another revision took its place (2, 3, …)
    instrument, unit, facility     the registry describes it anew from a day on
    owner, membership              to whom or to what it belongs from a day on
    network      an instrument joined or left
    round        a round of evaluation went on

The list is in an order in which changes could be seen, and nothing ever comes in before what is on it
(docs/decisions/0035-changes-in-the-order-of-sight.md). So a place in it is one number, and whoever goes on from there
misses nothing and is told nothing twice. The list holds no data: what a thing is now is asked for at its own address.
"""

from datetime import date, datetime
from typing import Literal, NamedTuple, get_args

from collector.errors import ForeignCursor
from collector.registry.access import Scope
from collector.store.database import Connection
from collector.store.queries import load

Kind = Literal["hours", "instrument", "unit", "facility", "owner", "membership", "network", "round"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOVED_AT_ONCE = 5000
MOST_PORTIONS = 20
"""That one question moves: of a list that nobody kept up for months a part, and the rest with the next ones."""
LOOKED_AT_ONCE = 5000
"""Changes that one question goes through: whose scope holds few of them is not let wait for all the others."""
_SQL = load("changes")


class Place(NamedTuple):
    """Up to where somebody knows the list: a position, and the UTC microseconds at which that change was noted.

    The second says whether this is the list that the first was given for: a database that was restored from a backup
    gives the same positions to other changes.
    """

    position: int = 0
    noted_us: int = 0


class Change(NamedTuple):
    """One line of the list; `day` from which (or of which) it holds, `number` a record's revision."""

    place: Place
    kind: Kind
    subject: str
    day: date | None
    number: int | None
    noted_at: datetime


class Changes(NamedTuple):
    """Changes in order; `until`: from where to go on, and `has_more`: whether there is more to see at once."""

    items: list[Change]
    until: Place
    has_more: bool


def list_changes(connection: Connection, since: Place, *, scope: Scope, limit: int) -> Changes:
    """What came after a place, outside of a transaction. Raises ForeignCursor."""
    is_behind = put_on_list(connection)
    _check_place(connection, since)
    values = {**scope.values, "after": since.position, "window": LOOKED_AT_ONCE, "limit": limit + 1}
    rows = connection.execute(_SQL.list_changes, values).fetchall()
    if not rows:
        return Changes([], since, is_behind)
    found = [Change(Place(*row[3:5]), *row[5:]) for row in rows if row[3] is not None]
    if len(found) > limit:
        return Changes(found[:limit], found[limit - 1].place, True)
    return Changes(found, Place(*rows[0][:2]), bool(rows[0][2]) or is_behind)


def put_on_list(connection: Connection) -> bool:
    """Puts committed notes on the list, one asker at a time; says whether some are left for the next one.

    Each portion is a transaction of its own.
    """
    for _ in range(MOST_PORTIONS):
        with connection.transaction():
            connection.execute(_SQL.lock_changes)
            moved = connection.execute(_SQL.move_changes, {"limit": MOVED_AT_ONCE}).rowcount
        if moved < MOVED_AT_ONCE:
            return False
    return True


def _check_place(connection: Connection, since: Place) -> None:
    if since.position == 0:
        return
    row = connection.execute(_SQL.find_place, {"position": since.position}).fetchone()
    if row is None or row[0] != since.noted_us:
        raise ForeignCursor(
            f"place {since.position} of the list of changes was given by another history of this database: it was "
            "restored from a backup; take everything anew, and begin without a cursor"
        )
