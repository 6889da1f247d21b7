"""The life of a round: each step once and in order, every choice with its reason, and whatever was altered is found."""

from datetime import date, timedelta

import psycopg
import pytest

from collector.errors import BadUscc, RoundError, SchemeError, UnknownName
from collector.evaluation.figures import fix_data, list_figures
from collector.evaluation.members import Wanted, fix_population, list_members
from collector.evaluation.population import Rules
from collector.evaluation.results import close_round, list_results, set_rating
from collector.evaluation.rounds import choose, create_round, find_round, list_rounds, list_steps
from collector.evaluation.schemes import enter_scheme, find_scheme, list_schemes
from collector.evaluation.states import FOLLOWS, STATES, WHERE, check_deed, check_step
from collector.evaluation.verification import verify_round
from collector.registry import instruments
from tests.collector.evaluation.playing import (
    FULL,
    SCHEME,
    draft,
    give_all,
    ranked_units,
    with_data,
    with_experts,
    with_population,
)
from tests.collector.evaluation.world import BEIJING, FIRST, LAST, LIMIT_FEN, NOW, XIAN, Held, World, by, generate
from tests.collector.province import Province


def test_a_round_goes_from_its_draft_to_its_ranking(world: World, dsn: str) -> None:
    ann, ben = with_experts(world, "ann", "ben")
    give_all(world, ann)
    give_all(world, ben, less=100)
    with world.connection.transaction():
        closed = close_round(world.connection, "2025", by=by("all are in"))
    assert (closed.state, closed.frozen, closed.as_of) == ("closed", "2025", LAST)
    steps = list_steps(world.connection, closed)
    assert [step.state for step in steps] == list(STATES[: STATES.index("closed") + 1])
    assert (steps[0].why, steps[0].made_by, steps[0].made_at) == ("the notice", "Wang", NOW)
    results = list_results(world.connection, closed)
    assert sorted(each.score.uscc for each in results) == ranked_units(world)
    assert [each.score.rank for each in results] == sorted(each.score.rank for each in results)
    experts = {part.indicator: part.hundredths for part in results[0].score.parts if part.source == "experts"}
    assert experts == {number: str(most - 50) for number, most in FULL.items()}
    verified = verify_round(dsn, "2025")
    assert verified.differences == []
    assert verified.compared > len(results)
    actions = [row[0] for row in world.province.rows("SELECT action FROM audit WHERE target = '2025' ORDER BY seq")]
    assert actions[:3] == ["round.create", "round.population", "round.data"]
    assert actions[-4:] == ["round.experts", "round.give-points", "round.give-points", "round.closed"]


def test_the_database_knows_the_same_steps_as_the_program(world: World) -> None:
    draft(world)
    for before in STATES:
        for wanted in STATES:
            is_next = FOLLOWS.get(wanted) == before
            if not is_next:
                with pytest.raises(psycopg.errors.RestrictViolation, match=f"a round that is {before} cannot become"):
                    _step(world, wanted)
        following = [state for state, held in FOLLOWS.items() if held == before]
        for state in following:
            _step(world, state)


def _step(world: World, state: str) -> None:
    world.connection.execute(
        "INSERT INTO round_step (round_id, state, why, made_by, made_at)"
        " SELECT round_id, %s, 'x', 'x', now() FROM round",
        [state],
    )


@pytest.mark.parametrize("wanted", STATES)
@pytest.mark.parametrize("held", STATES)
def test_what_the_table_of_states_does_not_name_is_refused(held: str, wanted: str) -> None:
    if FOLLOWS.get(wanted) == held:  # type: ignore[call-overload]
        check_step("2025", held=held, wanted=wanted)  # type: ignore[arg-type]
    else:
        with pytest.raises(RoundError, match=f"round 2025 is in state {held}: {wanted} cannot follow; "):
            check_step("2025", held=held, wanted=wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize("deed", WHERE)
@pytest.mark.parametrize("held", STATES)
def test_a_deed_belongs_to_its_states(held: str, deed: str) -> None:
    if held in WHERE[deed]:  # type: ignore[index]
        check_deed("2025", held=held, deed=deed)  # type: ignore[arg-type]
    else:
        with pytest.raises(RoundError, match=f"is in state {held}: to {deed} belongs to"):
            check_deed("2025", held=held, deed=deed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"name": "2024", "year": 2025}, "'2024' is no name of a round of 2025: it begins with the year"),
        ({"name": "2025 trial", "year": 2025}, "is no name of a round of 2025"),
        ({"name": "2025", "year": 1999}, "year is 1999: 2000 to 2199 is expected"),
        ({"name": "2025", "year": 2025, "as_of": date(2026, 1, 1)}, "as_of is 2026-01-01: a day of 2025 is expected"),
        ({"name": "2025", "year": 2025, "rules": Rules(0)}, "min_value_fen is 0: give the smallest value in fen"),
        ({"name": "2025", "year": 2025, "by": by(" ")}, "a reason is needed, on one line"),
        ({"name": "2025", "year": 2025, "by": by("a\nb")}, "a reason is needed, on one line"),
    ],
)
def test_an_impossible_round_is_refused_with_the_reason(province: Province, said: dict[str, object], says: str) -> None:
    with pytest.raises(RoundError, match=says), province.connection.transaction():
        create_round(province.connection, **{"by": by(), **said})  # type: ignore[arg-type]
    assert list_rounds(province.connection) == []


