"""What a year of each instrument came to, by source: the annual message.

Hours are those of the sums by months, users the different hashes of its uses, projects and services and income those of
the service records that were made of that year: whoever reports a year makes its records first. Papers, patents and the
remark are entered, because nobody can measure them; where nobody did there is no value.
"""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from collector.exchange.lines import effect_id
from collector.exchange.sources import Values
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("exchange")


class YearTold(NamedTuple):
    """An instrument's year with a unit, under its name, and all that can be said of it."""

    inner_id: str
    unit: str
    asset_no: str
    values: Values


def list_years(connection: Connection, year: int, *, unit: str | None) -> Iterator[YearTold]:
    """By instrument, each that has an hour record in the year or of which somebody entered something."""
    values = {"first_day": date(year, 1, 1), "last_day": date(year, 12, 31), "unit": unit}
    for row in connection.execute(_SQL.list_effects, values).fetchall():
        asset_no, owner, name, class_code, unit_name, effective_s, external_s, verified_s, *counted = row
        users, projects, services, income_fen, papers, patents, remark = counted
        key = effect_id(owner, asset_no, year)
        yield YearTold(key, owner, asset_no, {
            "message.inner_id": key,
            "unit.uscc": owner,
            "unit.name_zh": unit_name,
            "instrument.asset_no": asset_no,
            "instrument.name_zh": name,
            "instrument.class_code": class_code,
            "effect.year": year,
            "effect.effective_seconds": effective_s,
            "effect.external_seconds": external_s,
            "effect.verified_seconds": verified_s,
            "effect.sharing_rate": share(external_s, effective_s),
            "effect.users": users,
            "effect.projects": projects,
            "effect.services": services,
            "effect.income_fen": income_fen,
            "effect.papers": papers,
            "effect.patents": patents,
            "effect.remark": remark,
        })  # fmt: skip


def share(part: int, whole: int) -> int | None:
    """Hundredths of a percent, halves up; None where nothing is divided by nothing.

    >>> share(1, 3), share(0, 0)
    (3333, None)
    """
    return (2 * part * 10_000 + whole) // (2 * whole) if whole else None
