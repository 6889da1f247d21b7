"""What is read beside the records of a bundle, day by day: the grade records, and the table for people. Pure."""

from collections.abc import Iterator
from datetime import date
from typing import Generic, TypeVar

from protocol.errors import excerpt
from protocol.hours_table import Row, header, line

_Value = TypeVar("_Value")


class Table:
    """The table for people, line by line against what the records say."""

    def __init__(self, lines: Iterator[tuple[str, bytes]]) -> None:
        self._lines = lines
        self.why = ""
        self._is_headed = self._next() == header()

    def holds(self, row: Row) -> bool:
        """Whether the next line is this row's."""
        found, expected = self._next(), line(row)
        self.why = f"{excerpt(found, 200)} stands where {excerpt(expected, 200)} should"
        return self._is_headed and found == expected

    def is_over(self) -> bool:
        """Whether nothing follows."""
        rest = self._next()
        self.why = "its first line is another" if not self._is_headed else f"a line too many: {excerpt(rest, 200)}"
        return self._is_headed and not rest

    def _next(self) -> str:
        raw = next(self._lines, None)
        return "" if raw is None else raw[1].decode("utf-8", "replace") + "\n"


class Ahead(Generic[_Value]):
    """Values by day, asked for in the order of days; those that nobody asked for are kept apart."""

    def __init__(self, values: Iterator[tuple[date, _Value, bytes]]) -> None:
        self._values = values
        self._next = next(values, None)
        self.skipped: list[tuple[date, _Value]] = []

    def at(self, day: date) -> tuple[_Value, bytes] | None:
        """The value of a day, None where there is none."""
        while self._next is not None and self._next[0] < day:
            self.skipped.append(self._next[:2])
            self._next = next(self._values, None)
        if self._next is None or self._next[0] != day:
            return None
        found = self._next[1:]
        self._next = next(self._values, None)
        return found

    def rest(self) -> Iterator[tuple[date, _Value]]:
        """What is left behind the last day that was asked for; read to the end, so that nothing there is unseen."""
        if self._next is not None:
            yield self._next[:2]
        for day, value, _ in self._values:
            yield day, value
