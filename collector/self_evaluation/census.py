"""The yearly census 普查表 (意见二(四)): the registry as of a day with the year's figures up to it, and what became
different since the same day of the year before.

Both tables are made of dated facts as they are known today: a fact that is recorded late changes the table of the year
before as well, and shows in both. Hours are those of hour records, closed or not, under the owner of that day.
"""

from calendar import isleap
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Literal, NamedTuple

from collector.errors import CalendarUnknown
from collector.network.states import THRESHOLD_FEN, WORKING_DAYS
from collector.network.states import State as NetworkState
from collector.network.working_days import overdue_since
from collector.registry.access import Scope
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("census")
What = Literal["added", "left", "changed"]


class CensusLine(NamedTuple):
    """An instrument as of the day, and its hours of the year up to it, in seconds. Money is in fen."""

    uscc: str
    unit_name: str
    unit_kind: str
    department: str
    division: str
    asset_no: str
    name_zh: str
    class_code: str
    maker: str
    model: str
    origin: str
    country: str
    value_fen: int | None
    funding: str
    government_fen: int | None
    accepted_on: date | None
    shareable: bool | None
    exempt_document: str
    bookable: bool | None
    fee: str
    location: str
    facility: str
    centre: str
    network: NetworkState
    network_since: date | None
    owned_days: int
    observed_s: int
    effective_s: int
    counted_s: int
    verified_s: int
    claimed_s: int
    hand_s: int

    @property
    def coverage(self) -> float | None:
        """Observed ÷ all seconds of the days owned; None where it was not owned on a day that is over."""
        return self.observed_s / (self.owned_days * 86_400) if self.owned_days else None


REGISTERED: tuple[str, ...] = tuple(name for name in CensusLine._fields if not name.endswith(("_s", "_days")))
"""The members that differ only where the registry says otherwise; hours differ each year."""


class CensusDifference(NamedTuple):
    """An instrument that was not in the table a year before, is not any more, or of which a value is another one."""

    what: What
    asset_no: str
    name_zh: str
    member: str
    was: object
    now: object


class Census(NamedTuple):
    """The table as of a day, and the one of a year before."""

    as_of: date
    before: date
    lines: list[CensusLine]
    lines_before: list[CensusLine]

    @property
    def differences(self) -> list[CensusDifference]:
        return list(compare(self.lines_before, self.lines))


def take_census(connection: Connection, *, as_of: date, scope: Scope, uscc: str | None = None) -> Census:
    """The census of what units in the scope owned at the end of a local day; in the caller's transaction."""
    before = a_year_before(as_of)
    return Census(
        as_of,
        before,
        _load(connection, before=as_of, scope=scope, uscc=uscc),
        _load(connection, before=before, scope=scope, uscc=uscc),
    )


def a_year_before(day: date) -> date:
    """The same day of the year before; of 29 February the 28th."""
    is_leap_day = (day.month, day.day) == (2, 29) and isleap(day.year)
    return day.replace(year=day.year - 1, day=28 if is_leap_day else day.day)


def compare(was: Iterable[CensusLine], now: Iterable[CensusLine]) -> Iterator[CensusDifference]:
    """What is different, by asset number: added and left once each, and each value that changed. Pure."""
    left, right = ({each.asset_no: each for each in lines} for lines in (was, now))
    for asset_no in sorted({*left, *right}):
        old, new = left.get(asset_no), right.get(asset_no)
        if old is None and new is not None:
            yield CensusDifference("added", asset_no, new.name_zh, "", None, new.unit_name)
        elif new is None and old is not None:
            yield CensusDifference("left", asset_no, old.name_zh, "", old.unit_name, None)
        elif old is not None and new is not None:
            yield from _changed(old, new)


def _changed(old: CensusLine, new: CensusLine) -> Iterator[CensusDifference]:
    before: Mapping[str, Any] = old._asdict()
    after: Mapping[str, Any] = new._asdict()
    for member in REGISTERED:
        if before[member] != after[member]:
            yield CensusDifference("changed", new.asset_no, new.name_zh, member, before[member], after[member])


def _load(connection: Connection, *, before: date, scope: Scope, uscc: str | None) -> list[CensusLine]:
    """As of `before`, included. Where the working days of a year are unknown nothing is told to be overdue."""
    try:
        cutoff = overdue_since(before, WORKING_DAYS)
    except CalendarUnknown:
        cutoff = None
    values = {
        **scope.values,
        "day": before,
        "first_day": date(before.year, 1, 1),
        "month_after": _first_of_open_month(before),
        "threshold": THRESHOLD_FEN,
        "cutoff": cutoff,
        "uscc": uscc,
    }
    return [CensusLine(*row) for row in connection.execute(_SQL.list_census, values, binary=True)]


def _first_of_open_month(day: date) -> date:
    """The first day of the month of which only days up to this one count: months before it count as a whole."""
    following = date.fromordinal(day.toordinal() + 1)
    return following.replace(day=1)
