"""Which units are visited: by what their flags weigh, and by a seed that anybody can draw again."""

import hashlib

import psycopg
import pytest

from collector.errors import RoundError
from collector.evaluation.drawing import Visit, Weighed, draw
from collector.evaluation.verification import verify_round
from collector.evaluation.visits import draw_visits, list_draws
from tests.collector.evaluation.following import announced
from tests.collector.evaluation.playing import ranked_units, with_data, with_population
from tests.collector.evaluation.world import World, by

UNITS = [f"unit-{number}" for number in range(6)]
WEIGHED = {
    "unit-1": Weighed("unit-1", 40, ("two-places",)),
    "unit-3": Weighed("unit-3", 90, ("feeder-idle",)),
    "unit-5": Weighed("unit-5", 40, ("low-energy",)),
}


def drawn(seed: str = "4 2 6", by_flags: int = 2, by_seed: int = 2) -> list[Visit]:
    return draw(UNITS, WEIGHED, round_name="2025", seed=seed, by_flags=by_flags, by_seed=by_seed)


def by_key(seed: str = "4 2 6") -> list[str]:
    """All units in the order in which that seed draws them."""
    return sorted(UNITS, key=lambda uscc: hashlib.sha256(f"jishi-visits/v1\n2025\n{seed}\n{uscc}\n".encode()).digest())


def test_the_heaviest_come_first_and_then_what_the_seed_says() -> None:
    found = drawn()
    assert [each.uscc for each in found[:2]] == ["unit-3", "unit-1"]
    assert {each.uscc for each in found if each.reason != "flags"} == set(by_key()[:2])
    assert {each.uscc for each in found if each.reason != "seed"} == {"unit-3", "unit-1"}
    assert [each.uscc for each in found[2:]] == [uscc for uscc in by_key()[:2] if uscc not in ("unit-3", "unit-1")]
    assert [each.place for each in found] == list(range(1, len(found) + 1))
    assert drawn() == found


def test_whom_a_seed_draws_does_not_depend_on_flags() -> None:
    for seed in ("1", "2", "3"):
        for by_flags in (0, 1, 9):
            found = drawn(seed=seed, by_flags=by_flags, by_seed=3)
            assert {each.uscc for each in found if each.reason in ("seed", "both")} == set(by_key(seed)[:3])
    assert {each.uscc: each.weight for each in drawn(by_seed=9)}["unit-5"] == 40
    assert len({tuple(by_key(str(number))) for number in range(9)}) > 3


def flag(world: World, asset_no: str, weight: int, rule: str = "two-places", *, body: str = "") -> None:
    raw = f"{asset_no} {rule} {body}".encode()
    world.connection.execute(
        "INSERT INTO flag (sha256, body, asset_no, rule, version, first_day, last_day, weight)"
        " VALUES (encode(sha256(%(raw)s), 'hex'), %(raw)s, %(asset)s, %(rule)s, 1, '2025-03-02', '2025-03-02',"
        " %(weight)s)",
        {"raw": raw, "asset": asset_no, "rule": rule, "weight": weight},
    )


def test_a_round_draws_from_the_flags_that_it_knew_and_its_seed(world: World, dsn: str) -> None:
    held = with_data(world)
    units = ranked_units(world)
    [asset, owner] = world.province.rows(
        "SELECT name, uscc FROM round_member WHERE is_in AND kind = 'instrument' ORDER BY name DESC LIMIT 1"
    )[0]
    flag(world, asset, 40)
    flag(world, asset, 40, body="again")
    with world.connection.transaction():
        made = draw_visits(world.connection, "2025", seed="4 2 6 1 5", by_flags=1, by_seed=1, by=by("before witnesses"))
    assert made.visits[0]._replace(reason="flags") == Visit(1, owner, "flags", 41, ("two-places",))
    assert len(made.visits) in (1, 2)
    assert {visit.uscc for visit in made.visits} <= set(units)
    assert list_draws(world.connection, held) == [made]
    flag(world, asset, 90, "feeder-idle")
    assert verify_round(dsn, "2025").differences == []
    world.connection.execute("ALTER TABLE round_draw DISABLE TRIGGER USER")
    world.connection.execute("UPDATE round_draw SET flag_seq = flag_seq + 1")
    assert any("of a draw of visits" in each.subject for each in verify_round(dsn, "2025").differences)


@pytest.mark.parametrize(
    ("seed", "by_flags", "by_seed"),
    [(" ", 1, 1), ("a\nb", 1, 1), ("x" * 201, 1, 1), ("1", 0, 0), ("1", -1, 2), ("1", 501, 0)],
)
def test_a_draw_that_cannot_be_is_refused(world: World, seed: str, by_flags: int, by_seed: int) -> None:
    with_data(world)
    with pytest.raises(RoundError, match=r"expected|at least"), world.connection.transaction():
        draw_visits(world.connection, "2025", seed=seed, by_flags=by_flags, by_seed=by_seed, by=by())
    assert world.province.rows("SELECT count(*) FROM round_draw") == [(0,)]


def test_visits_belong_between_the_figures_and_the_announcement(world: World) -> None:
    with_population(world)
    with pytest.raises(RoundError, match="is in state population: to draw visits belongs to data"):
        draw_visits(world.connection, "2025", seed="1", by_flags=1, by_seed=0, by=by())
    with pytest.raises(psycopg.errors.RestrictViolation, match="takes no line of round_draw"):
        world.connection.execute(
            "INSERT INTO round_draw (round_id, seed, by_flags, by_seed, flag_seq, why, made_by, made_at)"
            " SELECT round_id, '1', 1, 0, 0, 'x', 'x', now() FROM round"
        )


def test_nothing_is_drawn_any_more_once_units_were_shown_their_results(world: World) -> None:
    announced(world)
    with pytest.raises(RoundError, match="is in state announced"):
        draw_visits(world.connection, "2025", seed="1", by_flags=1, by_seed=0, by=by())
