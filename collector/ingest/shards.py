"""Which shards a worker owns: a fair portion, held by session-level advisory locks of the connection it writes with.

The locks and the writes live and die together, so a worker that lost its connection owns nothing. Nobody assigns
shards and nothing is configured: each worker looks every few seconds at the locks of all, counts who serves, works
out its own portion by the same rule, gives back what is too much and takes of what is free.

    number    the lowest free one; names the worker's MQTT session, stable over restarts, never two at once
    serving   held while the broker delivers to the worker: only those who serve have a portion
    shard     held by its owner

A shard changes hands without silence: who gave it back still listens to it until another has owned it for one
look more, so that for a moment two are asked. Both answer rightly, because the compare-and-swap on the journal
decides who appends, and the other then repeats the stored receipt.

A process that stopped or whose host was cut off still has its session at the server: the others end it
(`end_hung_workers`). PostgreSQL's idle timeouts would miss one that stopped in the middle of a COPY.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from collector.store.database import Connection
from collector.store.queries import load
from protocol.topics import SHARDS

HUNG_AFTER_S = 8.0
"""How long a session may keep the server waiting; a worker that lives looks more often (worker.LOOK_EVERY_S)."""
EVERY_SHARD = frozenset(range(SHARDS))
log = logging.getLogger(__name__)
_NONE: frozenset[int] = frozenset()
_SQL = load("ingest")


@dataclass(frozen=True, slots=True)
class Roster:
    """What the locks say: the numbers of those who serve, and the shards that each number owns."""

    serving: frozenset[int]
    owned: Mapping[int, frozenset[int]]

    def free(self) -> frozenset[int]:
        return EVERY_SHARD.difference(*self.owned.values())

    def owned_by_others(self, number: int) -> frozenset[int]:
        return _NONE.union(*(shards for owner, shards in self.owned.items() if owner != number))


@dataclass(frozen=True, slots=True)
class Move:
    """What a worker does next: give these back, and take so many of those that are free."""

    release: frozenset[int]
    take: int


@dataclass(frozen=True, slots=True)
class Tenure:
    """What a worker owns, what it gave back and still listens to, and which of that was another's at the last look."""

    owned: frozenset[int] = _NONE
    leaving: frozenset[int] = _NONE
    handed: frozenset[int] = _NONE

    @property
    def heard(self) -> frozenset[int]:
        """The shards whose messages the worker wants."""
        return self.owned | self.leaving


def portion_of(number: int, serving: frozenset[int]) -> int:
    """How many shards worker `number` is to own: all portions differ by one at most, and their sum is SHARDS."""
    if number not in serving:
        return 0
    each, left = divmod(SHARDS, len(serving))
    return each + (sorted(serving).index(number) < left)


def plan_move(roster: Roster, number: int) -> Move:
    """What brings worker `number` to its portion; the highest shards go first, the lowest stay where they are."""
    owned = roster.owned.get(number, _NONE)
    portion = portion_of(number, roster.serving)
    return Move(frozenset(sorted(owned)[portion:]), max(0, portion - len(owned)))


def next_tenure(tenure: Tenure, roster: Roster, number: int) -> Tenure:
    """The tenure after a look, by a roster that shows the worker's own moves already."""
    owned, others = roster.owned.get(number, _NONE), roster.owned_by_others(number)
    leaving = (tenure.leaving | tenure.owned) - owned - (tenure.handed & others)
    return Tenure(owned, leaving, leaving & others)


class Seat:
    """A worker's place among the workers, for as long as its connection lives."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.serves = False
        self.number = _take_number(connection)
        self.roster = Roster(_NONE, {})
        self.tenure = Tenure()

    def look(self, *, serves: bool) -> None:
        """One round: says whether we serve, ends hung sessions, moves towards the portion."""
        self._tell(serves)
        for pid, _ in self._connection.execute(_SQL.end_hung_workers, {"seconds": HUNG_AFTER_S}).fetchall():
            log.warning("ended the session of a hung worker server_process=%d", pid)
        roster = load_roster(self._connection)
        move = plan_move(roster, self.number)
        if move.release:
            self._connection.execute(_SQL.release_shards, {"shards": sorted(move.release)})
        if move.take and roster.free():
            self._connection.execute(_SQL.take_shards, {"shards": sorted(roster.free()), "count": move.take})
        self.roster = load_roster(self._connection)
        self.tenure = next_tenure(self.tenure, self.roster, self.number)

    def _tell(self, serves: bool) -> None:
        # An advisory lock counts how often it was taken, so it is taken and released on a change only.
        if serves != self.serves:
            statement = _SQL.begin_serving if serves else _SQL.end_serving
            self._connection.execute(statement, {"number": self.number})
            self.serves = serves


def load_roster(connection: Connection) -> Roster:
    """Who serves and who owns what, now."""
    rows = connection.execute(_SQL.list_workers).fetchall()
    return Roster(
        frozenset(number for number, serves, _ in rows if serves),
        {number: frozenset(shards) for number, _, shards in rows},
    )


def _take_number(connection: Connection) -> int:
    row = connection.execute(_SQL.take_worker_number).fetchone()
    assert row is not None, "there are more numbers than connections"
    return int(row[0])
