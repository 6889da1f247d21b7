"""A round computed once more, from what it names, and held against what is stored.

1 the population, from the registry's facts that were known then, the rules and the choices
2 the figures, from the frozen period's sums and the grades of its records that were known then
3 the indicators, from 1 and 2
4 the ranking, from 3, the bytes of the scheme and the experts' points
5 the ranking after each amendment, from 4 and what upheld objections corrected
6 the published result, from 5 and the ratings that people set
7 the units that are to be visited, from 3, the flags that were known then and the seed

Whether the frozen period is itself what its evidence gives is `account --verify --frozen`'s to say.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from psycopg import IsolationLevel

from collector.accounts.freezing import find_frozen
from collector.errors import RoundError
from collector.evaluation import amending, indicators, published, scheme, scoring
from collector.evaluation.experts import load_given
from collector.evaluation.figures import gather, list_figures, list_indicators
from collector.evaluation.members import judge_members, list_members
from collector.evaluation.objections import list_amendments
from collector.evaluation.publication import compute_result, find_publication
from collector.evaluation.results import list_results
from collector.evaluation.rounds import Round, find_round
from collector.evaluation.scheme import Scheme
from collector.evaluation.schemes import find_scheme
from collector.evaluation.scoring import Score
from collector.evaluation.states import STATES
from collector.evaluation.visits import draw_again, list_draws
from collector.store.database import Connection, connect

Line = TypeVar("Line")


class Difference(NamedTuple):
    """What is stored and would not be computed, or the reverse."""

    subject: str
    what: str


class Verified(NamedTuple):
    """How many lines were compared, and which differ."""

    compared: int
    differences: list[Difference]


def verify_round(dsn: str, name: str) -> Verified:
    """Verifies a round as far as it has come, on one snapshot. Raises UnknownName."""
    with connect(dsn, application="evaluate") as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            held = find_round(connection, name)
            parts = list(_verify(connection, held))
    return Verified(sum(part.compared for part in parts), [each for part in parts for each in part.differences])


def _verify(connection: Connection, held: Round) -> Iterator[Verified]:
    reached = STATES.index(held.state)
    if reached < STATES.index("population"):
        return
    members = judge_members(connection, held)
    yield _compare(list_members(connection, held), members, key=lambda each: f"{each.kind} {each.name}")
    if reached < STATES.index("data"):
        return
    assert held.frozen is not None, "it has one from the state `data` on"
    assert held.grade_seq is not None, "it has one from the state `data` on"
    counted = [member for member in members if member.is_in]
    figures = gather(connection, find_frozen(connection, held.frozen), held.grade_seq, counted)
    yield _compare(list_figures(connection, held), figures, key=lambda each: f"figures of {each.asset_no}")
    computed = indicators.compute(members, figures, edition=held.edition)
    stored = [line.indicators for line in list_indicators(connection, held)]
    yield _compare(stored, computed, key=lambda each: f"indicators of {each.uscc or 'all units'}")
    for drawn in list_draws(connection, held):
        visits = draw_again(connection, held, drawn)
        yield _compare(drawn.visits, visits, key=lambda each: f"place {each.place} of a draw of visits")
    if reached < STATES.index("closed"):
        return
    assert held.scheme is not None, "it has one from the state `experts` on"
    of_round = scheme.parse(find_scheme(connection, held.scheme).body)
    scores = scoring.score_all(computed, of_round, load_given(connection, held))
    results = [result.score for result in list_results(connection, held, upto=0)]
    yield _compare(results, scores, key=lambda each: f"score of {each.uscc}")
    yield from _verify_amendments(connection, held, of_round, scores)
    publication = find_publication(connection, held)
    if publication is not None:
        again = published.with_names_of(publication.published, compute_result(connection, held))
        yield _compare([publication.body], [published.encode(again)], key=lambda _: "the published result")


def _verify_amendments(
    connection: Connection, held: Round, of_round: Scheme, scores: list[Score]
) -> Iterator[Verified]:
    for seq, _, stored in list_amendments(connection, held):
        try:
            amendment, scores = amending.amend(
                scores, of_round, uscc=stored.uscc, indicator=stored.indicator, correction=stored.correction
            )
        except RoundError as error:  # what the program never stores: the later ones rest on it
            yield Verified(1, [Difference(f"amendment of {stored.uscc}", f"is stored, and cannot be: {error}")])
            return
        yield _compare([stored], [amendment], key=lambda each: f"amendment of {each.uscc} indicator {each.indicator}")
        after = [result.score for result in list_results(connection, held, upto=seq)]
        yield _compare(after, scores, key=lambda each: f"amended score of {each.uscc}")


def _compare(stored: Iterable[Line], computed: Iterable[Line], *, key: Callable[[Line], str]) -> Verified:
    before, now = ({key(each): each for each in lines} for lines in (stored, computed))
    names = sorted({*before, *now})
    return Verified(len(names), [Difference(name, what) for name in names for what in _differing(name, before, now)])


def _differing(name: str, stored: Mapping[str, Line], computed: Mapping[str, Line]) -> Iterator[str]:
    before, now = stored.get(name), computed.get(name)
    if before is None or now is None:
        yield "is not stored, and ought to be" if before is None else "is stored, and nothing gives it"
    elif before != now:
        yield f"stored {before} computed {now}"
