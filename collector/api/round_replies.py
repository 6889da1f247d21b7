"""What follows a ranking: visits, the right of reply, and the published result.

Before the publication points and ranks are for those who may see scores; a unit is shown its own line from the
announcement on, so that it can object to it.
"""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from collector.api.access import Given, HoldsRounds, Lent, ReadsHours, ReadsScores, RecordsFacts
from collector.api.documents import ANYTHING, Sha256InPath, answer_file
from collector.api.models import Page
from collector.api.paging import Cursor, Limit, after, page
from collector.api.problem import not_found, responses
from collector.api.reply_models import (
    Amended,
    AskedAnnouncement,
    AskedAnswer,
    AskedDraw,
    AskedObjection,
    Draw,
    Draws,
    Objection,
    ResultLine,
    ResultPart,
    RoundResult,
    Visit,
)
from collector.api.round_asked import by_of, do, find, seen_scope, translated
from collector.api.round_models import AskedStep
from collector.api.rounds import Name
from collector.evaluation import evidence, objections, publication, published, visits
from collector.evaluation.amending import Correction
from collector.evaluation.objections import Answer
from collector.evaluation.publication import PublishedLine
from collector.evaluation.published import PublishedUnit
from collector.evaluation.rounds import Round
from collector.evaluation.states import SCORED
from collector.registry.access import EVERYTHING, Scope
from collector.store.database import Connection

router = APIRouter(prefix="/rounds", tags=["rounds"])
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of an objection")]
OCTETS = "application/json"


@router.get("/{name}/visits", responses=responses(404))
def list_round_visits(_caller: ReadsScores, connection: Lent, name: Name) -> Draws:
    """The draws of units that are visited, with their seeds."""
    return Draws(items=[_draw(each) for each in visits.list_draws(connection, find(connection, name))])


