"""What became of the rows of a file that somebody brought: how many were taken, and which were refused and why.

    rows=16000 accepted=15997 unchanged=0 refused=3
    row 17, uscc: '12100000400000624X': its check character should be D; compare it with the certificate

They are told by row. A report keeps the first MAX_REFUSALS refusals and counts the rest, so that a file of nothing but
faults is no flood.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_REFUSALS = 1_000
MAX_VALUE_CHARS = 80
_CSV_HEADINGS = ("行 row", "字段 field", "内容 value", "原因 why", "处理办法 remedy")
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


class Refusal(NamedTuple):
    """Why one row was not taken. `row` as the spreadsheet numbers it, 0: the whole file; `value` as it was found."""

    row: int
    field: str
    value: str
    why: str
    remedy: str

    def __str__(self) -> str:
        place = ", ".join(([f"row {self.row}"] if self.row else []) + ([self.field] if self.field else []))
        found = f" {self.value[:MAX_VALUE_CHARS]!r}:" if self.value else ""
        return f"{place}:{found} {self.why}; {self.remedy}"


@dataclass
class Report:
    """Filled while a file is read; the only value here that changes."""

    accepted: int = 0
    unchanged: int = 0
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    _refused_row: int = -1

    @property
    def rows(self) -> int:
        return self.accepted + self.refused

    def accept(self, *, is_new: bool = True) -> None:
        """One row was taken; not new: it says what is known already."""
        self.accepted += 1
        self.unchanged += not is_new

    def refuse(self, refusal: Refusal) -> None:
        """One row was not taken. Faults of one row follow each other; the row counts once."""
        self.refused += refusal.row != self._refused_row
        self._refused_row = refusal.row
        if len(self.refusals) < MAX_REFUSALS:
            self.refusals.append(refusal)

    def by_row(self) -> list[Refusal]:
        """The refusals by row, whatever found them; those of one row as they were found."""
        return sorted(self.refusals, key=lambda refusal: refusal.row)

    def text(self) -> str:
        """For a terminal: the counts, then a line for each refusal."""
        return "\n".join([_counts(self), *map(str, self.by_row()), *_untold(self)])

    def csv(self) -> bytes:
        """For a spreadsheet: UTF-8 with BOM, and no cell that it would take for a formula."""
        written = io.StringIO()
        table = csv.writer(written)
        table.writerow(_CSV_HEADINGS)
        table.writerows([refusal.row, *map(_inert, refusal[1:])] for refusal in self.by_row())
        return written.getvalue().encode("utf-8-sig")

    def json(self) -> bytes:
        """For machines: the counts and the refusals by their members' names."""
        document = {
            "rows": self.rows,
            "accepted": self.accepted,
            "unchanged": self.unchanged,
            "refused": self.refused,
            "refusals": [refusal._asdict() for refusal in self.by_row()],
        }
        return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _counts(report: Report) -> str:
    names = ("rows", "accepted", "unchanged", "refused")
    return " ".join(f"{name}={getattr(report, name)}" for name in names)


def _untold(report: Report) -> Iterator[str]:
    if len(report.refusals) >= MAX_REFUSALS:
        yield f"only the first {MAX_REFUSALS} faults are told; correct those and bring the file again"


def _inert(text: str) -> str:
    """What came from a stranger's file must not become a formula in the reader's spreadsheet."""
    return f"'{text}" if text.startswith(_FORMULA_SIGNS) else text
