"""Roll-ups of hours and values over a year or a month, by one property of instruments or of the units that own them.

    unit, centre, class, origin, kind      as registered; kind is that of the unit's organisation
    province, city, county                 the first 2, 4 or all 6 digits of the unit's division (GB/T 2260)
    all                                    one line

A day of an instrument counts where the registry puts it on that day (decision 0036): an instrument that entered a
centre on 10 March brings its hours from then on. What is worth how much, and what is open, is that of the reference
day, the period's last day that is over. Keys that nobody registered are a line of their own, '', and never left out.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal, NamedTuple, get_args

from collector.registry.access import EVERYTHING, Scope
from collector.rollups.line import Line
from collector.rollups.period import Period
from collector.store.database import Connection
from collector.store.queries import load

By = Literal["all", "unit", "centre", "province", "city", "county", "class", "origin", "kind"]
BYS: tuple[By, ...] = get_args(By)
MIN_VALUE_FEN = 20_000_000
"""Instruments worth less are counted apart and in no open rate: 指引二."""
_AT_ONCE = 10_000
_SQL = load("rollups")


class Question(NamedTuple):
    """What is asked. `special`: prefixes of class codes of special (专用) instruments; all others are general ones.

    `after` None: from the first key on, which is '' where anything has it.
    """

    by: By
    period: Period
    today: date
    scope: Scope = EVERYTHING
    special: Sequence[str] = ()
    after: str | None = None
    limit: int = _AT_ONCE

    @property
    def values(self) -> dict[str, object]:
        """What the query asks for."""
        until = self.period.until(self.today)
        return {
            **self.scope.values,
            "by": self.by,
            "grain": self.period.grain,
            "first_day": self.period.first_day,
            "until_day": until,
            "reference_day": max(until, self.period.first_day),
            "min_value_fen": MIN_VALUE_FEN,
            "special": list(self.special),
            "is_first": self.after is None,
            "after": self.after or "",
            "limit": self.limit,
        }


def load_lines(connection: Connection, asked: Question) -> list[Line]:
    """Lines by key, at most `limit` after `after`."""
    return [Line(*row) for row in connection.execute(_SQL.list_lines, asked.values, binary=True)]


def all_lines(connection: Connection, asked: Question) -> Iterator[Line]:
    """Every line, in the order of keys."""
    while rows := load_lines(connection, asked):
        yield from rows
        asked = asked._replace(after=rows[-1].key)


def rebuild_rollups(connection: Connection) -> int:
    """Makes all sums once more from records and registry; returns how many lines were wrong."""
    row = connection.execute(_SQL.rebuild_rollups).fetchone()
    assert row is not None
    return int(row[0])