def test_a_name_is_taken_once_and_an_unknown_one_is_said(world: World) -> None:
    draft(world)
    with pytest.raises(RoundError, match="there is a round 2025 already"):
        draft(world)
    with pytest.raises(UnknownName, match="there is no round '2026'"):
        find_round(world.connection, "2026")


def test_who_is_counted_is_not_fixed_before_the_day_is_over(world: World) -> None:
    draft(world)
    early = by(now=NOW - timedelta(days=21))
    with pytest.raises(RoundError, match="2025-12-31 is not over yet"), world.connection.transaction():
        fix_population(world.connection, "2025", by=early)


def test_a_person_decides_who_is_counted_and_every_word_of_it_is_kept(world: World) -> None:
    draft(world)
    world.add(Held("CHEAP", LIMIT_FEN - 1, LIMIT_FEN - 1, True, [(date(2020, 1, 1), XIAN)]))
    with world.connection.transaction():
        choose(world.connection, "2025", subject="instrument:CHEAP", verdict="exclude", by=by("too cheap"))
        choose(world.connection, "2025", subject="instrument:CHEAP", verdict="include", by=by("part of a facility"))
        choose(world.connection, "2025", subject=f"unit:{BEIJING}", verdict="exclude", by=by("rectifying since 2024"))
        fix_population(world.connection, "2025", by=by())
    held = find_round(world.connection, "2025")
    [cheap] = [each for each in list_members(world.connection, held) if each.name == "CHEAP"]
    assert (cheap.is_in, cheap.reason, cheap.note) == (True, "by-choice", "part of a facility")
    beijing = list_members(world.connection, held, Wanted(uscc=BEIJING))
    assert {(each.is_in, each.reason) for each in beijing if each.value_fen} == {(False, "unit-left-out")}
    assert world.province.rows("SELECT count(*) FROM round_choice") == [(3,)]
    with pytest.raises(RoundError, match="round 2025 is in state population: to choose belongs to draft"):
        choose(world.connection, "2025", subject="instrument:CHEAP", verdict="exclude", by=by())


@pytest.mark.parametrize(
    "subject", ["instrument:NONE", "facility:A000", "A000", "person:li", "unit:91610131MA6TYUUC75", "unit:", ""]
)
def test_what_nobody_registered_is_not_chosen(world: World, subject: str) -> None:
    draft(world)
    with pytest.raises((UnknownName, BadUscc)), world.connection.transaction():
        choose(world.connection, "2025", subject=subject, verdict="include", by=by())


def test_what_the_registry_learns_later_changes_no_population(world: World, dsn: str) -> None:
    with_population(world)
    held = find_round(world.connection, "2025")
    before = list_members(world.connection, held)
    for member in before:
        if member.kind == "instrument":
            instruments.register_owner(world.connection, member.name, uscc=XIAN, from_day=FIRST)
    world.add(Held("LATE", LIMIT_FEN, LIMIT_FEN, True, [(date(2020, 1, 1), XIAN)]))
    assert list_members(world.connection, held) == before
    assert verify_round(dsn, "2025").differences == []


def test_an_open_year_has_no_frozen_period_and_the_command_is_named(province: Province) -> None:
    world = generate(province, 3)
    with_population(world)
    with pytest.raises(RoundError) as caught:
        fix_data(world.connection, "2025", period="2025", by=by())
    assert "nothing is frozen under the name '2025'" in str(caught.value)
    assert "none fits; make one: jishi-collector freeze 2025 --from 2025-01-01 --until 2025-12-31" in str(caught.value)
    assert find_round(world.connection, "2025").state == "population"


@pytest.mark.parametrize(
    "period",
    [{"first": FIRST + timedelta(days=1)}, {"last": LAST - timedelta(days=1)}, {"unit": XIAN},
     {"first": FIRST - timedelta(days=1)}],
)  # fmt: skip
def test_a_period_that_is_not_the_whole_year_of_every_unit_does_not_fit(
    world: World, period: dict[str, object]
) -> None:
    with_population(world)
    world.freeze("part", **period)  # type: ignore[arg-type]
    with pytest.raises(RoundError, match=r"round 2025 needs all of 2025 of every unit; that fit: 2025$"):
        fix_data(world.connection, "2025", period="part", by=by())


