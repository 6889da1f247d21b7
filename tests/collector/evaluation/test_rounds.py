"""The life of a round: each step once and in order, every choice with its reason, points blind until all are in."""

from datetime import date, timedelta

import psycopg
import pytest

from collector.errors import BadUscc, RoundError, SchemeError, UnknownName
from collector.evaluation.experts import (
    Gift,
    appoint_expert,
    are_open,
    give_points,
    list_points,
    list_progress,
    open_entry,
)
from collector.evaluation.figures import fix_data, list_figures, list_indicators
from collector.evaluation.members import Wanted, fix_population, list_members
from collector.evaluation.population import Rules
from collector.evaluation.results import close_round, list_results, set_rating
from collector.evaluation.rounds import Round, choose, create_round, find_round, list_rounds, list_steps
from collector.evaluation.schemes import enter_scheme, find_scheme, list_schemes
from collector.evaluation.scoring import ranked
from collector.evaluation.states import FOLLOWS, STATES, WHERE, check_deed, check_step
from collector.evaluation.verification import verify_round
from collector.registry import instruments
from collector.registry.people import Person
from tests.collector.evaluation.test_scheme import EXAMPLE
from tests.collector.evaluation.world import BEIJING, FIRST, LAST, LIMIT_FEN, NOW, XIAN, Held, World, by, generate
from tests.collector.province import Province

SCHEME = EXAMPLE.replace("from_day = 2026-01-01", "from_day = 2025-01-01")
FULL = {1: 500, 3: 1000, 4: 1000, 6: 2000, 8: 1000}


def draft(world: World, **more: object) -> Round:
    with world.connection.transaction():
        return create_round(world.connection, "2025", year=2025, by=by("the notice"), **more)  # type: ignore[arg-type]


def with_population(world: World) -> Round:
    draft(world)
    with world.connection.transaction():
        return fix_population(world.connection, "2025", by=by())


def with_data(world: World) -> Round:
    with_population(world)
    return fix_data(world.connection, "2025", period="2025", by=by())


def with_experts(world: World, *names: str, scheme: str = SCHEME) -> list[Person]:
    """Experts of all their indicators, and the entry open."""
    with_data(world)
    experts = [world.person(name, "expert") for name in names]
    with world.connection.transaction():
        for name in names:
            appoint_expert(world.connection, "2025", name, indicators=FULL, by=by())
        entered = enter_scheme(world.connection, scheme.encode(), by=by())
        open_entry(world.connection, "2025", scheme=entered.sha256[:8], by=by())
    return experts


def ranked_units(world: World) -> list[str]:
    held = find_round(world.connection, "2025")
    return [each.uscc for each in ranked(line.indicators for line in list_indicators(world.connection, held))]


def give_all(world: World, expert: Person, *, less: int = 0) -> None:
    gifts = [Gift(uscc, number, most - less) for uscc in ranked_units(world) for number, most in FULL.items()]
    with world.connection.transaction():
        give_points(world.connection, "2025", expert, gifts=gifts, by=by("read all reports", name=expert.name))


def test_a_round_goes_from_its_draft_to_its_ranking(world: World, dsn: str) -> None:
    ann, ben = with_experts(world, "ann", "ben")
    give_all(world, ann)
    give_all(world, ben, less=100)
    with world.connection.transaction():
        closed = close_round(world.connection, "2025", by=by("all are in"))
    assert (closed.state, closed.frozen, closed.as_of) == ("closed", "2025", LAST)
    steps = list_steps(world.connection, closed)
    assert [step.state for step in steps] == list(STATES)
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
    for before in ("draft", "population", "data", "experts", "closed"):
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


def test_an_expert_sees_his_own_points_until_all_are_in(world: World) -> None:
    ann, ben = with_experts(world, "ann", "ben")
    inspector = world.person("inspector", "inspector")
    give_all(world, ann, less=13)
    held = find_round(world.connection, "2025")
    wanted = len(FULL) * len(ranked_units(world))
    assert [tuple(each) for each in list_progress(world.connection, held)] == [
        ("ann", wanted, wanted),
        ("ben", 0, wanted),
    ]
    assert not are_open(world.connection, held)
    assert {each.expert for each in list_points(world.connection, held, seen_by=ann)} == {"ann"}
    assert list_points(world.connection, held, seen_by=ben) == []
    assert list_points(world.connection, held, seen_by=inspector) == []
    told = str(world.province.rows("SELECT old, new, reason FROM audit"))
    assert not any(str(most) in told for most in (487, 987, 1987)), "the trail does not tell how much"
    give_all(world, ben, less=100)
    assert are_open(world.connection, held)
    for person in (ann, ben, inspector):
        assert len(list_points(world.connection, held, seen_by=person)) == 2 * wanted


