"""Which period a notice is about: a month, a quarter or a year of the calendar. Pure.

2026-03   2026-Q1   2026
"""

import re
from datetime import date, timedelta
from typing import NamedTuple

from collector.errors import MonitoringError

_FORM = re.compile(r"(?P<year>2[01][0-9]{2})(-(Q(?P<quarter>[1-4])|(?P<month>0[1-9]|1[0-2])))?", re.ASCII)


class Period(NamedTuple):
    """Local days, both included, under the name that people write."""

    name: str
    first_day: date
    last_day: date

    @property
    def name_zh(self) -> str:
        year, _, rest = self.name.partition("-")
        if not rest:
            return f"{year}年"
        return f"{year}年第{rest[1:]}季度" if rest.startswith("Q") else f"{year}年{int(rest)}月"


def parse_period(text: str) -> Period:
    """Raises MonitoringError for anything else."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise MonitoringError(
            f"{text[:20]!a} is no period: write a month as 2026-03, a quarter as 2026-Q1, a year as 2026"
        )
    year = int(found["year"])
    if found["month"]:
        first, months = int(found["month"]), 1
    elif found["quarter"]:
        first, months = int(found["quarter"]) * 3 - 2, 3
    else:
        first, months = 1, 12
    following = date(year + (first + months > 12), (first + months - 1) % 12 + 1, 1)
    return Period(text, date(year, first, 1), following - timedelta(days=1))
