"""The right of reply: who may object to what, until when, who answers, and what an upheld objection changes."""

from datetime import timedelta
from fractions import Fraction

import psycopg
import pytest

from collector.errors import NotAllowed, RoundError, UnknownDocument, UnknownName
from collector.evaluation.amending import Correction
from collector.evaluation.figures import list_indicators
from collector.evaluation.objections import (
    Answer,
    announce_round,
    answer_objection,
    find_last_day,
    list_amendments,
    list_objections,
    object_to,
)
from collector.evaluation.results import list_results
from collector.evaluation.rounds import find_round
from collector.evaluation.verification import verify_round
from collector.registry.access import Access, Scope
from tests.collector.evaluation.following import (
    AFTER,
    DAYS,
    announced,
    answered,
    closed,
    objection,
    officer,
    ranking,
    said,
    store_document,
)
from tests.collector.evaluation.world import NOW, XIAN, World, by

FULL_AVERAGE = Correction("average_effective", 4000 * 3600, 1)
REFUSED, UPHELD = Answer("refused"), Answer("upheld", FULL_AVERAGE)


def test_a_unit_objects_and_the_evaluator_answers(world: World, dsn: str) -> None:
    held = announced(world)
    assert find_last_day(world.connection, held) == (NOW + timedelta(days=DAYS)).date()
    before = ranking(world)
    number = objection(world, XIAN, 5)
    [found] = list_objections(world.connection, held, is_open=True)
    assert (found.objection_id, found.uscc, found.indicator, found.made_by) == (number, XIAN, 5, "li.na")
    answered(world, number, REFUSED)
    assert list_objections(world.connection, held, is_open=True) == []
    [found] = list_objections(world.connection, held)
    assert (found.verdict, found.answer, found.answered_by) == ("refused", "looked at again", "Wang")
    assert ranking(world) == before
    assert list_amendments(world.connection, held) == []
    assert verify_round(dsn, "2025").differences == []


def test_an_upheld_objection_amends_one_part_and_both_rankings_are_kept(world: World, dsn: str) -> None:
    held = announced(world)
    before = {each.score.uscc: each.score for each in list_results(world.connection, held)}
    loser = max(before.values(), key=lambda each: (each.rank, each.uscc))
    answered(world, objection(world, loser.uscc, 5), UPHELD)
    after = {each.score.uscc: each.score for each in list_results(world.connection, held)}
    amended = after[loser.uscc]
    was = [(each.indicator, each.source, each.hundredths) for each in loser.parts]
    assert [(each.indicator, each.source, each.hundredths) for each in amended.parts] == [
        (5, "average_effective", "2000") if part[:2] == (5, "average_effective") else part for part in was
    ]
    assert Fraction(amended.hundredths) == sum(Fraction(each.hundredths) for each in amended.parts)
    assert {uscc: each.parts for uscc, each in after.items() if uscc != loser.uscc} == {
        uscc: each.parts for uscc, each in before.items() if uscc != loser.uscc
    }
    assert {each.score.uscc: each.score for each in list_results(world.connection, held, upto=0)} == before
    [(_, number, amendment)] = list_amendments(world.connection, held)
    assert (amendment.was, amendment.became) == (
        next(each.hundredths for each in loser.parts if each.source == "average_effective"), "2000",
    )  # fmt: skip
    assert list_objections(world.connection, held)[0].objection_id == number
    compared = verify_round(dsn, "2025")
    assert compared.differences == []
    lines = [line.indicators for line in list_indicators(world.connection, held)]
    assert (
        next(each for each in lines if each.uscc == loser.uscc).measured("average_effective").numerator != 4000 * 3600
    )


def test_experts_points_and_ratings_are_amended_as_well(world: World, dsn: str) -> None:
    held = announced(world)
    answered(world, objection(world, XIAN, 6), Answer("upheld", Correction("experts", hundredths=150)))
    answered(world, objection(world, XIAN, None), Answer("upheld", rating="good"))
    [result] = [each for each in list_results(world.connection, held) if each.score.uscc == XIAN]
    assert [each.hundredths for each in result.score.parts if (each.indicator, each.source) == (6, "experts")] == [
        "150"
    ]
    assert (result.rating, result.why, result.set_by) == ("good", "looked at again", "Wang")
    assert verify_round(dsn, "2025").differences == []


def test_two_amendments_of_one_part_are_told_in_their_order(world: World, dsn: str) -> None:
    held = announced(world)
    answered(world, objection(world, XIAN, 6), Answer("upheld", Correction("experts", hundredths=150)))
    answered(world, objection(world, XIAN, 6), Answer("upheld", Correction("experts", hundredths=160)))
    assert [(each.amendment.was, each.amendment.became) for each in list_amendments(world.connection, held)] == [
        ("2000", "150"),
        ("150", "160"),
    ]
    assert verify_round(dsn, "2025").differences == []


