"""Experts' points: each gives his own, blind to the others until all are in or the entry is closed.

Nobody is shown another's points before, whatever his role is, and the audit trail names what was given without how
much and why. Until then an expert may give other points for the same, which take the place of the first ones and leave
them kept; afterwards nothing is changed any more.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from collector.errors import RoundError
from collector.evaluation.figures import list_indicators
from collector.evaluation.indicators import is_computed
from collector.evaluation.rounds import By, Round, check_why, find_round, hold_round, step
from collector.evaluation.scheme import HUNDREDTHS, Scheme
from collector.evaluation.schemes import find_scheme
from collector.evaluation.scoring import Given, ranked
from collector.evaluation.states import SCORED, check_deed, check_step
from collector.registry.access import Right
from collector.registry.audit import record_change
from collector.registry.people import Person, find_access, find_person
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("round_scores")
OF_EXPERTS = (1, 3, 4, 6, 8)
"""Indicators that can be an expert's at all."""


class Award(NamedTuple):
    """What an expert awards a unit for an indicator, in hundredths of a point."""

    uscc: str
    indicator: int
    hundredths: int


class Points(NamedTuple):
    """What one expert gave one unit for one indicator, in hundredths of a point."""

    uscc: str
    indicator: int
    expert: str
    hundredths: int
    why: str
    given_at: datetime


class Progress(NamedTuple):
    """How many points of an expert are in, of how many."""

    expert: str
    given: int
    wanted: int


def appoint_expert(connection: Connection, name: str, person: str, *, indicators: Iterable[int], by: By) -> None:
    """The person gives points to these indicators, before the entry opens. Raises RoundError, UnknownName."""
    held = hold_round(connection, name)
    check_deed(name, held=held.state, deed="appoint")
    check_why(by.why)
    expert = find_person(connection, person)
    access = find_access(connection, expert)
    if not access.allows(Right.POINTS):
        raise RoundError(
            f"{person} is {access} and may give no points: make him an expert first "
            f"(jishi-collector role {person} expert)"
        )
    wanted = sorted(set(indicators))
    if other := sorted(set(wanted) - set(OF_EXPERTS)):
        raise RoundError(f"indicator {other[0]} is none that experts give points to: these are 1, 3, 4, 6 and 8")
    for indicator in wanted:
        values = {"round_id": held.round_id, "person_id": expert.person_id, "indicator": indicator, **by.values}
        connection.execute(_SQL.insert_expert, values)
    new = {"expert": person, "indicators": wanted}
    record_change(connection, by.actor, "round.appoint", target=name, new=new, reason=by.why)


def open_entry(connection: Connection, name: str, *, scheme: str, by: By) -> Round:
    """Experts begin under a scheme; the round is then in state `experts`. Raises RoundError, UnknownName."""
    held = hold_round(connection, name)
    check_step(name, held=held.state, wanted="experts")
    entered = find_scheme(connection, scheme)
    if entered.scheme.from_day > held.first_day:
        raise RoundError(
            f"scheme {entered.scheme.name} holds for years from {entered.scheme.from_day} on, and round {name} is of "
            f"{held.year}: enter one that holds for it"
        )
    if unknown := [each.measure for each in entered.scheme.curve if not is_computed(each.measure, held.edition)]:
        raise RoundError(
            f"scheme {entered.scheme.name} has a curve of {unknown[0]}, and round {name} was made before that was "
            "computed: make a new round of the year, or enter a scheme without it"
        )
    if not _units(connection, held):
        raise RoundError(f"of no unit an instrument is counted in round {name}: there is nothing to rank")
    given_to = {indicator for _, _, indicator in _appointed(connection, held)}
    if lacking := [each for each in entered.scheme.of_experts if each not in given_to]:
        raise RoundError(
            f"nobody gives points to indicator {', '.join(map(str, lacking))}: appoint an expert "
            f"(jishi-collector evaluate expert {name} NAME --indicator {lacking[0]})"
        )
    step(connection, held, "experts", by=by, new={"scheme": entered.sha256})
    connection.execute(_SQL.insert_round_scheme, {"round_id": held.round_id, "sha256": entered.sha256})
    return find_round(connection, name)