def test_until_then_points_may_be_given_again_and_the_first_ones_are_kept(world: World) -> None:
    ann, _ = with_experts(world, "ann", "ben")
    give_all(world, ann)
    give_all(world, ann, less=50)
    held = find_round(world.connection, "2025")
    points = list_points(world.connection, held, seen_by=ann)
    assert {each.hundredths for each in points} == {most - 50 for most in FULL.values()}
    assert world.province.rows("SELECT count(*) FROM round_points") == [(2 * len(points),)]


def test_when_all_are_in_nothing_is_changed_any_more(world: World) -> None:
    [ann] = with_experts(world, "ann")
    give_all(world, ann)
    with pytest.raises(RoundError, match="all points of round 2025 are in and everybody may see them"):
        give_all(world, ann, less=50)


def test_a_round_may_close_over_an_expert_who_gave_nothing_and_opens_the_points(world: World) -> None:
    ann, ben = with_experts(world, "ann", "ben")
    with pytest.raises(RoundError, match=r"nobody gave points to .* indicator 1"), world.connection.transaction():
        close_round(world.connection, "2025", by=by())
    assert find_round(world.connection, "2025").state == "experts"
    give_all(world, ann)
    with world.connection.transaction():
        closed = close_round(world.connection, "2025", by=by("ben fell ill"))
    assert len(list_points(world.connection, closed, seen_by=ben)) > 0
    with pytest.raises(RoundError, match="is in state closed: to give points belongs to experts"):
        give_all(world, ben)


def test_points_that_cannot_be_are_refused_all_together(world: World) -> None:
    [ann] = with_experts(world, "ann")
    ben, unit = world.person("ben", "expert"), ranked_units(world)[0]
    for expert, gift, says in (
        (ben, Gift(unit, 1, 100), "ben is not appointed to indicator 1"),
        (ann, Gift(unit, 5, 100), "ann is not appointed to indicator 5"),
        (ann, Gift("12610000000000077A", 1, 100), "is not ranked in round 2025"),
        (ann, Gift(unit, 1, 501), "501 hundredths of a point for indicator 1: 0 to 500 are expected"),
        (ann, Gift(unit, 1, -1), "-1 hundredths of a point for indicator 1"),
    ):
        with pytest.raises(RoundError, match=says), world.connection.transaction():
            give_points(
                world.connection,
                "2025",
                expert,
                gifts=[Gift(unit, gift.indicator if expert == ben else 3, 100), gift],
                by=by(),
            )
    assert world.province.rows("SELECT count(*) FROM round_points") == [(0,)]


def test_who_may_be_an_expert_of_what(world: World) -> None:
    draft(world)
    world.person("reader", "reader")
    world.person("ann", "expert")
    with pytest.raises(RoundError, match="reader is reader over everything and may give no points"):
        appoint_expert(world.connection, "2025", "reader", indicators=[1], by=by())
    with pytest.raises(RoundError, match="indicator 5 is none that experts give points to"):
        appoint_expert(world.connection, "2025", "ann", indicators=[1, 5], by=by())
    with pytest.raises(UnknownName):
        appoint_expert(world.connection, "2025", "nobody", indicators=[1], by=by())


def test_the_entry_opens_with_a_scheme_that_holds_and_experts_for_all_of_it(world: World) -> None:
    with_data(world)
    world.person("ann", "expert")
    with world.connection.transaction():
        later = enter_scheme(world.connection, EXAMPLE.encode(), by=by())
        fitting = enter_scheme(world.connection, SCHEME.encode(), by=by())
        appoint_expert(world.connection, "2025", "ann", indicators=[1, 3, 4], by=by())
    for scheme, says in (
        (later.sha256, "holds for years from 2026-01-01 on, and round 2025 is of 2025"),
        (fitting.sha256, "nobody gives points to indicator 6, 8: appoint an expert"),
        ("12345678", "no single scheme begins with '12345678'"),
        (fitting.sha256[:4], "no single scheme begins with"),
    ):
        with pytest.raises((RoundError, UnknownName), match=says), world.connection.transaction():
            open_entry(world.connection, "2025", scheme=scheme, by=by())
    assert find_round(world.connection, "2025").state == "data"


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
