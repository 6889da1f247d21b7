"""Objections 异议: a unit's right of reply to its preliminary result, and what the evaluator answers.

When the ranking is announced each unit is shown its own line, and its people may object to an indicator's figure or
points, or to the rating, until the end of the term. The evaluator answers each one, and is nobody who objected. What is
upheld says what is right instead, and is visible for ever: an amendment of that one part (amending.py) with the whole
ranking after it, or a rating that a person sets. The ranking as it was closed stays beside.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from collector.clock import day_of
from collector.errors import NotAllowed, RoundError, UnknownName
from collector.evaluation import amending, scoring
from collector.evaluation.amending import Amendment, Correction
from collector.evaluation.evidence import check_document
from collector.evaluation.results import list_results, rate
from collector.evaluation.rounds import By, Round, check_why, find_round, hold_round, step
from collector.evaluation.scheme import INDICATORS, Rating
from collector.evaluation.schemes import find_scheme
from collector.evaluation.speaking import check_speaks
from collector.evaluation.states import check_deed, check_step
from collector.registry.access import EVERYTHING, Access, Scope
from collector.registry.audit import record_change
from collector.registry.people import Person
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("round_replies")
MAX_DAYS = 365
MAX_OPEN = 20
"""Objections of one unit that may wait for an answer at once: two an indicator, and some of the rating."""
MAX_DOCUMENTS = 32
Verdict = Literal["upheld", "refused"]


class Answer(NamedTuple):
    """What the evaluator says; of an upheld objection also what is right instead, of the indicator or of the rating."""

    verdict: Verdict
    correction: Correction | None = None
    rating: Rating | None = None


class Objection(NamedTuple):
    """An objection; `indicator` None: to the rating. The last four are None while it is open."""

    objection_id: int
    uscc: str
    indicator: int | None
    why: str
    documents: list[str]
    made_by: str
    made_at: datetime
    verdict: Verdict | None
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None


class HeldAmendment(NamedTuple):
    """An amendment, its number, and the objection that it answers."""

    seq: int
    objection_id: int
    amendment: Amendment


def announce_round(connection: Connection, name: str, *, days: int, by: By) -> Round:
    """Shows units their results; they may object until the end of the day so many days on. Raises RoundError."""
    held = hold_round(connection, name)
    check_step(name, held=held.state, wanted="announced")
    if not 1 <= days <= MAX_DAYS:
        raise RoundError(f"{days} days are no term for objections: give 1 to {MAX_DAYS}")
    last_day = _day(by) + timedelta(days=days)
    step(connection, held, "announced", by=by, new={"objections_until": last_day.isoformat()})
    connection.execute(_SQL.insert_announcement, {"round_id": held.round_id, "last_day": last_day})
    return find_round(connection, name)


def find_last_day(connection: Connection, held: Round) -> date | None:
    """Until the end of which local day units may object; None before the result is announced."""
    row = connection.execute(_SQL.find_announcement, {"round_id": held.round_id}).fetchone()
    return None if row is None else row[0]


def object_to(
    connection: Connection,
    name: str,
    *,
    uscc: str,
    indicator: int | None,
    documents: Sequence[str] = (),
    person: Person,
    access: Access,
    by: By,
) -> int:
    """Keeps an objection and returns its number. Raises RoundError, NotAllowed, UnknownName, UnknownDocument."""
    held = hold_round(connection, name)
    check_deed(name, held=held.state, deed="object")
    check_why(by.why)
    check_speaks(connection, person, access, uscc=uscc)
    last_day = find_last_day(connection, held)
    assert last_day is not None, "it is announced"
    if _day(by) > last_day:
        raise RoundError(f"objections to round {name} were taken until {last_day}: the term is over")
    if indicator is not None and indicator not in INDICATORS:
        raise RoundError(f"there is no indicator {indicator}: object to one of 1 to 8, or to the rating")
    if uscc not in {result.score.uscc for result in list_results(connection, held)}:
        raise RoundError(f"unit {uscc} is not ranked in round {name}: there is nothing to object to")
    _check_count(connection, held, uscc, documents)
    values = {"round_id": held.round_id, "uscc": uscc, "indicator": indicator, **by.values}
    row = connection.execute(_SQL.insert_objection, values).fetchone()
    assert row is not None, "it was inserted"
    for document in sorted(set(documents)):
        check_document(connection, document)
        connection.execute(_SQL.insert_objection_document, {"objection_id": row[0], "document": document})
    new = {"objection": row[0], "unit": uscc, "indicator": indicator}
    record_change(connection, by.actor, "round.object", target=name, new=new, reason=by.why)
    return int(row[0])


def answer_objection(connection: Connection, name: str, number: int, *, answer: Answer, by: By) -> None:
    """Answers one, and amends where it is upheld, for good. Raises RoundError, NotAllowed, UnknownName."""
    held = hold_round(connection, name)
    check_deed(name, held=held.state, deed="answer")
    check_why(by.why)
    found = find_objection(connection, held, number)
    if found.verdict is not None:
        raise RoundError(f"objection {number} was {found.verdict} by {found.answered_by} already")
    if found.made_by == by.actor.name:
        raise NotAllowed(f"objection {number} is of {found.made_by}: another person answers it")
    _check_answer(found, answer)
    values = {"objection_id": number, "round_id": held.round_id, "verdict": answer.verdict, **by.values}
    connection.execute(_SQL.insert_answer, values)
    new: dict[str, object] = {"objection": number, "verdict": answer.verdict}
    if answer.correction is not None:
        amendment = _amend(connection, held, found, answer.correction)
        new |= {"source": amendment.correction.source, "was": amendment.was, "became": amendment.became}
    if answer.rating is not None:
        rate(connection, held, uscc=found.uscc, rating=answer.rating, by=by)
    record_change(connection, by.actor, "round.answer", target=name, new=new, reason=by.why)


def list_objections(
    connection: Connection,
    held: Round,
    *,
    scope: Scope = EVERYTHING,
    number: int | None = None,
    is_open: bool | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[Objection]:
    """Objections of the units in a scope, by number."""
    values = {
        **scope.values,
        "round_id": held.round_id,
        "number": number,
        "is_open": is_open,
        "after": after,
        "limit": limit,
    }
    rows = connection.execute(_SQL.list_objections, values)
    return [Objection(*row) for row in rows]


def find_objection(connection: Connection, held: Round, number: int, *, scope: Scope = EVERYTHING) -> Objection:
    """One objection; UnknownName where there is none of that number in the scope."""
    found = list_objections(connection, held, scope=scope, number=number)
    if not found:
        raise UnknownName(f"there is no objection {number} to round {held.name}: the list shows those there are")
    return found[0]


def list_amendments(connection: Connection, held: Round) -> list[HeldAmendment]:
    """What upheld objections changed, in order."""
    rows = connection.execute(_SQL.list_amendments, {"round_id": held.round_id})
    return [
        HeldAmendment(seq, objection_id, Amendment(uscc, indicator, Correction(*said), was, became))
        for seq, objection_id, uscc, indicator, was, became, *said in rows
    ]


def _amend(connection: Connection, held: Round, found: Objection, correction: Correction) -> Amendment:
    assert held.scheme is not None, "it has one from the state `experts` on"
    assert found.indicator is not None, "a correction is of an indicator"
    scores = [result.score for result in list_results(connection, held)]
    scheme = find_scheme(connection, held.scheme).scheme
    amendment, ranking = amending.amend(
        scores, scheme, uscc=found.uscc, indicator=found.indicator, correction=correction
    )
    values = {
        "objection_id": found.objection_id,
        "round_id": held.round_id,
        "uscc": found.uscc,
        "indicator": found.indicator,
        **correction._asdict(),
        "was": amendment.was,
        "became": amendment.became,
    }
    row = connection.execute(_SQL.insert_amendment, values).fetchone()
    assert row is not None, "it was inserted"
    of_round = {"amendment": row[0], "round_id": held.round_id}
    with connection.cursor() as cursor:
        lines = ({**of_round, "uscc": each.uscc, "body": scoring.encode(each)} for each in ranking)
        cursor.executemany(_SQL.insert_rescore, lines)
    return amendment


def _check_count(connection: Connection, held: Round, uscc: str, documents: Sequence[str]) -> None:
    if len(documents) > MAX_DOCUMENTS:
        raise RoundError(f"{len(documents)} documents are too many for one objection: at most {MAX_DOCUMENTS}")
    waiting = list_objections(connection, held, scope=Scope("unit", uscc), is_open=True)
    if len(waiting) >= MAX_OPEN:
        raise RoundError(f"{len(waiting)} objections of unit {uscc} wait for an answer, the most that may")


def _check_answer(found: Objection, answer: Answer) -> None:
    """An upheld objection says what is right instead, of the kind that was objected to; a refused one says nothing."""
    said = (answer.correction is not None, answer.rating is not None)
    if answer.verdict == "refused":
        if any(said):
            raise RoundError("a refused objection changes nothing: leave figures, points and rating out")
    elif found.indicator is None:
        if said != (False, True):
            raise RoundError(f"objection {found.objection_id} is to the rating: say which rating is right")
    elif said != (True, False):
        raise RoundError(
            f"objection {found.objection_id} is to indicator {found.indicator}: say which figure of which measure is "
            "right, or which points of the experts"
        )


def _day(by: By) -> date:
    return day_of(by.now)