def give_points(connection: Connection, name: str, expert: Person, *, awards: Sequence[Award], by: By) -> None:
    """An expert gives points, all of these or none. In the caller's transaction. Raises RoundError, UnknownName."""
    held = hold_round(connection, name)
    check_deed(name, held=held.state, deed="give points")
    check_why(by.why)
    own = {indicator for person_id, _, indicator in _appointed(connection, held) if person_id == expert.person_id}
    units, scheme = _units(connection, held), _scheme(connection, held)
    for award in awards:
        if award.indicator not in own:
            raise RoundError(f"{expert.name} is not appointed to indicator {award.indicator} of round {name}")
        if award.uscc not in units:
            raise RoundError(f"unit {award.uscc[:20]!a} is not ranked in round {name}: nothing of it is counted")
        most = scheme.expert_points(award.indicator) * HUNDREDTHS
        if not 0 <= award.hundredths <= most:
            raise RoundError(
                f"{award.hundredths} hundredths of a point for indicator {award.indicator}: 0 to {most} are expected"
            )
    if are_all_in(connection, held):
        raise RoundError(f"all points of round {name} are in and everybody may see them: nothing is changed any more")
    same = {"round_id": held.round_id, "person_id": expert.person_id, **by.values}
    with connection.cursor() as cursor:
        cursor.executemany(_SQL.insert_points, ({**same, **award._asdict()} for award in awards))
    # Neither how much nor why: nobody is to see it yet, and people read the trail. Both are kept with the points.
    new = {"expert": expert.name, "given": [f"{award.uscc} indicator {award.indicator}" for award in awards]}
    record_change(connection, by.actor, "round.give-points", target=name, new=new)


def list_points(connection: Connection, held: Round, *, seen_by: Person) -> list[Points]:
    """The points that a person may see: all once they are open, else his own; by unit, indicator and expert."""
    return _points(connection, held, None if are_open(connection, held) else seen_by.person_id)


def are_open(connection: Connection, held: Round) -> bool:
    """Whether everybody may see the points."""
    return held.state in SCORED or are_all_in(connection, held)


def are_all_in(connection: Connection, held: Round) -> bool:
    """Whether each expert has given points to every unit and indicator that is his."""
    progress = list_progress(connection, held)
    return bool(progress) and all(each.given == each.wanted for each in progress)


def list_progress(connection: Connection, held: Round) -> list[Progress]:
    """How far each expert is, by name; none before the entry opens."""
    if held.scheme is None:
        return []
    units, of_experts = _units(connection, held), set(_scheme(connection, held).of_experts)
    wanted: dict[str, int] = {}
    for _, expert, indicator in _appointed(connection, held):
        wanted[expert] = wanted.get(expert, 0) + (len(units) if indicator in of_experts else 0)
    given: dict[str, int] = {}
    for each in _points(connection, held, None):
        given[each.expert] = given.get(each.expert, 0) + 1
    return [Progress(expert, given.get(expert, 0), count) for expert, count in sorted(wanted.items())]


def load_given(connection: Connection, held: Round) -> Given:
    """All points that hold, by unit and indicator; for computing, and for nobody to see."""
    given: dict[tuple[str, int], list[int]] = {}
    for each in _points(connection, held, None):
        given.setdefault((each.uscc, each.indicator), []).append(each.hundredths)
    return given


def list_appointments(connection: Connection, held: Round, person: Person) -> tuple[int, ...]:
    """The indicators that a person gives points to in the round."""
    return tuple(each for person_id, _, each in _appointed(connection, held) if person_id == person.person_id)


def _points(connection: Connection, held: Round, person_id: int | None) -> list[Points]:
    rows = connection.execute(_SQL.list_points, {"round_id": held.round_id, "person_id": person_id})
    return [Points(*row) for row in rows]


def _appointed(connection: Connection, held: Round) -> list[tuple[int, str, int]]:
    rows = connection.execute(_SQL.list_experts, {"round_id": held.round_id})
    return [(int(person_id), str(name), int(indicator)) for person_id, name, indicator in rows]


def _units(connection: Connection, held: Round) -> set[str]:
    return {each.uscc for each in ranked(line.indicators for line in list_indicators(connection, held))}


def _scheme(connection: Connection, held: Round) -> Scheme:
    assert held.scheme is not None, "it has one from the state `experts` on"
    return find_scheme(connection, held.scheme).scheme
