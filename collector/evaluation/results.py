"""What a round came to: the ranking, computed once when the entry closes, and ratings that people set in its place."""

from datetime import datetime
from typing import NamedTuple

from collector.errors import RoundError
from collector.evaluation import scoring
from collector.evaluation.experts import load_given
from collector.evaluation.figures import list_indicators
from collector.evaluation.rounds import By, Round, check_why, find_round, hold_round, step
from collector.evaluation.scheme import Rating
from collector.evaluation.schemes import find_scheme
from collector.evaluation.scoring import Score
from collector.evaluation.states import check_deed, check_step
from collector.registry.audit import record_change
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("round_scores")


class Result(NamedTuple):
    """A unit's place, with its names on the round's date. `set_rating` and what follows: by a person, who said why."""

    score: Score
    name_zh: str
    name_en: str
    set_rating: Rating | None
    why: str | None
    set_by: str | None
    set_at: datetime | None

    @property
    def rating(self) -> Rating:
        """The one that holds."""
        return self.set_rating or self.score.rating


def close_round(connection: Connection, name: str, *, by: By) -> Round:
    """Ends the entry and ranks; the round is then closed. RoundError where a unit has no points of any expert."""
    held = hold_round(connection, name)
    check_step(name, held=held.state, wanted="closed")
    scores = compute_scores(connection, held)
    step(connection, held, "closed", by=by, new={"units": len(scores)})
    with connection.cursor() as cursor:
        lines = ({"round_id": held.round_id, "uscc": each.uscc, "body": scoring.encode(each)} for each in scores)
        cursor.executemany(_SQL.insert_score, lines)
    return find_round(connection, name)


def compute_scores(connection: Connection, held: Round) -> list[Score]:
    """The ranking from the stored indicators, the round's scheme and the points that hold. Raises RoundError."""
    assert held.scheme is not None, "it has one from the state `experts` on"
    found = [line.indicators for line in list_indicators(connection, held)]
    return scoring.score_all(found, find_scheme(connection, held.scheme).scheme, load_given(connection, held))


def list_results(connection: Connection, held: Round, *, upto: int | None = None) -> list[Result]:
    """The ranking, best first and then by code; empty before the round is closed.

    `upto`: after which amendment (amending.py); 0 as the round was closed, None as it is now.
    """
    rows = connection.execute(_SQL.list_scores, {"round_id": held.round_id, "upto": upto}, binary=True)
    found = [Result(scoring.decode(body), zh, en, *rating) for _, zh, en, body, *rating in rows]
    return sorted(found, key=lambda each: (each.score.rank, each.score.uscc))


def set_rating(connection: Connection, name: str, *, uscc: str, rating: Rating, by: By) -> None:
    """A person rates a unit otherwise than the scheme did, and says why. Rank and points stay. Raises RoundError."""
    held = hold_round(connection, name)
    check_deed(name, held=held.state, deed="rate")
    rate(connection, held, uscc=uscc, rating=rating, by=by)


def rate(connection: Connection, held: Round, *, uscc: str, rating: Rating, by: By) -> None:
    """Sets a rating, for whoever checked that it may be set now. Raises RoundError."""
    check_why(by.why)
    before = next((each.rating for each in list_results(connection, held) if each.score.uscc == uscc), None)
    if before is None:
        raise RoundError(
            f"unit {uscc[:20]!a} is not ranked in round {held.name}: `evaluate --round {held.name}` lists who is"
        )
    connection.execute(_SQL.insert_rating, {"round_id": held.round_id, "uscc": uscc, "rating": rating, **by.values})
    old, new = {"unit": uscc, "rating": before}, {"unit": uscc, "rating": rating}
    record_change(connection, by.actor, "round.rate", target=held.name, old=old, new=new, reason=by.why)
