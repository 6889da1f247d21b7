"""Where the hours of a report are from, and what they are: a round with figures, else a frozen year, else closed
records.

The newest round of the year that has figures goes first: the experts judge by those, so the report says the same.
Before there is one, the newest frozen period that is the whole year; before that, the closed records as they are.
Which it is stands in the report (`Source`), with the hash of it. All three give the same kind of figure by the same
rules (evaluation/figures.py), of the instruments that are counted.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from collector.accounts.freezing import Frozen, find_frozen
from collector.evaluation import rounds
from collector.evaluation.figures import gather, list_figures
from collector.evaluation.indicators import EDITION, Figure, Seconds
from collector.evaluation.members import Wanted, list_members
from collector.evaluation.population import Candidate, Member, Rules, judge_all
from collector.registry.access import Scope
from collector.self_evaluation.report import Source
from collector.self_evaluation.services import ServedDay
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("self_evaluation")
_ROUNDS = load("rounds")
_ROWS_AT_ONCE = 500


class Asked(NamedTuple):
    """Which unit's year, up to which local day (included)."""

    uscc: str
    year: int
    as_of: date

    @property
    def values(self) -> dict[str, object]:
        """What the queries ask for."""
        return {"uscc": self.uscc, "year": self.year, "first_day": date(self.year, 1, 1), "last_day": self.as_of}


class Rested(NamedTuple):
    """On how many records an instrument's figures rest, and the hash over them."""

    records: int
    sha256: str


class Gathered(NamedTuple):
    """The hours of a unit's year: who is counted, their figures, what these rest on, and whom they served; `edition`:
    which measures are computed of them."""

    source: Source
    members: list[Member]
    figures: list[Figure]
    rested: dict[str, Rested]
    served: list[ServedDay]
    edition: int = EDITION


class _Record(msgspec.Struct):
    """What is read of an hour record (protocol/hours.py)."""

    asset: str
    day: str
    owner: str
    served: list[tuple[str, str, str, int, int]]


_decode = msgspec.json.Decoder(_Record).decode


def gather_year(connection: Connection, asked: Asked, candidates: Iterable[Candidate]) -> Gathered:
    """The hours out of the best source that there is; inside a transaction. Raises RoundError.

    `candidates`: the unit's own on `asked.as_of`, for whom no round decided yet.
    """
    round_name = _name(connection, _SQL.find_round, asked)
    if round_name is not None:
        return _of_round(connection, asked, round_name)
    members = judge_all(candidates, Rules(), ())
    frozen_name = _name(connection, _SQL.find_frozen, asked)
    if frozen_name is not None:
        return _of_frozen(connection, asked, frozen_name, members)
    return _of_closed(connection, asked, members)


def report_day(connection: Connection, uscc: str, year: int, *, today: date) -> date:
    """The local day as of which a report describes the unit: that of its round, else the year's last that is over."""
    last_day = min(date(year, 12, 31), date.fromordinal(today.toordinal() - 1))
    name = _name(connection, _SQL.find_round, Asked(uscc, year, last_day))
    return last_day if name is None else rounds.find_round(connection, name).as_of


def _of_round(connection: Connection, asked: Asked, name: str) -> Gathered:
    held = rounds.find_round(connection, name)
    assert held.frozen is not None, "a round with data has them"
    assert held.grade_seq is not None
    data = find_frozen(connection, held.frozen)
    members = list_members(connection, held, Wanted(Scope("unit", asked.uscc)))
    figures = [each for each in list_figures(connection, held) if each.uscc == asked.uscc]
    source = Source("round", name, data.sha256, held.last_day.isoformat())
    return Gathered(
        source,
        members,
        figures,
        _frozen_hashes(connection, asked, data, grade_seq=held.grade_seq, figures=figures),
        list(_served(connection, asked, _SQL.list_frozen_external_records, frozen_id=data.frozen_id)),
        held.edition,
    )


def _of_frozen(connection: Connection, asked: Asked, name: str, members: list[Member]) -> Gathered:
    data = find_frozen(connection, name)
    row = connection.execute(_ROUNDS.load_grade_cut).fetchone()
    assert row is not None, "a sequence has one row always"
    figures = gather(connection, data, int(row[0]), [each for each in members if each.is_in])
    return Gathered(
        Source("frozen", name, data.sha256, data.manifest.last_day),
        members,
        figures,
        _frozen_hashes(connection, asked, data, grade_seq=int(row[0]), figures=figures),
        list(_served(connection, asked, _SQL.list_frozen_external_records, frozen_id=data.frozen_id)),
    )


def _of_closed(connection: Connection, asked: Asked, members: list[Member]) -> Gathered:
    counted = [each.name for each in members if each.is_in and each.kind == "instrument"]
    figures, rested, open_days = [], {}, 0
    rows = connection.execute(_SQL.list_closed_figures, {**asked.values, "assets": counted}, binary=True)
    for asset_no, *sums, policies, records, sha256, waiting in rows:
        seconds = Seconds(*(int(each) for each in sums))
        figures.append(Figure(asset_no, asked.uscc, seconds, tuple(policies)))
        rested[asset_no] = Rested(records, sha256)
        open_days += waiting
    hashes = "\n".join(f"{asset_no} {each.sha256}" for asset_no, each in rested.items())
    source = Source("closed", "", hashlib.sha256(hashes.encode()).hexdigest(), asked.as_of.isoformat(), open_days)
    served = list(_served(connection, asked, _SQL.list_external_records))
    return Gathered(source, members, figures, rested, served)


def _frozen_hashes(
    connection: Connection, asked: Asked, data: Frozen, *, grade_seq: int, figures: Sequence[Figure]
) -> dict[str, Rested]:
    values = {
        "frozen_id": data.frozen_id,
        "grade_seq": grade_seq,
        "uscc": asked.uscc,
        "assets": [each.asset_no for each in figures],
    }
    return {row[0]: Rested(*row[1:]) for row in connection.execute(_SQL.list_frozen_hashes, values)}


def _served(connection: Connection, asked: Asked, query: bytes, **more: object) -> Iterator[ServedDay]:
    with connection.cursor(name="served", binary=True) as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        for (body,) in cursor.execute(query, {**asked.values, **more}):
            record = _decode(body)
            if record.owner != asked.uscc:
                continue
            for order, beneficiary, standing, seconds, documents in record.served:
                if standing in ("claimed", "verified"):
                    day, is_verified = date.fromisoformat(record.day), standing == "verified"
                    yield ServedDay(record.asset, day, order, beneficiary, is_verified, seconds, documents)


def _name(connection: Connection, query: bytes, asked: Asked) -> str | None:
    row = connection.execute(query, {**asked.values, "last_day": date(asked.year, 12, 31)}).fetchone()
    return None if row is None else str(row[0])
