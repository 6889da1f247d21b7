"""Amendments: what became different after a period was frozen. Listed beside its figures, never added to them."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from collector.accounts.freezing import Frozen
from collector.store.database import Connection
from collector.store.queries import load
from protocol import hours
from protocol.hours import HourRecord

_SQL = load("freezing")


class Amendment(NamedTuple):
    """A day that has another record now. `seconds`: by member, how many it had when frozen and has now; 0 for no
    record then."""

    asset_no: str
    day: date
    revision: int
    why: str
    closed_at: datetime
    seconds: dict[str, tuple[int, int]]


class Since(NamedTuple):
    """A dated fact that reaches into the period and came after it: an owner's USCC or a policy's SHA-256.

    `subject` is an asset number; of a policy also `model NAME` or `default`.
    """

    kind: str
    subject: str
    value: str
    from_day: date
    recorded_at: datetime


def list_amendments(connection: Connection, held: Frozen) -> Iterator[Amendment]:
    """The amended days in their order; the connection is inside a transaction."""
    with connection.cursor(name="amended", binary=True) as cursor:
        cursor.execute(_SQL.list_amended, {**held.period.values, "frozen_id": held.frozen_id})
        for asset_no, day, then, now, revision, why, closed_at in cursor:
            seconds = _differing(None if then is None else hours.decode(then), hours.decode(now))
            yield Amendment(asset_no, day, revision, why, closed_at, seconds)


def list_facts_since(connection: Connection, held: Frozen) -> list[Since]:
    """Owners and policies that came later."""
    known = {"ownership": held.cut.ownership, "policy": held.cut.policy}
    values = {**held.period.values, **known, "frozen_id": held.frozen_id}
    owners = connection.execute(_SQL.list_owners_since, values).fetchall()
    policies = connection.execute(_SQL.list_policies_since, values).fetchall()
    return [*(Since("owner", *row) for row in owners), *(Since("policy", *row) for row in policies)]


def _differing(then: HourRecord | None, now: HourRecord) -> dict[str, tuple[int, int]]:
    names = [name for name in now.__struct_fields__ if name.endswith("_s")]
    pairs = {name: (0 if then is None else getattr(then, name), getattr(now, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
