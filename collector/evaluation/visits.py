"""On-site checks of a round (指引七(四)): which units are visited, kept with seed, flags' weights and reason.

Several draws may be made; each is kept, and each can be drawn again from what was known then.
"""

from datetime import datetime
from typing import NamedTuple

from collector.errors import RoundError
from collector.evaluation.drawing import Visit, Weighed, draw, faults_of
from collector.evaluation.figures import list_indicators
from collector.evaluation.rounds import By, Round, check_why, hold_round
from collector.evaluation.scoring import ranked
from collector.evaluation.states import check_deed
from collector.registry.audit import record_change
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("round_visits")


class Draw(NamedTuple):
    """A draw as it was made; `flag_seq`: the last flag that it knew."""

    draw_id: int
    seed: str
    by_flags: int
    by_seed: int
    flag_seq: int
    why: str
    made_by: str
    made_at: datetime
    visits: tuple[Visit, ...] = ()


def draw_visits(connection: Connection, name: str, *, seed: str, by_flags: int, by_seed: int, by: By) -> Draw:
    """Draws the units to be visited and keeps who and why. Raises RoundError with all that is wrong."""
    held = hold_round(connection, name)
    check_deed(name, held=held.state, deed="draw visits")
    check_why(by.why)
    if faults := faults_of(seed, by_flags, by_seed):
        raise RoundError("; ".join(faults))
    row = connection.execute(_SQL.load_flag_cut).fetchone()
    assert row is not None, "it counts"
    values = {"round_id": held.round_id, "seed": seed, "by_flags": by_flags, "by_seed": by_seed, "flag_seq": row[0]}
    made = connection.execute(_SQL.insert_draw, {**values, **by.values}).fetchone()
    assert made is not None, "it was inserted"
    drawn = Draw(made[0], seed, by_flags, by_seed, row[0], by.why, by.actor.name, by.now, ())
    visits = draw_again(connection, held, drawn)
    with connection.cursor() as cursor:
        lines = ({"draw_id": made[0], **each._asdict(), "rules": list(each.rules)} for each in visits)
        cursor.executemany(_SQL.insert_visit, lines)
    new = {"draw": made[0], "seed": seed, "units": [each.uscc for each in visits]}
    record_change(connection, by.actor, "round.draw-visits", target=name, new=new, reason=by.why)
    return drawn._replace(visits=visits)


def draw_again(connection: Connection, held: Round, drawn: Draw) -> tuple[Visit, ...]:
    """What a draw gives, from the round's units, the flags that it knew and its seed."""
    units = [each.uscc for each in ranked(line.indicators for line in list_indicators(connection, held))]
    values = {"round_id": held.round_id, "first": held.first_day, "last": held.last_day, "upto": drawn.flag_seq}
    rows = connection.execute(_SQL.list_weighed, values)
    weighed = {uscc: Weighed(uscc, weight, tuple(rules)) for uscc, weight, rules in rows}
    found = draw(units, weighed, round_name=held.name, seed=drawn.seed, by_flags=drawn.by_flags, by_seed=drawn.by_seed)
    return tuple(found)


def list_draws(connection: Connection, held: Round) -> list[Draw]:
    """The draws of a round in their order."""
    of_round, visits = {"round_id": held.round_id}, dict[int, list[Visit]]()
    for draw_id, *said in connection.execute(_SQL.list_visits, of_round):
        visit = Visit(*said)
        visits.setdefault(draw_id, []).append(visit._replace(rules=tuple(visit.rules)))
    draws = [Draw(*row) for row in connection.execute(_SQL.list_draws, of_round)]
    return [each._replace(visits=tuple(visits.get(each.draw_id, ()))) for each in draws]
