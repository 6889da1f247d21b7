"""Points are blind until all are in, and who may give which is checked before anything is kept."""

import pytest

from collector.errors import RoundError, UnknownName
from collector.evaluation.experts import (
    Award,
    appoint_expert,
    are_open,
    give_points,
    list_points,
    list_progress,
    open_entry,
)
from collector.evaluation.results import close_round
from collector.evaluation.rounds import find_round
from collector.evaluation.schemes import enter_scheme
from tests.collector.evaluation.playing import FULL, SCHEME, draft, give_all, ranked_units, with_data, with_experts
from tests.collector.evaluation.test_scheme import EXAMPLE
from tests.collector.evaluation.world import World, by


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
    assert "read all reports" not in told, "nor why"
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
    for expert, award, says in (
        (ben, Award(unit, 1, 100), "ben is not appointed to indicator 1"),
        (ann, Award(unit, 5, 100), "ann is not appointed to indicator 5"),
        (ann, Award("12610000000000077A", 1, 100), "is not ranked in round 2025"),
        (ann, Award(unit, 1, 501), "501 hundredths of a point for indicator 1: 0 to 500 are expected"),
        (ann, Award(unit, 1, -1), "-1 hundredths of a point for indicator 1"),
    ):
        with pytest.raises(RoundError, match=says), world.connection.transaction():
            give_points(
                world.connection,
                "2025",
                expert,
                awards=[Award(unit, award.indicator if expert == ben else 3, 100), award],
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
