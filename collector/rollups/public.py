"""What anybody may see of a year that is over: hours of units and of their instruments, which are open, and how units
were rated, once that is published. 意见三、四.

No person is in it, no order, no beneficiary and no money. An instrument that was exempt from sharing on any day of the
year (保密报备) is left out with its hours, of its unit's as well: what is confidential cannot be told by subtracting.
External hours are those that a document proves; what is claimed without one is nothing to publish.
"""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from collector.rollups.line import quotient
from collector.rollups.period import Period
from collector.store.database import Connection
from collector.store.queries import load
from protocol.interval import in_network_s

_SQL = load("rollups")


class Hours(NamedTuple):
    """Whole seconds of a year; `missing_s` of the records' seconds nobody observed or were bridged."""

    owned_days: int
    days_over: int
    until_s: int
    missing_s: int
    effective_s: int
    verified_s: int

    @property
    def coverage(self) -> Fraction | None:
        """Observed ÷ in-network seconds."""
        whole_s = in_network_s(self.owned_days, days_over=self.days_over, until_s=self.until_s)
        return quotient(self.until_s - self.missing_s, whole_s)


class Result(NamedTuple):
    """A unit's line of the published result of the year; `is_example`: by a scheme that nobody decided."""

    rank: int
    rating: str
    is_example: bool
    round: str
    sha256: str


class Unit(NamedTuple):
    """A unit; `opened` of its instruments were open on the year's last day. `result` None: none was published."""

    uscc: str
    name_zh: str
    name_en: str
    instruments: int
    opened: int
    hours: Hours
    result: Result | None


class Instrument(NamedTuple):
    """An instrument while a unit owned it."""

    uscc: str
    asset_no: str
    name_zh: str
    name_en: str
    is_open: bool
    hours: Hours


def is_over(year: int, today: date) -> bool:
    """Whether a year's figures are public: figures of a year under way change every day."""
    return year < today.year


def load_units(connection: Connection, year: int) -> list[Unit]:
    """Units that owned anything in a year, by code."""
    values = _range(year)
    rows = connection.execute(_SQL.list_public_units, values, binary=True).fetchall()
    names = load_names(connection, [row[0] for row in rows], day=Period(year).last_day)
    results = load_results(connection, year)
    return [
        Unit(uscc, *names[uscc], held, opened, Hours(*sums), results.get(uscc)) for uscc, held, opened, *sums in rows
    ]


def load_results(connection: Connection, year: int) -> dict[str, Result]:
    """The published result of a year's round, by unit; empty before it is published."""
    return {uscc: Result(*line) for uscc, *line in connection.execute(_SQL.list_public_results, {"year": year})}


def load_instruments(connection: Connection, year: int, *, uscc: str | None = None) -> list[Instrument]:
    """Instruments of a unit, or of all of them, by owner and asset number."""
    rows = connection.execute(_SQL.list_public_instruments, {**_range(year), "uscc": uscc}, binary=True)
    return [
        Instrument(owner, asset_no, name_zh, name_en, is_open, Hours(*sums))
        for owner, asset_no, name_zh, name_en, is_open, *sums in rows
    ]


def load_names(connection: Connection, codes: Sequence[str], *, day: date) -> dict[str, tuple[str, str]]:
    """What units were called on a day, in Chinese and in English."""
    rows = connection.execute(_SQL.list_unit_names, {"codes": list(codes), "day": day})
    return {uscc: (name_zh, name_en) for uscc, name_zh, name_en in rows}


def _range(year: int) -> dict[str, object]:
    period = Period(year)
    return {"first_day": period.first_day, "until_day": period.last_day}
