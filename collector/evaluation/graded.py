"""What counts of the days of a frozen period, by instrument: grade records, added up one after the other.

A year of a province is millions of them, so they come in portions, and of each no more is decoded than is added. Of a
day on which not all external time counts, what does not count is taken from the verified time first: a grade record
divides external time by grade and not by whether a document proves it, and the smaller figure is the one that is
certain. Only for such days the hour record is read as well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("rounds")
_AT_ONCE = 5000


@dataclass
class Graded:
    """The sums of one instrument's days under one owner, in seconds.

    `uncounted_verified_s`: what of the verified time does not count. `ungraded_days` have no grades at all.
    """

    counted_s: int = 0
    uncounted_verified_s: int = 0
    by_grade: dict[str, int] = field(default_factory=dict)
    policies: set[str] = field(default_factory=set)
    ungraded_days: int = 0


class _Grades(msgspec.Struct):
    """What is added up of a grade record (protocol/grades.py)."""

    policy: str
    effective: list[tuple[str, int]]
    external: list[tuple[str, int]]
    counted_s: int
    counted_external_s: int


class _Record(msgspec.Struct):
    """What of an hour record (protocol/hours.py)."""

    claimed_s: int
    verified_s: int


_decode_grades = msgspec.json.Decoder(_Grades).decode
_decode_record = msgspec.json.Decoder(_Record).decode


def sum_grades(
    connection: Connection, frozen_id: int, *, grade_seq: int, owned: Mapping[str, str]
) -> dict[str, Graded]:
    """The sums of the instruments in `owned` over the frozen days on which the unit named there owned them.

    By the newest grades of each frozen record up to `grade_seq`. The connection is inside a transaction.
    """
    found: dict[str, Graded] = {}
    values = {"frozen_id": frozen_id, "grade_seq": grade_seq, "assets": list(owned), "owners": list(owned.values())}
    with connection.cursor(name="graded", binary=True) as cursor:
        cursor.execute(_SQL.list_graded, values)
        while portion := cursor.fetchmany(_AT_ONCE):
            _add_portion(connection, portion, found)
    return found


def _add_portion(connection: Connection, portion: Iterable[tuple[object, ...]], found: dict[str, Graded]) -> None:
    doubtful: dict[tuple[object, ...], int] = {}
    for asset_no, day, revision, body in portion:
        held = found.setdefault(str(asset_no), Graded())
        if not isinstance(body, bytes):
            held.ungraded_days += 1
            continue
        grades = _decode_grades(body)
        held.counted_s += grades.counted_s
        held.policies.add(grades.policy)
        for grade, seconds in grades.effective:
            held.by_grade[grade] = held.by_grade.get(grade, 0) + seconds
        if grades.counted_external_s < sum(seconds for _, seconds in grades.external):
            doubtful[asset_no, day, revision] = grades.counted_external_s
    if not doubtful:
        return
    assets, days, revisions = zip(*doubtful, strict=True)
    values = {"assets": list(assets), "days": list(days), "revisions": list(revisions)}
    for *key, body in connection.execute(_SQL.list_records, values, binary=True):
        record = _decode_record(body)
        counted_s = max(0, doubtful[tuple(key)] - record.claimed_s)
        found[str(key[0])].uncounted_verified_s += record.verified_s - counted_s
