"""Innovation vouchers 创新券 as orders name them: one by one, and what those of each issuer sum up to. 意见二(四)(五).

Of an order that was corrected the correction counts. Two vouchers are the same where issuer and number are, whatever
their spaces, case and full-width forms. One that pays two orders is *repeated*, within a unit or across units; a unit
learns that another one used the same voucher, and not which.
"""

from datetime import date
from typing import Literal, NamedTuple

from collector.registry.access import EVERYTHING, Scope
from collector.rollups.period import Period
from collector.store.database import Connection
from collector.store.queries import load

Repeated = Literal["", "in-unit", "across-units"]
_SQL = load("rollups")


class Voucher(NamedTuple):
    """A voucher on an order. `seq` is its place among facts; `uses` orders of `units` units name the same one."""

    seq: int
    fact: str
    unit: str
    order_no: str
    issuer: str
    number: str
    amount_fen: int
    beneficiary: str
    beneficiary_name: str
    day: date
    uses: int
    units: int

    @property
    def repeated(self) -> Repeated:
        """'' where one order alone names it, else `in-unit` or `across-units`."""
        if self.uses < 2:
            return ""
        return "in-unit" if self.units < 2 else "across-units"


class Issuer(NamedTuple):
    """Sums over an issuer's vouchers, the first of them at `first_seq`: each once, and the orders that name them.

    `repeated` and `repeated_fen` count an order beyond the first one of its voucher, whoever's the first was.
    """

    first_seq: int
    issuer: str
    vouchers: int
    orders: int
    units: int
    beneficiaries: int
    amount_fen: int
    repeated: int
    repeated_fen: int


def load_vouchers(
    connection: Connection,
    *,
    period: Period | None = None,
    issuer: str | None = None,
    repeated: bool = False,
    scope: Scope = EVERYTHING,
    after: int = 0,
    limit: int = 1000,
) -> list[Voucher]:
    """Vouchers in the order in which they were recorded, after a place. A scope of one instrument holds none."""
    values = {**_range(period), **scope.values, "issuer": issuer, "repeated": repeated, "after": after, "limit": limit}
    return [Voucher(*row) for row in connection.execute(_SQL.list_vouchers, values, binary=True)]


def load_issuers(
    connection: Connection,
    *,
    period: Period | None = None,
    scope: Scope = EVERYTHING,
    after: int = 0,
    limit: int = 1000,
) -> list[Issuer]:
    """Issuers in the order of the first of these vouchers, after a place."""
    values = {**_range(period), **scope.values, "after": after, "limit": limit}
    return [Issuer(*row) for row in connection.execute(_SQL.list_issuers, values, binary=True)]


def _range(period: Period | None) -> dict[str, object]:
    if period is None:
        return {"first_day": None, "last_day": None}
    return {"first_day": period.first_day, "last_day": period.last_day}
