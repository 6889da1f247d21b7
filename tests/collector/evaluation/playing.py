"""How a round is taken from state to state in tests."""

from collector.evaluation.experts import (
    Award,
    appoint_expert,
    give_points,
    open_entry,
)
from collector.evaluation.figures import fix_data, list_indicators
from collector.evaluation.members import fix_population
from collector.evaluation.rounds import Round, create_round, find_round
from collector.evaluation.schemes import enter_scheme
from collector.evaluation.scoring import ranked
from collector.registry.people import Person
from tests.collector.evaluation.test_scheme import EXAMPLE
from tests.collector.evaluation.world import World, by

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
    awards = [Award(uscc, number, most - less) for uscc in ranked_units(world) for number, most in FULL.items()]
    with world.connection.transaction():
        give_points(world.connection, "2025", expert, awards=awards, by=by("read all reports", name=expert.name))
