"""Experts' points and the ranking of a round: nobody is shown another's points before they are open."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request

from collector.api.access import Given, GivesPoints, HoldsRounds, Lent, ReadsScores
from collector.api.problem import responses
from collector.api.round_asked import by_of, do, find
from collector.api.round_models import (
    AskedAward,
    AskedExpert,
    AskedOpening,
    AskedRating,
    AskedStep,
    Part,
    Placed,
    Points,
    PointsGiven,
    Progress,
    RoundRanking,
)
from collector.api.rounds import Name
from collector.evaluation import experts, publication, results
from collector.evaluation.experts import Award
from collector.evaluation.results import Result
from collector.evaluation.rounds import Round
from collector.evaluation.scoring import rounded
from collector.registry.people import Person
from collector.store.database import Connection

router = APIRouter(prefix="/rounds", tags=["rounds"])


@router.get("/{name}/points", responses=responses(404))
def list_round_points(caller: ReadsScores, connection: Lent, name: Name) -> PointsGiven:
    """Experts' points: one's own until all are in or the round is closed, then all."""
    return _points(connection, find(connection, name), caller.person)


@router.get("/{name}/ranking", responses=responses(404))
def show_round_ranking(_caller: ReadsScores, connection: Lent, name: Name) -> RoundRanking:
    """The ranking, best first; empty before the round is closed."""
    return _ranking(connection, find(connection, name))


@router.post("/{name}/experts", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def appoint_round_expert(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, name: Name, asked: AskedExpert
) -> AskedExpert:
    """Lets a person who is an expert give points to indicators, before the entry opens."""
    by = by_of(request, caller, given, asked.why)
    do(
        connection,
        lambda: experts.appoint_expert(connection, name, asked.person, indicators=asked.indicators, by=by),
    )
    return asked


@router.post("/{name}/opening", responses=responses(400, 403, 404))
def open_round_entry(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, name: Name, asked: AskedOpening
) -> PointsGiven:
    """Experts begin, under a scheme."""
    by = by_of(request, caller, given, asked.why)
    held = do(connection, lambda: experts.open_entry(connection, name, scheme=asked.scheme, by=by))
    return _points(connection, held, caller.person)


@router.post("/{name}/points", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def give_round_points(
    request: Request, given: Given, caller: GivesPoints, connection: Lent, name: Name, asked: AskedAward
) -> PointsGiven:
    """The caller gives points, all of these or none; until all are in he may give others for the same."""
    by = by_of(request, caller, given, asked.why)
    awards = [Award(each.uscc, each.indicator, each.hundredths) for each in asked.points]
    do(connection, lambda: experts.give_points(connection, name, caller.person, awards=awards, by=by))
    return _points(connection, find(connection, name), caller.person)


@router.post("/{name}/closing", responses=responses(400, 403, 404))
def close_round(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, name: Name, asked: AskedStep
) -> RoundRanking:
    """Ends the experts' entry, and ranks. 400 where a unit has no points of any expert for an indicator."""
    by = by_of(request, caller, given, asked.why)
    return _ranking(connection, do(connection, lambda: results.close_round(connection, name, by=by)))


@router.post("/{name}/ratings", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def set_round_rating(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, name: Name, asked: AskedRating
) -> RoundRanking:
    """Rates a unit otherwise than the scheme did; points, rank and the scheme's rating stay."""
    by = by_of(request, caller, given, asked.why)
    do(connection, lambda: results.set_rating(connection, name, uscc=asked.uscc, rating=asked.rating, by=by))
    return _ranking(connection, find(connection, name))


def _points(connection: Connection, held: Round, seen_by: Person) -> PointsGiven:
    return PointsGiven(
        are_open=experts.are_open(connection, held),
        progress=[Progress(**each._asdict()) for each in experts.list_progress(connection, held)],
        items=[Points(**each._asdict()) for each in experts.list_points(connection, held, seen_by=seen_by)],
    )


def _ranking(connection: Connection, held: Round) -> RoundRanking:
    is_example = publication.is_example(connection, held)
    return RoundRanking(is_example=is_example, items=[_placed(each) for each in results.list_results(connection, held)])


def _placed(result: Result) -> Placed:
    score = result.score
    return Placed(
        rank=score.rank,
        uscc=score.uscc,
        name_zh=result.name_zh,
        name_en=result.name_en,
        rating=result.rating,
        scheme_rating=score.rating,
        why=result.why,
        set_by=result.set_by,
        set_at=result.set_at,
        parts=[Part(indicator=each.indicator, source=each.source, **_amount(each.hundredths)) for each in score.parts],
        **_amount(score.hundredths),
    )


def _amount(hundredths: str) -> dict[str, Any]:
    return {"points": rounded(hundredths) / 100, "exact_hundredths": hundredths}
