"""Flags as lists show them, and in which order instruments ought to be visited."""

from datetime import date, datetime
from typing import NamedTuple

from collector.registry.access import Scope
from collector.store.database import Connection
from collector.store.queries import load
from protocol.flags import flag as flags
from protocol.flags.flag import Flag

_SQL = load("flags")


class Kept(NamedTuple):
    """A flag as it was found and kept; `seq` is its place in the list."""

    seq: int
    sha256: str
    flag: Flag
    weight: int
    found_at: datetime


class Check(NamedTuple):
    """An instrument to be visited, by what its flags weigh together."""

    asset_no: str
    weight: int
    findings: int
    rules: list[str]
    last_day: date


def list_flags(
    connection: Connection,
    scope: Scope,
    *,
    first_day: date,
    last_day: date,
    asset_no: str | None = None,
    rule: str | None = None,
    before: int = 2**62,
    limit: int = 100,
) -> list[Kept]:
    """Flags that touch a range of days, the latest found first."""
    values = {
        "first_day": first_day,
        "last_day": last_day,
        "asset_no": asset_no,
        "rule": rule,
        "before": before,
        "limit": limit,
        **scope.values,
    }
    rows = connection.execute(_SQL.list_flags, values, binary=True).fetchall()
    return [Kept(seq, sha256, flags.decode(bytes(body)), weight, at) for seq, sha256, body, weight, at in rows]


def list_checks(
    connection: Connection, scope: Scope, *, first_day: date, last_day: date, limit: int = 100
) -> list[Check]:
    """The order of on-site checks: each rule of an instrument by its weight, and one more for each further finding."""
    values = {"first_day": first_day, "last_day": last_day, "limit": limit, **scope.values}
    return [Check(*row) for row in connection.execute(_SQL.list_checks, values).fetchall()]
