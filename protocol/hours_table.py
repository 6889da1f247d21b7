"""The hour records of a bundle as a table for people: CSV, a line a day, the same bytes whoever writes it. Pure.

    day,revision,lead_in,until_s,off_s,…,effective_s,external_s,…,a_s,b_s,c_s,d_s,x_s,counted_s,…,journals,record
    2026-03-02,1,off,86400,52800,…,30000,7200,…,0,30000,0,0,0,30000,…,jishi.example/a/em-01/1 24-47,5b31…

Seconds are whole; grades are of effective time; `journals` are first and last index of each log's entries that show the
day, `record` the SHA-256 of the record's bytes. An auditor makes the table again and compares, so nobody can put other
hours before people than the records hold.
"""

import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

from protocol.grades import GRADES, GradeRecord
from protocol.hours import HourRecord

_STATES: Final = (
    *("off_s", "standby_s", "prepare_s", "run_s", "post_s", "calibrate_s", "maintain_s", "fault_s", "unobserved_s"),
    *("energised_s", "inferred_s", "bridged_s", "no_run_s", "effective_s", "external_s", "internal_s", "claimed_s"),
    *("verified_s", "unresolved_s", "hand_s", "hand_external_s"),
)
COLUMNS: Final = (
    *("day", "revision", "lead_in", "until_s"),
    *_STATES,
    *(f"{grade.lower()}_s" for grade in GRADES),
    *("counted_s", "counted_external_s", "journals", "record"),
)


class Row(NamedTuple):
    """A day: its record and the bytes of it, its revision (None: the day is open), its grades where there are any."""

    record: HourRecord
    raw: bytes
    revision: int | None
    grades: GradeRecord | None


def header() -> str:
    """The first line."""
    return _line(COLUMNS)


def line(row: Row) -> str:
    """The line of a day."""
    record, graded = row.record, row.grades
    by_grade = {} if graded is None else dict(graded.effective)
    return _line([
        record.day,
        "" if row.revision is None else row.revision,
        record.lead_in,
        record.until,
        *(getattr(record, name) for name in _STATES),
        *("" if graded is None else by_grade.get(grade, 0) for grade in GRADES),
        *(("", "") if graded is None else (graded.counted_s, graded.counted_external_s)),
        " ".join(f"{origin} {first}-{last}" for origin, first, last in record.journals),
        hashlib.sha256(row.raw).hexdigest(),
    ])  # fmt: skip


def _line(cells: Iterable[object]) -> str:
    return ",".join(_cell(str(cell)) for cell in cells) + "\n"


def _cell(text: str) -> str:
    """Quoted where RFC 4180 asks for it."""
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\r\n') else text
