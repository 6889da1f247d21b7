"""The cells of one row of orders, uses or documents, read by field; what cannot be read becomes a refusal. Pure."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import TypeVar

from collector.errors import BadCell
from collector.facts.cells import read_hours, read_instant, read_minutes, read_period
from collector.facts.mapping import SheetMapping
from collector.registry.cells import FEN_OF_YUAN, read_day, read_money, read_word
from collector.sheet_report import Refusal
from collector.sheets import Row
from protocol import uscc

MAX_CHARS = {"asset": 64, "order": 64, "key": 200, "user": 200, "voucher_number": 64}
MAX_TEXT_CHARS = 200

Value = TypeVar("Value")


class Cells:
    """The cells of one row, read one by one; what cannot be read becomes a refusal and counts as empty."""

    def __init__(self, row: Row, mapping: SheetMapping) -> None:
        self.row = row
        self.mapping = mapping
        self.refusals: list[Refusal] = []

    def text(self, field: str) -> str | None:
        text = self.row.fields.get(field, "") or self.mapping.default.get(field, "")
        most = MAX_CHARS.get(field, MAX_TEXT_CHARS)
        if len(text) > most:
            self.refuse(field, f"it has {len(text)} characters", f"write at most {most}")
            return None
        if not text.isprintable():
            self.refuse(field, "it holds a line feed or another control character", "write it on one line")
            return None
        return text or None

    def read(self, field: str, reader: Callable[[str], Value]) -> Value | None:
        text = self.text(field)
        try:
            return None if text is None else reader(text)
        except BadCell as error:
            self.refuse(field, error.why, error.remedy)
            return None

    def word(self, field: str) -> str | None:
        return self.read(field, partial(read_word, words=_folded(self.mapping.words.get(field, {}))))

    def instant(self, field: str) -> int | None:
        return self.read(field, partial(read_instant, formats=self.mapping.time_formats))

    def uscc(self, field: str) -> str | None:
        return self.read(field, _read_uscc)

    def day(self, field: str) -> str | None:
        found = self.read(field, read_day)
        return found.isoformat() if isinstance(found, date) else None

    def money(self, field: str) -> int | None:
        return self.read(field, partial(read_money, fen_of_one=FEN_OF_YUAN))

    def needed(self, field: str) -> str | None:
        if not self.row.fields.get(field) and not self.mapping.default.get(field):
            self.refuse(field, "it is missing", "fill it in; a merged cell fills its first row only")
        return self.text(field)

    def refuse(self, field: str, why: str, remedy: str) -> None:
        self.refusals.append(self.row.refused(field, why=why, remedy=remedy))

    def first_of(self, *fields: str) -> str:
        """The first of these fields that says something; else the first one."""
        return next((field for field in fields if self.row.fields.get(field)), fields[0])

    def stretch(self) -> tuple[int | None, int | None]:
        """Beginning and end: of a period in one cell, of two cells, or of one and a duration. UTC ms."""
        if self.row.fields.get("period"):
            period = self.read("period", partial(read_period, formats=self.mapping.time_formats))
            return period or (None, None)
        start_ms = self.instant("start") if self.needed("start") else None
        if self.row.fields.get("end"):
            return start_ms, self.instant("end")
        field = self.first_of("duration_h", "duration_min")
        if not self.row.fields.get(field):
            self.refuse("end", "it is missing, and no duration is there", "fill in the end or the duration")
            return start_ms, None
        length_ms = self.read(field, read_hours if field == "duration_h" else read_minutes)
        return start_ms, None if start_ms is None or length_ms is None else start_ms + length_ms


def _folded(words: dict[str, str]) -> dict[str, str]:
    return {word.casefold(): meaning for word, meaning in words.items()}


def _read_uscc(text: str) -> str:
    if wrong := uscc.fault(text.upper()):
        why, _, remedy = wrong.partition("; ")
        raise BadCell(why, remedy or "copy it from the certificate, as text")
    return text.upper()