@router.post("/{name}/visits", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def draw_round_visits(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, name: Name, asked: AskedDraw
) -> Draw:
    """Draws the units that are visited: by what their flags weigh, and by a seed."""
    by = by_of(request, caller, given, asked.why)

    def make() -> visits.Draw:
        return visits.draw_visits(
            connection, name, seed=asked.seed, by_flags=asked.by_flags, by_seed=asked.by_seed, by=by
        )

    return _draw(do(connection, make))


@router.post("/{name}/announcement", responses=responses(400, 403, 404))
def announce_round(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, name: Name, asked: AskedAnnouncement
) -> RoundResult:
    """Shows units their results; they may object for so many days."""
    by = by_of(request, caller, given, asked.why)
    return _result(
        connection,
        do(connection, lambda: objections.announce_round(connection, name, days=asked.days, by=by)),
        EVERYTHING,
    )


@router.get("/{name}/objections", responses=responses(400, 404))
def list_round_objections(
    request: Request,
    caller: ReadsHours,
    connection: Lent,
    name: Name,
    is_open: Annotated[bool | None, Query(description="Only those that wait for an answer, or only the others")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Objection]:
    """Objections by number: of one's own unit, or all for those who may see scores."""
    held = find(connection, name)
    [place] = after(request, cursor, start=[0])
    found = objections.list_objections(
        connection, held, scope=seen_scope(caller), is_open=is_open, after=int(place), limit=limit + 1
    )
    return page(request, found, limit=limit, item=_objection, key=lambda each: [each.objection])


@router.post("/{name}/objections", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def object_to_result(
    request: Request, given: Given, caller: RecordsFacts, connection: Lent, name: Name, asked: AskedObjection
) -> Objection:
    """Objects to one's own unit's figure, points or rating, until the term is over."""
    by = by_of(request, caller, given, asked.why)

    def make() -> int:
        return objections.object_to(
            connection,
            name,
            uscc=asked.uscc,
            indicator=asked.indicator,
            documents=asked.documents,
            person=caller.person,
            access=caller.access,
            by=by,
        )

    number = do(connection, make)
    return _objection(objections.find_objection(connection, find(connection, name), number))


@router.post("/{name}/objections/{number}/answer", responses=responses(400, 403, 404))
def answer_round_objection(
    request: Request,
    given: Given,
    caller: HoldsRounds,
    connection: Lent,
    name: Name,
    number: Number,
    asked: AskedAnswer,
) -> Objection:
    """Answers an objection, for good; what is upheld amends the ranking, and the one before stays."""
    by = by_of(request, caller, given, asked.why)
    correction = None if asked.correction is None else Correction(**asked.correction.model_dump())
    answer = Answer(asked.verdict, correction, asked.rating)
    do(connection, lambda: objections.answer_objection(connection, name, number, answer=answer, by=by))
    return _objection(objections.find_objection(connection, find(connection, name), number))


@router.get(
    "/{name}/objections/{number}/documents/{sha256}",
    response_class=Response,
    responses={200: {"content": {ANYTHING: {}}, "description": "The file"}, **responses(404, 500)},
)
def show_objection_document(
    given: Given, caller: ReadsHours, connection: Lent, name: Name, number: Number, sha256: Sha256InPath
) -> Response:
    """A file that an objection names, to whoever sees the objection; as a download."""
    held = find(connection, name)
    with translated():
        found = objections.find_objection(connection, held, number, scope=seen_scope(caller))
    if sha256 not in found.documents:
        raise not_found("document", sha256, remedy="the objection names those that there are")
    return answer_file(given, evidence.find_document(connection, sha256))


@router.post("/{name}/publication", responses=responses(400, 403, 404))
def publish_round(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, name: Name, asked: AskedStep
) -> RoundResult:
    """Publishes the result, for good. 400 while objections are open or may come."""
    by = by_of(request, caller, given, asked.why)
    do(connection, lambda: publication.publish_round(connection, name, by=by))
    return _result(connection, find(connection, name), EVERYTHING)


@router.get(
    "/{name}/publication",
    response_class=Response,
    responses={200: {"content": {OCTETS: {}}, "description": "The bytes"}, **responses(404)},
)
def show_publication_bytes(_caller: ReadsHours, connection: Lent, name: Name) -> Response:
    """The exact bytes of the published result: their SHA-256 is what was published."""
    found = publication.find_publication(connection, find(connection, name))
    if found is None:
        raise not_found("published result", name, remedy="the round is not published")
    return Response(found.body, media_type=OCTETS)


@router.get("/{name}/result", responses=responses(404))
def show_round_result(caller: ReadsHours, connection: Lent, name: Name) -> RoundResult:
    """The result as far as the caller may see it: all of it for everybody once it is published."""
    return _result(connection, find(connection, name), seen_scope(caller))


def _result(connection: Connection, held: Round, scope: Scope) -> RoundResult:
    found = publication.find_publication(connection, held)
    is_shown = held.state in SCORED and (held.state != "closed" or scope == EVERYTHING)
    result = publication.compute_result(connection, held) if is_shown and found is None else None
    units = () if result is None else result.units
    lines = [_line(each) for each in publication.list_published(connection, held)]
    lines += [_unit(each) for each in units if scope in (EVERYTHING, Scope("unit", each.uscc))]
    shown = {line.uscc for line in lines}
    amendments = [
        Amended(objection=number, uscc=each.uscc, indicator=each.indicator, source=each.correction.source, was=each.was,
                became=each.became)
        for _, number, each in objections.list_amendments(connection, held)
        if each.uscc in shown
    ]  # fmt: skip
    return RoundResult(
        state=held.state,
        is_example=publication.is_example(connection, held),
        objections_until=objections.find_last_day(connection, held),
        published_on=None if found is None else found.published_on,
        sha256=None if found is None else found.sha256,
        items=lines,
        amendments=amendments,
    )


def _line(line: PublishedLine) -> ResultLine:
    parts = [published.PublishedPart(*each) for each in line.parts]
    return ResultLine(**{**line._asdict(), "points": line.points / 100, "parts": [_part(each) for each in parts]})


def _unit(unit: PublishedUnit) -> ResultLine:
    return ResultLine(
        rank=unit.rank,
        uscc=unit.uscc,
        name_zh=unit.name_zh,
        name_en=unit.name_en,
        rating=unit.rating,
        published_rating=None,
        exact_hundredths=unit.hundredths,
        points=unit.points / 100,
        parts=[_part(each) for each in unit.parts],
    )


def _part(part: published.PublishedPart) -> ResultPart:
    return ResultPart(
        indicator=part.indicator, source=part.source, exact_hundredths=part.hundredths, points=part.points / 100
    )


def _objection(held: objections.Objection) -> Objection:
    said: dict[str, Any] = held._asdict()
    return Objection(objection=said.pop("objection_id"), **said)


def _draw(held: visits.Draw) -> Draw:
    said = {
        **held._asdict(),
        "visits": [Visit(**{**each._asdict(), "rules": list(each.rules)}) for each in held.visits],
    }
    return Draw(draw=said.pop("draw_id"), **said)
