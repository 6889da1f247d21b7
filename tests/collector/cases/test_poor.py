"""A case of a poor unit: a year, remedies and evidence of the unit, a ruling of somebody else, and the next round."""

from datetime import date, timedelta

import psycopg
import pytest

from collector.cases import poor
from collector.cases.poor import PoorCase, find_case, list_cases, list_entries, list_rulings
from collector.errors import CaseError, NotAllowed, RoundError, UnknownName
from collector.evaluation.members import fix_population, list_bars, list_members
from collector.evaluation.rounds import By, choose, create_round, find_round
from collector.evaluation.verification import verify_round
from collector.registry.access import Access, Scope
from tests.collector.evaluation.following import AFTER, officer, published, said, store_document
from tests.collector.evaluation.world import BEIJING, NOW, XIAN, World, by

LATER = NOW.replace(year=2027)


def a_case(world: World) -> int:
    """The number of XIAN's case."""
    published(world, **{f"u{XIAN}": "poor"})
    [case] = list_cases(world.connection, scope=Scope("unit", XIAN))
    return case.case_id


def enter(world: World, number: int, kind: poor.Kind, *, document: str | None = None, who: By | None = None) -> None:
    person, access = officer(world, XIAN)
    with world.connection.transaction():
        poor.enter(
            world.connection, number, kind=kind, document=document, person=person, access=access,
            by=who or said(why="new booking rules"),
        )  # fmt: skip


def rule(world: World, number: int, verdict: poor.Verdict, *, who: By | None = None) -> None:
    with world.connection.transaction():
        poor.rule(world.connection, number, verdict=verdict, by=who or by("seen on site"))


def rectified(world: World, number: int) -> None:
    enter(world, number, "remedy")
    enter(world, number, "evidence", document=store_document(world, "ef"))
    rule(world, number, "accepted")


def next_round(world: World, name: str = "2026") -> set[str]:
    """The reasons with which the next round judges XIAN's instruments."""
    with world.connection.transaction():
        create_round(world.connection, name, year=2026, by=by())
        fix_population(world.connection, name, by=by(now=LATER))
    members = list_members(world.connection, find_round(world.connection, name))
    return {member.reason for member in members if member.uscc == XIAN and member.value_fen is not None}


def test_a_unit_rectifies_within_the_year_and_takes_part_again(judged: World, dsn: str) -> None:
    number = a_case(judged)
    case = find_case(judged.connection, number)
    assert (case.round, case.notice_on, case.due_on) == ("2025", AFTER.date(), date(2027, 1, 31))
    rectified(judged, number)
    case = find_case(judged.connection, number)
    assert case.closed_at == NOW
    assert [(entry.kind, entry.made_by) for entry in list_entries(judged.connection, case)] == [
        ("remedy", "li.na"), ("evidence", "li.na"),
    ]  # fmt: skip
    [ruling] = list_rulings(judged.connection, case)
    assert (ruling.verdict, ruling.why, ruling.made_by) == ("accepted", "seen on site", "Wang")
    assert "meets-rules" in next_round(judged)
    assert verify_round(dsn, "2026").differences == []


def test_who_has_not_rectified_takes_no_part_and_no_choice_brings_him_in(judged: World, dsn: str) -> None:
    number = a_case(judged)
    with judged.connection.transaction():
        create_round(judged.connection, "2026-a", year=2026, by=by())
        choose(judged.connection, "2026-a", subject="facility:F01", verdict="include", by=by())
    bars = list_bars(judged.connection, find_round(judged.connection, "2026-a"))
    [bar] = [each for each in bars if each.uscc == XIAN]
    assert (bar.reason, bar.note) == ("rectifying", f"case {number} of round 2025, due 2027-01-31")
    assert next_round(judged) == {"rectifying"}
    rectified(judged, number)
    assert verify_round(dsn, "2026").differences == [], "the population knows the cases of its day"
    assert "meets-rules" in next_round(judged, "2026-b")


def test_an_earlier_round_is_not_barred_by_a_later_case(judged: World) -> None:
    a_case(judged)
    with judged.connection.transaction():
        create_round(judged.connection, "2025-b", year=2025, by=by())
    assert list_bars(judged.connection, find_round(judged.connection, "2025-b")) == []


def test_a_refused_case_goes_on_and_a_closed_one_takes_nothing_more(judged: World) -> None:
    number = a_case(judged)
    with pytest.raises(CaseError, match="there is nothing to accept yet"):
        rule(judged, number, "accepted")
    enter(judged, number, "remedy")
    with pytest.raises(CaseError, match="or nothing that shows one"):
        rule(judged, number, "accepted")
    rule(judged, number, "refused")
    assert find_case(judged.connection, number).closed_at is None
    rectified(judged, number)
    for go_on in (lambda: enter(judged, number, "remedy"), lambda: rule(judged, number, "refused")):
        with pytest.raises(CaseError, match="was closed on 2026-01-20"):
            go_on()
    for table, columns in (("case_entry", "kind, told"), ("case_ruling", "verdict, why")):
        values = "'remedy', 'x'" if table == "case_entry" else "'refused', 'x'"
        with pytest.raises(psycopg.errors.RestrictViolation, match=f"case {number} is closed"):
            judged.connection.execute(
                f"INSERT INTO {table} (case_id, {columns}, made_by, made_at) VALUES ({number}, {values}, 'x', now())"
            )


def test_whoever_entered_something_does_not_rule(judged: World) -> None:
    number = a_case(judged)
    enter(judged, number, "remedy")
    with pytest.raises(NotAllowed, match="another person rules on it"):
        rule(judged, number, "refused", who=said())
    with pytest.raises(psycopg.errors.RestrictViolation, match="does not rule on it"):
        judged.connection.execute(
            "INSERT INTO case_ruling (case_id, verdict, why, made_by, made_at)"
            " VALUES (%s, 'refused', 'x', 'li.na', now())",
            [number],
        )


def test_only_the_units_own_people_enter_and_evidence_is_a_document(judged: World) -> None:
    number = a_case(judged)
    person, _ = officer(judged, BEIJING, name="zhang")
    with pytest.raises(NotAllowed, match="does not speak for unit"), judged.connection.transaction():
        poor.enter(
            judged.connection, number, kind="remedy", document=None, person=person,
            access=Access("officer", Scope("unit", BEIJING)), by=said("zhang"),
        )  # fmt: skip
    with pytest.raises(CaseError, match="evidence is a document"):
        enter(judged, number, "evidence")
    with pytest.raises(RoundError, match="a reason is needed"):
        enter(judged, number, "remedy", who=said(why=" "))
    with pytest.raises(UnknownName, match="there is no case 99"):
        enter(judged, 99, "remedy")


def test_a_case_is_open_to_the_end_of_its_last_day_and_then_overdue() -> None:
    due = date(2027, 1, 31)
    case = PoorCase(1, "2025", XIAN, "", "", date(2026, 1, 31), due, "Wang", NOW, None)
    assert [case.state(due), case.state(due + timedelta(days=1))] == ["open", "overdue"]
    assert case._replace(closed_at=NOW).state(due + timedelta(days=99)) == "closed"
