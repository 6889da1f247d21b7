"""Rounds of evaluation: what they count and compute, and the steps that people take them.

A unit sees its own members and indicators; points and rankings are in round_points.py.
"""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from collector.api.access import Given, HoldsRounds, Lent, ReadsHours
from collector.api.models import HEX64, USCC, Page
from collector.api.paging import Cursor, Limit, after, page
from collector.api.problem import not_found, responses
from collector.api.round_asked import by_of, do, find, translated
from collector.api.round_models import (
    AskedChoice,
    AskedData,
    AskedRound,
    AskedScheme,
    AskedStep,
    Excluded,
    Indicators,
    Member,
    Quotient,
    Round,
    RoundDetail,
    Rounds,
    Scheme,
    Schemes,
    Step,
)
from collector.errors import UnknownName
from collector.evaluation import figures, indicators, members, rounds, schemes
from collector.evaluation.figures import NamedIndicators
from collector.evaluation.indicators import INDICATOR_OF, nearest
from collector.evaluation.members import Wanted
from collector.evaluation.population import Rules
from collector.evaluation.schemes import EnteredScheme
from collector.registry.access import EVERYTHING

router = APIRouter(prefix="/rounds", tags=["rounds"])

Name = Annotated[str, Path(max_length=40, description="The round's name")]


@router.get("")
def list_rounds(_caller: ReadsHours, connection: Lent) -> Rounds:
    """All rounds, the latest first."""
    return Rounds(items=[Round(**_round(each)) for each in rounds.list_rounds(connection)])


@router.post("", status_code=HTTPStatus.CREATED, responses=responses(400, 403))
def create_round(request: Request, given: Given, caller: HoldsRounds, connection: Lent, asked: AskedRound) -> Round:
    """Begins a round for a year."""
    by = by_of(request, caller, given, asked.why)
    rules = Rules(asked.min_value_fen, asked.over_government_percent)

    def make() -> rounds.Round:
        return rounds.create_round(connection, asked.name, year=asked.year, as_of=asked.as_of, rules=rules, by=by)

    return Round(**_round(do(connection, make)))


@router.get("/schemes")
def list_schemes(_caller: ReadsHours, connection: Lent) -> Schemes:
    """The scoring schemes, the latest first."""
    return Schemes(items=[_scheme(each) for each in schemes.list_schemes(connection)])


@router.post("/schemes", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 413))
def enter_scheme(request: Request, given: Given, caller: HoldsRounds, connection: Lent, asked: AskedScheme) -> Scheme:
    """Enters a scoring scheme; again with the same bytes is harmless. What is wrong is told with its place."""
    raw, by = asked.text.encode("utf-8", "surrogatepass"), by_of(request, caller, given, asked.why)
    return _scheme(do(connection, lambda: schemes.enter_scheme(connection, raw, by=by)))


@router.get(
    "/schemes/{sha256}",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "The bytes"}, **responses(404)},
)
def show_scheme_bytes(
    _caller: ReadsHours, connection: Lent, sha256: Annotated[str, Path(pattern=HEX64, description="Of its bytes")]
) -> Response:
    """The exact bytes of a scheme."""
    try:
        return Response(schemes.find_scheme(connection, sha256).body, media_type="text/plain; charset=utf-8")
    except UnknownName as error:
        raise not_found("scheme", sha256, remedy="/api/v1/rounds/schemes lists those that there are") from error


@router.get("/{name}", responses=responses(404))
def show_round(caller: ReadsHours, connection: Lent, name: Name) -> RoundDetail:
    """One round, with how it came where it is."""
    held = find(connection, name)
    steps = [Step(state=state, why=why, by=by, at=at) for state, why, by, at in rounds.list_steps(connection, held)]
    is_everything = caller.access.scope == EVERYTHING
    whole = figures.list_indicators(connection, held, limit=1) if is_everything else []
    return RoundDetail(**_round(held), steps=steps, all_units=_indicators(whole[0]) if whole else None)


