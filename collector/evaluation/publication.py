"""Publishing a round: its result becomes a snapshot for everybody, and each unit that is poor gets a case (指引十).

Not before the term for objections is over and each one is answered, and once a year: of two published rounds of a year
nobody could say which one counts. The snapshot is never changed; where fraud is proved afterwards, the rating that
holds stands beside the published one (the view published_result).
"""

from datetime import date
from typing import NamedTuple

from collector.clock import day_of
from collector.errors import RoundError
from collector.evaluation import published
from collector.evaluation.objections import find_last_day, list_amendments, list_objections
from collector.evaluation.published import Published, PublishedDraw
from collector.evaluation.results import list_results
from collector.evaluation.rounds import By, Round, find_round, hold_round, step
from collector.evaluation.scheme import Rating
from collector.evaluation.schemes import find_scheme
from collector.evaluation.states import check_step
from collector.evaluation.visits import Draw, list_draws
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("round_replies")


class Publication(NamedTuple):
    """A published result; `published_on` is the local day of the notice."""

    sha256: str
    body: bytes
    published_on: date

    @property
    def published(self) -> Published:
        return published.decode(self.body)


class PublishedLine(NamedTuple):
    """A unit's line as it holds: `rating` is poor where fraud was proved after the publication. Points: hundredths."""

    rank: int
    uscc: str
    name_zh: str
    name_en: str
    rating: Rating
    published_rating: Rating
    exact_hundredths: str
    points: int
    parts: list[tuple[int, str, str, int]]


def publish_round(connection: Connection, name: str, *, by: By) -> Publication:
    """The result as it stands, published; the round is then over. Raises RoundError."""
    held = hold_round(connection, name)
    check_step(name, held=held.state, wanted="published")
    today = day_of(by.now)
    last_day = find_last_day(connection, held)
    assert last_day is not None, "it is announced"
    if today <= last_day:
        raise RoundError(f"units may object to round {name} until the end of {last_day}: publish it afterwards")
    if waiting := list_objections(connection, held, is_open=True):
        numbers = ", ".join(str(each.objection_id) for each in waiting[:10])
        raise RoundError(f"{len(waiting)} objections to round {name} are open ({numbers}): answer them first")
    of_year = {"round_id": held.round_id, "year": held.year}
    if other := connection.execute(_SQL.find_other_publication, of_year).fetchone():
        raise RoundError(f"round {other[0]} of {held.year} was published: a year has one published round")
    raw = published.encode(compute_result(connection, held))
    sha256 = published.identity(raw)
    step(connection, held, "published", by=by, new={"sha256": sha256})
    values = {"round_id": held.round_id, "sha256": sha256, "body": raw, "day": today}
    connection.execute(_SQL.insert_publication, values)
    poor = [unit.uscc for unit in published.decode(raw).units if unit.rating == "poor"]
    open_cases(connection, find_round(connection, name), poor, by=by)
    return Publication(sha256, raw, today)


def compute_result(connection: Connection, held: Round) -> Published:
    """What the result of a round is, from its ranking, ratings and amendments."""
    amendments = [(each.objection_id, each.amendment) for each in list_amendments(connection, held)]
    draws = [_draw(each) for each in list_draws(connection, held) if each.by_seed]
    return published.compose(
        held,
        list_results(connection, held),
        amendments=amendments,
        draws=draws,
        is_example=is_example(connection, held),
    )


def _draw(drawn: Draw) -> PublishedDraw:
    units = sorted(visit.uscc for visit in drawn.visits if visit.reason != "flags")
    return PublishedDraw(drawn.seed, drawn.by_seed, tuple(units))


def is_example(connection: Connection, held: Round) -> bool:
    """Whether the round's scheme is an example, which nobody decided; False where it has none yet."""
    return held.scheme is not None and find_scheme(connection, held.scheme).scheme.example


def open_cases(connection: Connection, held: Round, usccs: list[str], *, by: By) -> None:
    """A case for each of these units, with a year from today; none where it has one."""
    today = day_of(by.now)
    connection.execute(_SQL.insert_poor_cases, {"round_id": held.round_id, "usccs": usccs, "day": today, **by.values})


def find_publication(connection: Connection, held: Round) -> Publication | None:
    """The published result; None where the round is not published."""
    row = connection.execute(_SQL.find_publication, {"round_id": held.round_id}, binary=True).fetchone()
    return None if row is None else Publication(*row)


def list_published(connection: Connection, held: Round) -> list[PublishedLine]:
    """The lines of a published result as they hold, best first; empty before it is published."""
    return [PublishedLine(*row) for row in connection.execute(_SQL.list_published, {"round_id": held.round_id})]
