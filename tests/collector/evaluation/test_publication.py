"""Publishing: when it may be, what everybody then sees, that nothing of it changes, and who gets a case."""

import hashlib
import json
from datetime import date, timedelta

import psycopg
import pytest

from collector.errors import RoundError
from collector.evaluation.members import fix_population, list_members
from collector.evaluation.objections import Answer, announce_round
from collector.evaluation.publication import find_publication, list_published, publish_round
from collector.evaluation.results import list_results, set_rating
from collector.evaluation.rounds import create_round, find_round
from collector.evaluation.verification import verify_round
from collector.evaluation.visits import draw_visits
from collector.registry import units
from tests.collector.evaluation.following import AFTER, DAYS, announced, answered, closed, objection, published
from tests.collector.evaluation.test_objections import UPHELD
from tests.collector.evaluation.world import NOW, XIAN, World, by


def publish(world: World) -> None:
    with world.connection.transaction():
        publish_round(world.connection, "2025", by=by(now=AFTER))


def test_the_result_is_published_as_bytes_with_a_hash(world: World, dsn: str) -> None:
    made = published(world)
    held = find_round(world.connection, "2025")
    assert held.state == "published"
    assert find_publication(world.connection, held) == made
    assert made.sha256 == hashlib.sha256(made.body).hexdigest()
    assert made.published_on == AFTER.date()
    said = json.loads(made.body)
    results = list_results(world.connection, held)
    assert [unit["uscc"] for unit in said["units"]] == [each.score.uscc for each in results]
    assert said["is_example"] is True
    assert (said["round"], said["year"], said["frozen"], said["scheme"]) == ("2025", 2025, "2025", held.scheme)
    assert "Wang" not in made.body.decode()
    assert "ann" not in made.body.decode()
    lines = list_published(world.connection, held)
    assert [(each.rank, each.uscc, each.rating) for each in lines] == [
        (each.score.rank, each.score.uscc, each.rating) for each in results
    ]
    assert sum(part[3] for part in lines[0].parts) == pytest.approx(lines[0].points, abs=3)
    assert verify_round(dsn, "2025").differences == []


def test_amendments_are_part_of_what_is_published(world: World, dsn: str) -> None:
    announced(world)
    number = objection(world, XIAN, 5)
    answered(world, number, UPHELD)
    publish(world)
    found = find_publication(world.connection, find_round(world.connection, "2025"))
    assert found is not None
    [amendment] = found.published.amendments
    assert (amendment.objection, amendment.uscc, amendment.became) == (number, XIAN, "2000")
    assert verify_round(dsn, "2025").differences == []


def test_seeds_are_published_with_whom_they_drew_and_not_whom_flags_chose(world: World, dsn: str) -> None:
    closed(world)
    with world.connection.transaction():
        drawn = draw_visits(world.connection, "2025", seed="4 2 6 1 5", by_flags=0, by_seed=1, by=by())
        draw_visits(world.connection, "2025", seed="1", by_flags=2, by_seed=0, by=by())
        announce_round(world.connection, "2025", days=DAYS, by=by())
    publish(world)
    found = find_publication(world.connection, find_round(world.connection, "2025"))
    assert found is not None
    assert [(each.seed, each.count, each.units) for each in found.published.draws] == [
        ("4 2 6 1 5", 1, (drawn.visits[0].uscc,))
    ]
    assert verify_round(dsn, "2025").differences == []


def test_nothing_is_published_before_the_term_is_over_and_each_objection_answered(world: World) -> None:
    closed(world)
    with pytest.raises(RoundError, match="is in state closed: published cannot follow"):
        publish(world)
    world.connection.execute(
        "INSERT INTO round_step (round_id, state, why, made_by, made_at) SELECT round_id, 'announced', 'x', 'x', now()"
        " FROM round"
    )
    last_day = (NOW + timedelta(days=DAYS)).date()
    world.connection.execute("INSERT INTO round_announcement SELECT round_id, %s FROM round", [last_day])
    on_the_last_day = by(now=NOW + timedelta(days=DAYS))
    with pytest.raises(RoundError, match="until the end of 2026-01-30: publish"), world.connection.transaction():
        publish_round(world.connection, "2025", by=on_the_last_day)
    number = objection(world, XIAN, 5)
    with pytest.raises(RoundError, match=rf"1 objections to round 2025 are open \({number}\): answer them first"):
        publish(world)
    with pytest.raises(psycopg.errors.RestrictViolation, match="with open objections cannot become published"):
        world.connection.execute(
            "INSERT INTO round_step (round_id, state, why, made_by, made_at)"
            " SELECT round_id, 'published', 'x', 'x', now() FROM round"
        )
    answered(world, number, Answer("refused"))
    publish(world)


