"""The figures of a year: hour records summed up by months, over what a unit or an instrument was in the network for.

The database keeps the sums up as records are written (month_hours); this adds up months, and divides. Definitions are
those of domain.md section 2: an instrument with zero hours stays in the denominator of an average, a rate is the
quotient of sums and never a mean of rates, and what nobody observed, or has no record at all, is missing from the
coverage. A year under way counts up to now: its days in the network are those that are over, and of today what the
open records cover.
"""

from datetime import date, timedelta
from typing import Literal, NamedTuple

from collector.registry.access import Scope
from collector.store.database import Connection
from collector.store.queries import load
from protocol.interval import in_network_s

Place = tuple[str, str]
"""After which (asset number, USCC) a list goes on; the first member is '' for units."""
RankedBy = Literal["effective", "external", "sharing-rate"]
_SQL = load("figures")


class Question(NamedTuple):
    """Which year, as of which local day, over what; `uscc` None: of every unit in the scope."""

    year: int
    today: date
    scope: Scope
    limit: int
    uscc: str | None = None

    @property
    def values(self) -> dict[str, object]:
        """What the queries ask for."""
        last_day = date(self.year, 12, 31)
        return {
            **self.scope.values,
            "first_day": date(self.year, 1, 1),
            "last_day": last_day,
            "owned_until": min(last_day, self.today - timedelta(days=1)),
            "uscc": self.uscc,
            "limit": self.limit,
        }


class YearFigures(NamedTuple):
    """Of a unit (`asset_no` None) or of an instrument while a unit owned it. Seconds are whole.

    `instruments` and `owned_days` are what the unit owned on days that are over; `days` has a record, `days_over` one
    that reaches midnight. Bridged seconds lie in the effective time or beside it; hours by hand beside all of it.
    `a_s` to `x_s` are the effective time by grade, `counted_s` what counts of it (docs/grades.md).
    """

    asset_no: str | None
    uscc: str
    name_zh: str
    name_en: str
    instruments: int
    owned_days: int
    days: int
    days_over: int
    until_s: int
    unobserved_s: int
    bridged_s: int
    effective_s: int
    internal_s: int
    claimed_s: int
    verified_s: int
    unresolved_s: int
    hand_s: int
    hand_external_s: int
    counted_s: int
    counted_external_s: int
    a_s: int
    b_s: int
    c_s: int
    d_s: int
    x_s: int

    @property
    def external_s(self) -> int:
        return self.claimed_s + self.verified_s

    @property
    def in_network_s(self) -> int:
        """All seconds of the days that are over, with a record or without, and what open records cover."""
        return in_network_s(self.owned_days, days_over=self.days_over, until_s=self.until_s)

    @property
    def observed_s(self) -> int:
        return self.until_s - self.unobserved_s - self.bridged_s

    @property
    def coverage(self) -> float | None:
        """Observed seconds ÷ in-network seconds; None where it was not in the network yet."""
        return self.observed_s / self.in_network_s if self.in_network_s > 0 else None

    @property
    def average_effective_s(self) -> float | None:
        """Effective seconds ÷ instruments; None where there were none."""
        return self.effective_s / self.instruments if self.instruments else None

    @property
    def sharing_rate_hours(self) -> float | None:
        """External ÷ effective; None, for undefined, where nothing was effective."""
        return self.external_s / self.effective_s if self.effective_s else None

    @property
    def sharing_rate_verified(self) -> float | None:
        """The same of what at least one document proves."""
        return self.verified_s / self.effective_s if self.effective_s else None


class RankedUnit(NamedTuple):
    """A unit and its place; units of one value share theirs."""

    rank: int
    uscc: str
    name_zh: str
    name_en: str
    effective_s: int
    external_s: int
    verified_s: int


def load_unit_figures(connection: Connection, asked: Question, *, after: str) -> list[YearFigures]:
    """Units that owned anything or have records of that year, by code from after one."""
    values = {**asked.values, "after_uscc": after}
    return [YearFigures(*row) for row in connection.execute(_SQL.list_unit_figures, values, binary=True)]


def load_instrument_figures(connection: Connection, asked: Question, *, after: Place) -> list[YearFigures]:
    """Instruments, once for each unit that owned one in that year, by asset number and code."""
    values = {**asked.values, "after_asset_no": after[0], "after_uscc": after[1]}
    return [YearFigures(*row) for row in connection.execute(_SQL.list_instrument_figures, values, binary=True)]


def rank_units(connection: Connection, asked: Question, *, by: RankedBy) -> list[RankedUnit]:
    """The units with the highest value; those for which it is undefined are left out."""
    rows = connection.execute(_SQL.rank_units, {**asked.values, "by": by}, binary=True)
    return [RankedUnit(*row) for row in rows]


def rebuild_months(connection: Connection) -> int:
    """Sums every hour record up once more, while writers of records wait; returns how many months were wrong."""
    row = connection.execute(_SQL.rebuild_months).fetchone()
    assert row is not None
    return int(row[0])