@pytest.mark.parametrize(
    ("about", "answer", "says"),
    [
        (5, Answer("upheld"), "say which figure of which measure is right"),
        (5, Answer("upheld", rating="good"), "say which figure of which measure is right"),
        (None, UPHELD, "is to the rating: say which rating is right"),
        (None, Answer("upheld"), "is to the rating: say which rating is right"),
        (5, Answer("refused", FULL_AVERAGE), "a refused objection changes nothing"),
        (None, Answer("refused", rating="good"), "a refused objection changes nothing"),
        (5, Answer("upheld", Correction("average_effective", 1, 0)), "which numerator and which denominator"),
        (5, Answer("upheld", Correction("average_effective", -1, 1)), "which numerator and which denominator"),
        (5, Answer("upheld", Correction("average_effective", 2**53, 1)), "which numerator and which denominator"),
        (5, Answer("upheld", Correction("sharing_rate_verified", 1, 2)), "they come from average_effective"),
        (5, Answer("upheld", Correction("experts", hundredths=1)), "they come from average_effective"),
        (6, Answer("upheld", Correction("experts", hundredths=2001)), "are 0 to 2000 hundredths"),
        (6, Answer("upheld", Correction("experts", 1, 2)), "are 0 to 2000 hundredths"),
    ],
)
def test_an_answer_that_cannot_be_changes_nothing(world: World, about: int | None, answer: Answer, says: str) -> None:
    held = announced(world)
    before, number = ranking(world), objection(world, XIAN, about)
    with pytest.raises(RoundError, match=says):
        answered(world, number, answer)
    assert ranking(world) == before
    assert len(list_objections(world.connection, held, is_open=True)) == 1


def test_whoever_objects_does_not_answer_and_the_database_says_so_too(world: World) -> None:
    announced(world)
    number = objection(world, XIAN, 5)
    with pytest.raises(NotAllowed, match="another person answers it"), world.connection.transaction():
        answer_objection(world.connection, "2025", number, answer=REFUSED, by=said())
    with pytest.raises(psycopg.errors.RestrictViolation, match="whoever objects does not answer it"):
        world.connection.execute(
            "INSERT INTO round_answer"
            " SELECT objection_id, round_id, 'refused', 'x', made_by, now() FROM round_objection"
        )


def test_an_objection_is_answered_once(world: World) -> None:
    announced(world)
    number = objection(world, XIAN, 5)
    answered(world, number, REFUSED)
    with pytest.raises(RoundError, match="was refused by Wang already"):
        answered(world, number, UPHELD)
    with pytest.raises(UnknownName, match="there is no objection 99"):
        answered(world, 99, REFUSED)


def test_units_object_from_the_announcement_to_the_end_of_the_last_day(world: World) -> None:
    closed(world)
    with pytest.raises(RoundError, match="is in state closed: to object belongs to announced"):
        objection(world, XIAN, 5)
    with pytest.raises(psycopg.errors.RestrictViolation, match="closed takes no line of round_objection"):
        world.connection.execute(
            "INSERT INTO round_objection (round_id, uscc, why, made_by, made_at)"
            " SELECT round_id, uscc, 'x', 'x', now() FROM round_score"
        )
    for days in (0, 366, -1):
        with pytest.raises(RoundError, match="are no term for objections"), world.connection.transaction():
            announce_round(world.connection, "2025", days=days, by=by())
    with world.connection.transaction():
        announce_round(world.connection, "2025", days=DAYS, by=by())
    objection(world, XIAN, 5, now=NOW + timedelta(days=DAYS))
    with pytest.raises(RoundError, match="the term is over"):
        objection(world, XIAN, 5, now=AFTER)


@pytest.mark.parametrize(
    "access",
    [Access("officer", Scope("unit", "12100000400000624D")), Access("reader", Scope("unit", XIAN)), Access("evaluator"),
     Access("officer", Scope("instrument", "A001")), Access(None)],
)  # fmt: skip
def test_nobody_else_objects_for_a_unit(world: World, access: Access) -> None:
    held = announced(world)
    person, _ = officer(world, XIAN)
    with pytest.raises(NotAllowed, match="does not speak for unit"), world.connection.transaction():
        object_to(world.connection, "2025", uscc=XIAN, indicator=5, person=person, access=access, by=said())
    assert list_objections(world.connection, held) == []


def test_an_objection_names_stored_documents_and_real_indicators(world: World) -> None:
    held = announced(world)
    document = store_document(world, "ab")
    objection(world, XIAN, 5, documents=(document, document))
    assert list_objections(world.connection, held)[0].documents == [document]
    with pytest.raises(UnknownDocument):
        objection(world, XIAN, 5, documents=("0" * 64,))
    with pytest.raises(RoundError, match="there is no indicator 9"):
        objection(world, XIAN, 9)
    for _ in range(19):
        objection(world, XIAN, 5)
    with pytest.raises(RoundError, match=r"20 objections of unit .* wait for an answer"):
        objection(world, XIAN, None)


def test_a_unit_sees_its_own_objections(world: World) -> None:
    held = announced(world)
    objection(world, XIAN, 5)
    own, other = Scope("unit", XIAN), Scope("unit", "12100000400000624D")
    assert len(list_objections(world.connection, held, scope=own)) == 1
    assert list_objections(world.connection, held, scope=other) == []
    assert list_objections(world.connection, held, scope=Scope("nothing")) == []


_LONGER = "replace(encode(body, 'escape'), '\"rank\":1', '\"rank\":2')::bytea"
TAMPERED = [
    ("round_amendment", "SET became = '1'", "amendment of "),
    ("round_amendment", "SET indicator = 2", "amendment of "),
    ("round_rescore", f"SET body = {_LONGER}", "amended score of "),
]


@pytest.mark.parametrize(("table", "change", "says"), TAMPERED)
def test_whatever_was_altered_of_it_is_found(world: World, dsn: str, table: str, change: str, says: str) -> None:
    announced(world)
    answered(world, objection(world, XIAN, 5), UPHELD)
    with pytest.raises(psycopg.errors.RestrictViolation, match="inserted, never updated"):
        world.connection.execute(f"UPDATE {table} {change}")
    world.connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    assert world.connection.execute(f"UPDATE {table} {change}").rowcount > 0
    assert any(each.subject.startswith(says) for each in verify_round(dsn, "2025").differences)
    assert find_round(world.connection, "2025").state == "announced"
