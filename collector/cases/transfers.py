"""Units that were poor twice in a row, and what may become of instruments that they hardly use (指引十一).

Twice in a row: in its two latest published results. A round in which the unit took no part (it was rectifying) lies
between them and ends nothing. The regulation speaks of instruments of general use; the registry holds class codes and
no word for that, so whoever asks names classes. The list has figures and decides nothing: a transfer is what an
approver signs, and who owns the instrument changes by the registry's own fact.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from collector.cases.signing import Signed, draw_up
from collector.errors import CaseError
from collector.evaluation.rounds import By
from collector.registry.audit import record_change
from collector.registry.units import check_unit
from collector.store.database import Connection
from collector.store.queries import load
from protocol.keys import parse_vkey
from protocol.signed_case import Transfer, Way, open_case

_SQL = load("cases")
HOUR_S = 3600


class Rated(NamedTuple):
    """A published rating of a unit."""

    uscc: str
    name_zh: str
    name_en: str
    round_id: int
    round: str
    year: int
    rating: str


class TwicePoor(NamedTuple):
    """A unit that was poor in its two latest published results."""

    uscc: str
    name_zh: str
    name_en: str
    first: Rated
    second: Rated


class Candidate(NamedTuple):
    """An instrument that the second round counted, with its year's seconds; `shareable` None where nobody said."""

    asset_no: str
    name_zh: str
    class_code: str
    model: str
    value_fen: int
    shareable: bool | None
    counted_s: int
    counted_verified_s: int
    network_s: int
    observed_s: int


class Wanted(NamedTuple):
    """Which instruments: with fewer counted hours than that, and (where given) of a class that begins so."""

    below_hours: int = 1400
    class_begins: str | None = None


class Moved(NamedTuple):
    """What is drawn up: which instrument of whom goes how and where to; `to` None inside the unit."""

    uscc: str
    asset_no: str
    way: Way
    to: str | None
    approver: str


class HeldTransfer(NamedTuple):
    """A transfer that was decided."""

    transfer_id: int
    round: str
    uscc: str
    asset_no: str
    sha256: str
    note: bytes
    key_name: str
    vkey: str
    brought_by: str
    brought_at: datetime

    @property
    def decision(self) -> Transfer:
        found = open_case(self.note, parse_vkey(self.vkey))
        assert isinstance(found, Transfer), "that is what it was kept as"
        return found


def twice_poor(rated: Iterable[Rated]) -> list[TwicePoor]:
    """Who was poor in his two latest results, by code. Pure; of published results in any order."""
    found = []
    for _, lines in groupby(sorted(rated, key=lambda each: (each.uscc, each.year)), key=lambda each: each.uscc):
        last = list(lines)[-2:]
        if len(last) == 2 and all(each.rating == "poor" for each in last):
            found.append(TwicePoor(*last[1][:3], *last))
    return found


def list_twice_poor(connection: Connection) -> list[TwicePoor]:
    """Who was poor in his two latest published results, by code."""
    return twice_poor(Rated(*row) for row in connection.execute(_SQL.list_published_ratings))


def list_candidates(
    connection: Connection, unit: TwicePoor, wanted: Wanted, *, limit: int | None = None
) -> list[Candidate]:
    """The unit's instruments that were used least, as the second round counted them."""
    values = {
        "round_id": unit.second.round_id,
        "uscc": unit.uscc,
        "below_s": wanted.below_hours * HOUR_S,
        "class_begins": wanted.class_begins,
        "limit": limit,
    }
    return [Candidate(*row) for row in connection.execute(_SQL.list_candidates, values)]


def draw_transfer(connection: Connection, moved: Moved, *, by: By) -> str:
    """The text that the approver signs; nothing is kept. Raises CaseError, UnknownName, NotAllowed."""
    unit = _find_unit(connection, moved.uscc)
    try:
        decision = Transfer(
            v=1,
            at=round(by.now.timestamp() * 1000),
            by=by.actor.name,
            unit=moved.uscc,
            round=unit.second.round,
            asset=moved.asset_no,
            way=moved.way,
            to=moved.to,
            why=by.why,
            approver=moved.approver,
        )
    except ValueError as error:
        raise CaseError(f"this cannot be decided so: {error}") from error
    text = draw_up(connection, decision)
    _check(connection, unit, decision)
    return text


def bring_transfer(connection: Connection, signed: Signed, *, by: By) -> int:
    """Keeps what was signed and returns its number; again with the same note is refused. Raises as `draw_transfer`."""
    decision = signed.decision
    assert isinstance(decision, Transfer), "the caller looked"
    unit = _find_unit(connection, decision.unit)
    _check(connection, unit, decision)
    values = {
        "round_id": unit.second.round_id,
        "uscc": decision.unit,
        "asset_no": decision.asset,
        "way": decision.way,
        "to": decision.to,
        **signed.values,
        **by.values,
    }
    row = connection.execute(_SQL.insert_transfer, values).fetchone()
    if row is None:
        raise CaseError("this very decision was brought before")
    new = {"transfer": row[0], "asset": decision.asset, "way": decision.way, "to": decision.to}
    record_change(connection, by.actor, "case.transfer", target=decision.unit, new=new, reason=decision.why)
    return int(row[0])


def list_transfers(connection: Connection, *, after: int = 0, limit: int | None = None) -> list[HeldTransfer]:
    """Transfers that were decided, by number."""
    rows = connection.execute(_SQL.list_transfers, {"after": after, "limit": limit}, binary=True)
    return [HeldTransfer(*row) for row in rows]


def _find_unit(connection: Connection, uscc: str) -> TwicePoor:
    found = next((each for each in list_twice_poor(connection) if each.uscc == uscc), None)
    if found is None:
        raise CaseError(
            f"unit {uscc[:20]!a} was not poor in its two latest published results: nothing of it is transferred by "
            "article 11 (jishi-collector case twice lists those that were)"
        )
    return found


def _check(connection: Connection, unit: TwicePoor, decision: Transfer) -> None:
    if decision.round != unit.second.round:
        raise CaseError(
            f"the decision is of round {decision.round}, and the unit's latest result of {unit.second.round}"
        )
    if decision.to is not None:
        check_unit(connection, decision.to)
    everything = Wanted(below_hours=366 * 24 + 1)
    if decision.asset not in {each.asset_no for each in list_candidates(connection, unit, everything)}:
        raise CaseError(
            f"instrument {decision.asset!a} of unit {unit.uscc} was not counted in round {unit.second.round}"
        )