@router.get("/{name}/population", responses=responses(400, 404))
def list_round_members(
    request: Request,
    caller: ReadsHours,
    connection: Lent,
    name: Name,
    is_in: Annotated[bool | None, Query(description="Only those that are counted, or only the others")] = None,
    uscc: Annotated[str | None, Query(pattern=USCC, description="Of this unit")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Member]:
    """Who is counted and who is not, each with its reason; empty before the population is fixed."""
    held = find(connection, name)
    kind, member = (str(part) for part in after(request, cursor, start=["", ""]))
    asked = Wanted(caller.access.scope, is_in, uscc, (kind, member), limit + 1)
    found = members.list_members(connection, held, asked)
    return page(
        request, found, limit=limit, item=lambda each: Member(**each._asdict()), key=lambda it: [it.kind, it.name]
    )


@router.get("/{name}/indicators", responses=responses(400, 404))
def list_round_indicators(
    request: Request, caller: ReadsHours, connection: Lent, name: Name, limit: Limit = 100, cursor: Cursor = None
) -> Page[Indicators]:
    """What was computed of each unit, by code; empty before the figures are taken."""
    held = find(connection, name)
    [uscc] = after(request, cursor, start=[""])
    scope = caller.access.scope
    found = figures.list_indicators(connection, held, scope=scope, after=str(uscc), limit=limit + 1)
    return page(request, found, limit=limit, item=_indicators, key=lambda item: [item.uscc])


@router.post("/{name}/choices", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def choose_round_member(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, name: Name, asked: AskedChoice
) -> Round:
    """Counts an instrument or a facility, or does not; or leaves a unit out. In a draft only."""
    by = by_of(request, caller, given, asked.why)
    do(
        connection,
        lambda: rounds.choose(connection, name, subject=asked.subject, verdict=asked.verdict, by=by),
    )
    return Round(**_round(find(connection, name)))


@router.post("/{name}/population", responses=responses(400, 403, 404))
def fix_round_population(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, name: Name, asked: AskedStep
) -> Round:
    """Fixes who is counted, for good."""
    by = by_of(request, caller, given, asked.why)
    return Round(**_round(do(connection, lambda: members.fix_population(connection, name, by=by))))


@router.post("/{name}/data", responses=responses(400, 403, 404))
def fix_round_data(
    request: Request, given: Given, caller: HoldsRounds, connection: Lent, name: Name, asked: AskedData
) -> Round:
    """Takes the figures of a frozen period, for good. A province's year takes a minute or so."""
    by = by_of(request, caller, given, asked.why)
    # In transactions of its own: writers of grades are held off by the first one only.
    with translated():
        return Round(**_round(figures.fix_data(connection, name, period=asked.frozen, by=by)))


def _round(held: rounds.Round) -> dict[str, Any]:
    return {
        "name": held.name,
        "year": held.year,
        "as_of": held.as_of,
        **held.rules._asdict(),
        "state": held.state,
        "frozen": held.frozen,
        "scheme": held.scheme,
    }


def _scheme(entered: EnteredScheme) -> Scheme:
    parsed = entered.scheme
    return Scheme(
        sha256=entered.sha256,
        name=parsed.name,
        from_day=parsed.from_day,
        is_example=parsed.example,
        why=entered.why,
        entered_by=entered.entered_by,
        entered_at=entered.entered_at,
    )


def _indicators(line: NamedIndicators) -> Indicators:
    found = line.indicators
    return Indicators(
        uscc=found.uscc,
        name_zh=line.name_zh,
        name_en=line.name_en,
        instruments=found.instruments,
        facilities=found.facilities,
        value_fen=found.value_fen,
        excluded=[Excluded(kind=each.kind, reason=each.reason, count=each.count) for each in found.excluded],
        measures=[_quotient(each) for each in found.measures],
        seconds=msgspec.structs.asdict(found.seconds),
        coverage=None if found.coverage is None else nearest(found.coverage * 10_000) / 10_000,
        policies=list(found.policies),
    )


def _quotient(each: indicators.Quotient) -> Quotient:
    is_time = each.measure == "average_effective"
    return Quotient(
        indicator=INDICATOR_OF[each.measure],
        measure=each.measure,
        numerator=each.numerator,
        denominator=each.denominator,
        is_undefined=each.is_undefined,
        value=nearest(each.value / 360) / 10 if is_time else nearest(each.value * 10_000) / 10_000,
    )