def test_a_year_has_one_published_round(world: World) -> None:
    published(world)
    with world.connection.transaction():
        create_round(world.connection, "2025-again", year=2025, by=by())
    world.connection.execute(
        "INSERT INTO round_publication (round_id, sha256, body, published_on)"
        " SELECT n.round_id, p.sha256, p.body, p.published_on FROM round n, round_publication p"
        " WHERE n.name = '2025-again'"
    )
    world.connection.execute("ALTER TABLE round_publication DISABLE TRIGGER USER")
    world.connection.execute(
        "DELETE FROM round_publication WHERE round_id = (SELECT round_id FROM round WHERE name = '2025')"
    )
    world.connection.execute("ALTER TABLE round_step DISABLE TRIGGER USER")
    world.connection.execute("DELETE FROM round_step WHERE state = 'published'")
    world.connection.execute("ALTER TABLE round_step ENABLE TRIGGER USER")
    with pytest.raises(RoundError, match="round 2025-again of 2025 was published: a year has one published round"):
        publish(world)
    with pytest.raises(psycopg.errors.RestrictViolation, match="another round of the year was published"):
        world.connection.execute(
            "INSERT INTO round_step (round_id, state, why, made_by, made_at)"
            " SELECT round_id, 'published', 'x', 'x', now() FROM round WHERE name = '2025'"
        )


def test_a_published_result_is_never_changed(world: World, dsn: str) -> None:
    published(world)
    with pytest.raises(RoundError, match="is in state published: to rate belongs to closed"):
        set_rating(world.connection, "2025", uscc=XIAN, rating="good", by=by())
    change = "UPDATE round_publication SET body = 'x', sha256 = encode(sha256('x'), 'hex')"
    with pytest.raises(psycopg.errors.RestrictViolation, match="inserted, never updated"):
        world.connection.execute(change)
    world.connection.execute("ALTER TABLE round_rating DISABLE TRIGGER USER")
    world.connection.execute(
        "INSERT INTO round_rating (round_id, uscc, rating, why, made_by, made_at)"
        " SELECT round_id, %s, 'poor', 'x', 'x', now() FROM round",
        [XIAN],
    )
    [difference] = verify_round(dsn, "2025").differences
    assert difference.subject == "the published result"


def test_a_name_that_the_registry_learns_later_is_no_difference(world: World, dsn: str) -> None:
    published(world)
    world.connection.execute(
        "INSERT INTO unit_description (uscc, from_day, name_zh, name_en, kind, department, division, recorded_by)"
        " VALUES (%s, '2020-01-01', '新名', '', '', '', '', 'li')",
        [XIAN],
    )
    assert verify_round(dsn, "2025").differences == []
    units.check_unit(world.connection, XIAN)


def test_who_is_poor_gets_a_case_with_a_year_and_takes_no_part_in_the_next_round(world: World) -> None:
    published(world, **{f"u{XIAN}": "poor"})
    cases = world.province.rows("SELECT uscc, notice_on, due_on FROM poor_case")
    assert (XIAN, AFTER.date(), AFTER.date().replace(year=AFTER.year + 1)) in cases
    with world.connection.transaction():
        create_round(world.connection, "2026", year=2026, by=by())
        later = by(now=NOW.replace(year=2027))
        fix_population(world.connection, "2026", by=later)
    members = list_members(world.connection, find_round(world.connection, "2026"))
    reasons = {member.reason for member in members if member.uscc == XIAN and member.value_fen is not None}
    assert reasons == {"rectifying"}
    assert all(not member.is_in for member in members if member.uscc == XIAN)
    assert "case 1 of round 2025, due 2027-01-31" in {member.note for member in members}


def test_a_year_from_the_29th_of_february_ends_on_the_28th(world: World) -> None:
    published(world)
    world.connection.execute(
        "INSERT INTO poor_case (round_id, uscc, notice_on, due_on, opened_by, opened_at)"
        " SELECT round_id, uscc, '2024-02-29', ('2024-02-29'::date + interval '1 year')::date, 'x', now()"
        " FROM round_score WHERE uscc NOT IN (SELECT uscc FROM poor_case) LIMIT 1"
    )
    assert world.province.rows("SELECT due_on FROM poor_case WHERE notice_on = '2024-02-29'") == [(date(2025, 2, 28),)]
