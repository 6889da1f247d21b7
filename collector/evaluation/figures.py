"""The figures of a round: of each instrument that is counted, out of one frozen period of the round's year.

The seconds are the frozen sums; grades, which no frozen period holds, are those of the frozen records as they were
known when the figures were taken (a place in the order of grade records; graded.py). What two people decide later about
time in doubt is another round's business.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from collector.accounts.freezing import Frozen, find_frozen, list_frozen
from collector.errors import FreezingError, RoundError
from collector.evaluation import indicators
from collector.evaluation.graded import Graded, sum_grades
from collector.evaluation.indicators import SECONDS, Figure, Indicators, Seconds
from collector.evaluation.members import Wanted, list_members
from collector.evaluation.population import Member
from collector.evaluation.rounds import By, Round, find_round, hold_round, step
from collector.evaluation.states import check_step
from collector.registry.access import EVERYTHING, Scope
from collector.store.database import Connection
from collector.store.queries import load
from protocol import frozen
from protocol.interval import DAY_S

_SQL = load("rounds")
MAX_NAMED = 10
"""How many instruments a refusal names."""


class NamedIndicators(NamedTuple):
    """What was computed of a unit, with its names on the round's date; "" for all units."""

    name_zh: str
    name_en: str
    indicators: Indicators


def fix_data(connection: Connection, name: str, *, period: str, by: By) -> Round:
    """Takes the figures of a frozen period and computes the indicators; the round is then in state `data`.

    Called outside of a transaction. Raises RoundError, FreezingError, UnknownName; then nothing was taken.
    """
    check_step(name, held=find_round(connection, name).state, wanted="data")
    # Writers of grades wait while the place is read, and not while a year is added up.
    with connection.transaction():
        connection.execute(_SQL.hold_grades)
        row = connection.execute(_SQL.load_grade_cut).fetchone()
        assert row is not None, "a sequence has one row always"
    with connection.transaction():
        held = hold_round(connection, name)
        data = _find_period(connection, held, period)
        members = list_members(connection, held, Wanted(is_in=True))
        _check_owners(connection, held, data, members)
        figures = gather(connection, data, int(row[0]), members)
        new = {"frozen": period, "sha256": data.sha256, "instruments": len(figures)}
        step(connection, held, "data", by=by, new=new)
        values = {"round_id": held.round_id, "frozen_id": data.frozen_id, "grade_seq": int(row[0])}
        connection.execute(_SQL.insert_data, values)
        _insert(connection, held, figures)
        return find_round(connection, name)


def gather(connection: Connection, data: Frozen, grade_seq: int, members: Iterable[Member]) -> list[Figure]:
    """The figures of the instruments among these members, by asset number; RoundError where grades are missing."""
    owned = {member.name: str(member.uscc) for member in members if member.kind == "instrument"}
    sums: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
    for (body,) in connection.execute(_SQL.list_sums, {"frozen_id": data.frozen_id}, binary=True):
        leaf = msgspec.json.decode(body, type=frozen.Figure)
        sums[leaf.asset][leaf.owner] = leaf.sums
    graded = sum_grades(connection, data.frozen_id, grade_seq=grade_seq, owned=owned)
    if missing := sorted(asset for asset, each in graded.items() if each.ungraded_days):
        raise RoundError(
            f"frozen days of {', '.join(missing[:MAX_NAMED])} have no grades: they were frozen before there were any; "
            "let `jishi-collector account` derive them and freeze the year again under another name"
        )
    return [
        _figure(asset, uscc, sums[asset], graded.get(asset, Graded()))
        for asset, uscc in sorted(owned.items())
        if asset in sums
    ]


def list_figures(connection: Connection, held: Round) -> list[Figure]:
    """The figures as they were taken, by asset number."""
    rows = connection.execute(_SQL.list_figures, {"round_id": held.round_id}, binary=True)
    return [Figure(row[0], row[1], Seconds(*row[3:]), tuple(row[2])) for row in rows]


