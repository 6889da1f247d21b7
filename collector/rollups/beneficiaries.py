"""External hours by where the beneficiary is and what kind of organisation it is. 意见二(八)(九)(十).

    place                     seen from the unit: same-city, same-province (another city of it), other-province
    province, city, county    the beneficiary's division
    kind                      its kind of organisation: enterprise, university, …

Divisions and kinds are those of the year's last day, for its months as well; so these sum to the year, key by key. A
beneficiary that nobody registered as a unit, or whose division nobody said, is in the line ''. The lines of one
question sum to the external seconds of the units' figures.
"""

from typing import Literal, NamedTuple, get_args

from collector.registry.access import EVERYTHING, Scope
from collector.rollups.period import Period
from collector.store.database import Connection
from collector.store.queries import load

ServedBy = Literal["place", "province", "city", "county", "kind"]
SERVED_BYS: tuple[ServedBy, ...] = get_args(ServedBy)
_SQL = load("rollups")


class Served(NamedTuple):
    """External seconds of one key; `units` served there, `beneficiaries` are those that records name."""

    key: str
    units: int
    beneficiaries: int
    claimed_s: int
    verified_s: int

    @property
    def external_s(self) -> int:
        return self.claimed_s + self.verified_s


def load_served(
    connection: Connection,
    by: ServedBy,
    period: Period,
    *,
    scope: Scope = EVERYTHING,
    after: str | None = None,
    limit: int = 1000,
) -> list[Served]:
    """Lines by key after one; None: from the first on. A scope of one instrument holds none of a unit's."""
    values = {
        **scope.values,
        "by": by,
        "grain": period.grain,
        "first_day": period.first_day,
        "described_on": Period(period.year).last_day,
        "is_first": after is None,
        "after": after or "",
        "limit": limit,
    }
    return [Served(*row) for row in connection.execute(_SQL.list_served, values, binary=True)]
