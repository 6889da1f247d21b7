"""Drafts a report: the registry on its date, the hours of its source, and the orders, put together as one value."""

from collections import Counter
from datetime import date
from typing import Any, NamedTuple

from collector.evaluation.indicators import ALL_UNITS, Figure, Indicators, compute
from collector.evaluation.population import Candidate, Member
from collector.network.states import STATES, Standing, list_standings
from collector.registry.access import Scope
from collector.self_evaluation.figures import Asked, Gathered, Rested, gather_year, report_day
from collector.self_evaluation.orders import StandingOrder, load_orders
from collector.self_evaluation.report import Docked, Facility, Line, Report
from collector.self_evaluation.services import list_income, list_services, unnamed_fen
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("self_evaluation")
_EVERY = 1_000_000
"""A unit owns fewer instruments."""


class _Owned(NamedTuple):
    """What the registry says of an instrument on the report's date."""

    asset_no: str
    name_zh: str
    class_code: str
    maker: str
    model: str
    origin: str
    value_fen: int | None
    funding: str
    government_fen: int | None
    accepted_on: date | None
    shareable: bool | None
    bookable: bool | None
    exempt_document: str
    facility: str
    centre: str


def draft_report(connection: Connection, uscc: str, year: int, *, texts: dict[str, str], today: date) -> Report:
    """What the records say of a unit's year, with its texts; in the caller's transaction. Raises RoundError."""
    asked = Asked(uscc, year, report_day(connection, uscc, year, today=today))
    day = {"uscc": uscc, "day": asked.as_of}
    owned = [_Owned(*row) for row in connection.execute(_SQL.list_owned, day, binary=True)]
    run = connection.execute(_SQL.list_run, day, binary=True).fetchall()
    gathered = gather_year(connection, asked, _candidates(uscc, owned, run))
    standings = list_standings(connection, day=asked.as_of, scope=Scope("unit", uscc), limit=_EVERY)
    orders = load_orders(connection, uscc)
    names = _names(connection, orders, gathered)
    services = list_services(gathered.served, orders, names=names)
    return Report(
        v=1,
        uscc=uscc,
        name_zh=_unit_name(connection, day),
        year=year,
        as_of=asked.as_of.isoformat(),
        source=gathered.source,
        indicators=_indicators(uscc, gathered),
        network=_network(standings),
        docked=_docked(connection, asked, owned),
        lines=_lines(owned, gathered, standings),
        facilities=tuple(_facility(row, gathered.members) for row in run),
        services=services,
        income=list_income(uscc, year, services, orders=orders, names=names),
        **_unnamed(orders, year),
        texts=texts,
    )


def _candidates(uscc: str, owned: list[_Owned], run: list[tuple[Any, ...]]) -> list[Candidate]:
    return [
        *(
            Candidate(
                "instrument",
                each.asset_no,
                uscc,
                each.value_fen,
                each.government_fen,
                each.shareable,
                each.exempt_document,
                each.bookable,
            )
            for each in owned
        ),
        *(Candidate("facility", number, uscc, value, government) for number, _, _, value, government in run),
    ]


def _indicators(uscc: str, gathered: Gathered) -> Indicators:
    found = {each.uscc: each for each in compute(gathered.members, gathered.figures, edition=gathered.edition)}
    return found.get(uscc, found[ALL_UNITS])


def _lines(owned: list[_Owned], gathered: Gathered, standings: list[Standing]) -> tuple[Line, ...]:
    members = {each.name: each for each in gathered.members if each.kind == "instrument"}
    figures = {each.asset_no: each for each in gathered.figures}
    network = {each.asset_no: each for each in standings}
    return tuple(
        _line(
            each,
            members.get(each.asset_no),
            figures.get(each.asset_no),
            standing=network[each.asset_no],
            rested=gathered.rested.get(each.asset_no, Rested(0, "")),
        )
        for each in owned
    )


def _line(owned: _Owned, member: Member | None, figure: Figure | None, *, standing: Standing, rested: Rested) -> Line:
    said = owned._asdict()
    return Line(
        **{**said, "accepted_on": _iso(owned.accepted_on)},
        network=standing.state,
        network_since=_iso(standing.since),
        network_proof=standing.proof or standing.why,
        is_in=member is not None and member.is_in,
        reason="not-in-round" if member is None else member.reason,
        seconds=None if figure is None else figure.seconds,
        policies=() if figure is None else figure.policies,
        records=rested.records,
        records_sha256=rested.sha256,
    )


def _facility(row: tuple[Any, ...], members: list[Member]) -> Facility:
    number, _, name_zh, value_fen, government_fen = row
    found = next((each for each in members if (each.kind, each.name) == ("facility", number)), None)
    if found is None:
        return Facility(number, name_zh, value_fen, government_fen, is_in=False, reason="not-in-round")
    return Facility(number, name_zh, value_fen, government_fen, is_in=found.is_in, reason=found.reason)


def _network(standings: list[Standing]) -> dict[str, int]:
    counted = Counter(each.state for each in standings)
    return {state: counted[state] for state in STATES}


def _docked(connection: Connection, asked: Asked, owned: list[_Owned]) -> tuple[Docked, ...]:
    values = {**asked.values, "assets": [each.asset_no for each in owned]}
    return tuple(Docked(*row) for row in connection.execute(_SQL.list_docked, values))


def _unit_name(connection: Connection, day: dict[str, object]) -> str:
    row = connection.execute(_SQL.find_unit_on, day).fetchone()
    return "" if row is None else str(row[0])


def _names(connection: Connection, orders: dict[str, StandingOrder], gathered: Gathered) -> dict[str, str]:
    """What the registry calls whoever was served or ordered, where it knows them."""
    codes = {each.beneficiary for each in gathered.served} | {each.order.beneficiary for each in orders.values()}
    values = {"usccs": [code for code in codes if code]}
    return dict(connection.execute(_SQL.list_unit_names, values).fetchall())


def _unnamed(orders: dict[str, StandingOrder], year: int) -> dict[str, int]:
    charges = unnamed_fen(orders, year)
    return {"unnamed_orders": len(charges), "unnamed_fen": sum(charges)}


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