def list_indicators(
    connection: Connection,
    held: Round,
    *,
    scope: Scope = EVERYTHING,
    after: str | None = None,
    limit: int | None = None,
) -> list[NamedIndicators]:
    """What was computed: of all units (""), then of each in the scope, by code, after one where that is given."""
    values = {**scope.values, "round_id": held.round_id, "after_uscc": after, "limit": limit}
    rows = connection.execute(_SQL.list_indicators, values, binary=True)
    return [NamedIndicators(zh, en, indicators.decode(body)) for _, zh, en, body in rows]


def _find_period(connection: Connection, held: Round, name: str) -> Frozen:
    def fits(each: Frozen) -> bool:
        return each.period[1:] == (held.first_day, held.last_day, None)

    fitting = [each.manifest.name for each in list_frozen(connection) if fits(each)]
    remedy = (
        f"that fit: {', '.join(fitting)}"
        if fitting
        else f"none fits; make one: jishi-collector freeze {held.year} --from {held.first_day} --until {held.last_day}"
    )
    try:
        found = find_frozen(connection, name)
    except FreezingError as error:
        raise RoundError(f"{error}. Round {held.name} needs all of {held.year} of every unit; {remedy}") from error
    if not fits(found):
        of = found.period.unit or "every unit"
        raise RoundError(
            f"frozen period {name} is {found.period.first_day} to {found.period.last_day} of {of}, and round "
            f"{held.name} needs all of {held.year} of every unit; {remedy}"
        )
    return found


def _check_owners(connection: Connection, held: Round, data: Frozen, members: Iterable[Member]) -> None:
    """The registry may have learnt of another owner between the population and the freezing: then they do not fit."""
    values = {"frozen_id": data.frozen_id, "day": held.as_of.isoformat()}
    owners: dict[str, str] = dict(connection.execute(_SQL.list_owned, values).fetchall())
    other = [each for each in members if each.kind == "instrument" and owners.get(each.name) != each.uscc]
    if other:
        named = "".join(
            f"\n  {each.name}: {each.uscc} in the round, {owners.get(each.name, 'nobody')} in the frozen period"
            for each in other[:MAX_NAMED]
        )
        raise RoundError(
            f"{len(other)} instruments had another owner on {held.as_of} when the period was frozen than when the "
            f"population was fixed: make another round over {data.manifest.name}:{named}"
        )


def _figure(asset_no: str, uscc: str, sums: dict[str, dict[str, int]], graded: Graded) -> Figure:
    own = sums.get(uscc, {})
    seconds = Seconds(
        network_s=own.get("network", 0) * DAY_S,
        observed_s=own.get("until_s", 0) - own.get("unobserved_s", 0) - own.get("bridged_s", 0),
        bridged_s=own.get("bridged_s", 0),
        effective_s=own.get("effective_s", 0),
        counted_s=graded.counted_s,
        counted_verified_s=own.get("verified_s", 0) - graded.uncounted_verified_s,
        claimed_s=own.get("claimed_s", 0),
        verified_s=own.get("verified_s", 0),
        unresolved_s=own.get("unresolved_s", 0),
        a_s=graded.by_grade.get("A", 0),
        b_s=graded.by_grade.get("B", 0),
        c_s=graded.by_grade.get("C", 0),
        d_s=graded.by_grade.get("D", 0),
        x_s=graded.by_grade.get("X", 0),
        hand_s=own.get("hand_s", 0),
        elsewhere_s=sum(each.get("effective_s", 0) for owner, each in sums.items() if owner != uscc),
    )
    return Figure(asset_no, uscc, seconds, tuple(sorted(graded.policies)))


def _insert(connection: Connection, held: Round, figures: list[Figure]) -> None:
    of_figures = (
        {"round_id": held.round_id, "asset_no": each.asset_no, "uscc": each.uscc, "policies": list(each.policies),
         **{name: getattr(each.seconds, name) for name in SECONDS}}
        for each in figures
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.executemany(_SQL.insert_figure, of_figures)
        computed = indicators.compute(list_members(connection, held), figures, edition=held.edition)
        lines = ((held.round_id, each.uscc, indicators.encode(each)) for each in computed)
        named = ("round_id", "uscc", "body")
        cursor.executemany(_SQL.insert_indicators, (dict(zip(named, line, strict=True)) for line in lines))
