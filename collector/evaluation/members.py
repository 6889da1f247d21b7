"""The population of a round in the database: out of the registry as it was known when it was fixed.

Fixing waits for whoever is writing dated facts and keeps the last line of each table of them, so that the same question
gives the same answer for ever, whatever the registry learns afterwards.
"""

from collections.abc import Iterable
from typing import NamedTuple

from collector.clock import day_of
from collector.errors import RoundError
from collector.evaluation.population import Bar, Candidate, Member, judge_all
from collector.evaluation.rounds import By, Round, find_round, hold_round, list_choices, step
from collector.registry.access import EVERYTHING, Scope
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("rounds")
Place = tuple[str, str]
"""After which (kind, name) a list goes on."""


class Wanted(NamedTuple):
    """Which members: `is_in` None, both kinds; `uscc` None, of every unit in the scope."""

    scope: Scope = EVERYTHING
    is_in: bool | None = None
    uscc: str | None = None
    after: Place = ("", "")
    limit: int | None = None


def fix_population(connection: Connection, name: str, *, by: By) -> Round:
    """Judges everything that somebody owned in the year; the round is then in state `population`. Raises RoundError."""
    connection.execute(_SQL.hold_registry)
    held = hold_round(connection, name)
    today = day_of(by.now)
    if held.as_of >= today:
        raise RoundError(f"{held.as_of} is not over yet: who is counted on that day can be fixed from the next day on")
    step(connection, held, "population", by=by, new={"as_of": held.as_of.isoformat()})
    connection.execute(_SQL.insert_population, {"round_id": held.round_id})
    _insert(connection, held, judge_members(connection, held))
    return find_round(connection, name)


def judge_members(connection: Connection, held: Round) -> list[Member]:
    """The members of a fixed population, judged once more from what was known then."""
    rows = connection.execute(_SQL.list_candidates, {"round_id": held.round_id}).fetchall()
    choices, bars = list_choices(connection, held), list_bars(connection, held)
    return judge_all((Candidate(*row) for row in rows), held.rules, choices, bars=bars)


def list_bars(connection: Connection, held: Round) -> list[Bar]:
    """Units that take no part in the round, by code: as the population knows it, before that as it is known now."""
    rows = connection.execute(_SQL.list_bars, {"round_id": held.round_id, "year": held.year})
    return [Bar(*row) for row in rows]


def list_members(connection: Connection, held: Round, wanted: Wanted | None = None) -> list[Member]:
    """The members as they were fixed, by kind and name."""
    asked = wanted or Wanted()
    values = {
        **asked.scope.values,
        "round_id": held.round_id,
        "is_in": asked.is_in,
        "uscc": asked.uscc,
        "after_kind": asked.after[0],
        "after_name": asked.after[1],
        "limit": asked.limit,
    }
    return [Member(*row) for row in connection.execute(_SQL.list_members, values, binary=True)]


def _insert(connection: Connection, held: Round, members: Iterable[Member]) -> None:
    with connection.cursor().copy(_SQL.copy_members) as copy:
        copy.set_types(["int4", "text", "text", "text", "int8", "int8", "bool", "bool", "text", "text", "bool"])
        for member in members:
            copy.write_row((held.round_id, *member))