def test_an_owner_that_changed_between_population_and_freezing_is_told(province: Province) -> None:
    world = generate(province, 7)
    with_population(world)
    held = find_round(world.connection, "2025")
    member = next(
        each for each in list_members(world.connection, held, Wanted(is_in=True)) if each.kind == "instrument"
    )
    other = XIAN if member.uscc == BEIJING else BEIJING
    instruments.register_owner(world.connection, member.name, uscc=other, from_day=LAST)
    world.connection.execute("DELETE FROM dirty_day")
    world.freeze()
    with pytest.raises(RoundError, match=f"1 instruments had another owner on 2025-12-31 .*\n  {member.name}: "):
        fix_data(world.connection, "2025", period="2025", by=by())


def test_days_without_grades_are_told(province: Province) -> None:
    world = generate(province, 7)
    for table in ("closed_grade",):
        world.connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        world.connection.execute(f"DELETE FROM {table}")
    world.freeze()
    with_population(world)
    with pytest.raises(RoundError, match=r"frozen days of A0.* have no grades: they were frozen before"):
        fix_data(world.connection, "2025", period="2025", by=by())


def test_a_decision_after_the_figures_were_taken_changes_nothing(world: World, dsn: str) -> None:
    held = with_data(world)
    before = list_figures(world.connection, held)
    counted = {each.asset_no for each in before if each.seconds.d_s}
    day = next(each for each in world.days if each.asset_no in counted and each.accepted_s < each.by_grade["D"])
    world.regrade(day, number=2, accepted_s=day.by_grade["D"])
    assert verify_round(dsn, "2025").differences == []
    with world.connection.transaction():
        create_round(world.connection, "2025-again", year=2025, by=by())
        fix_population(world.connection, "2025-again", by=by())
    again = list_figures(world.connection, fix_data(world.connection, "2025-again", period="2025", by=by()))
    gained = sum(each.seconds.counted_s for each in again) - sum(each.seconds.counted_s for each in before)
    assert gained > 0


def test_a_scheme_is_kept_as_its_bytes_once(world: World) -> None:
    with world.connection.transaction():
        first = enter_scheme(world.connection, SCHEME.encode(), by=by("decided on 3 March"))
        again = enter_scheme(world.connection, SCHEME.encode(), by=by("once more"))
        with pytest.raises(SchemeError):
            enter_scheme(world.connection, SCHEME.replace("1 = 5 ", "1 = 4 ").encode(), by=by())
    assert first == again == find_scheme(world.connection, first.sha256[:8])
    assert [each.body for each in list_schemes(world.connection)] == [SCHEME.encode()]
    assert first.why == "decided on 3 March"


def test_a_person_rates_otherwise_with_a_reason_and_the_schemes_word_stays_beside_it(world: World, dsn: str) -> None:
    [ann] = with_experts(world, "ann")
    give_all(world, ann)
    with world.connection.transaction():
        closed = close_round(world.connection, "2025", by=by())
    [first, *_] = list_results(world.connection, closed)
    with world.connection.transaction():
        set_rating(world.connection, "2025", uscc=first.score.uscc, rating="poor", by=by("proved false report"))
        with pytest.raises(RoundError, match="is not ranked in round 2025"):
            set_rating(world.connection, "2025", uscc="12610000000000077A", rating="poor", by=by())
    [now, *_] = list_results(world.connection, closed)
    assert (now.rating, now.why, now.set_by) == ("poor", "proved false report", "Wang")
    assert now.score == first.score
    assert verify_round(dsn, "2025").differences == []


_LONGER = "replace(encode(body, 'escape'), '\"counted_s\":', '\"counted_s\":1')::bytea"
TAMPERED = {
    "round_member": ("SET is_in = NOT is_in WHERE name = 'F01'", "facility F01"),
    "round_figure": ("SET hand_s = hand_s + 1", "figures of A"),
    "round_indicators": (f"SET body = {_LONGER}", "indicators of "),
    "round_score": ("SET body = replace(encode(body, 'escape'), '\"rank\":1', '\"rank\":2')::bytea", "score of "),
    "closed_grade": (f"SET body = {_LONGER}, sha256 = encode(sha256({_LONGER}), 'hex')", "figures of A"),
}


@pytest.mark.parametrize("table", TAMPERED)
def test_whatever_was_altered_behind_the_program_is_found(world: World, dsn: str, table: str) -> None:
    [ann] = with_experts(world, "ann")
    give_all(world, ann)
    with world.connection.transaction():
        close_round(world.connection, "2025", by=by())
    change, says = TAMPERED[table]
    with pytest.raises(psycopg.errors.RestrictViolation, match="inserted, never updated"):
        world.connection.execute(f"UPDATE {table} {change}")
    world.connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    assert world.connection.execute(f"UPDATE {table} {change}").rowcount > 0
    assert any(each.subject.startswith(says) for each in verify_round(dsn, "2025").differences)
