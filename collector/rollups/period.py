"""The year or the month that a roll-up is of, and up to which of its days anything is counted. Pure."""

from calendar import monthrange
from datetime import date, timedelta
from typing import NamedTuple


class Period(NamedTuple):
    """A calendar year, or a month of it."""

    year: int
    month: int | None = None

    @property
    def grain(self) -> str:
        return "year" if self.month is None else "month"

    @property
    def first_day(self) -> date:
        return date(self.year, self.month or 1, 1)

    @property
    def last_day(self) -> date:
        month = self.month or 12
        return date(self.year, month, monthrange(self.year, month)[1])

    def until(self, today: date) -> date:
        """The reference day: its last day that is over. Before first_day where none is."""
        return min(self.last_day, max(today, self.first_day) - timedelta(days=1))

    @property
    def months(self) -> list["Period"]:
        """The months that it is made of."""
        return [Period(self.year, month) for month in range(1, 13)] if self.month is None else [self]

    def __str__(self) -> str:
        return str(self.year) if self.month is None else f"{self.year}-{self.month:02}"
