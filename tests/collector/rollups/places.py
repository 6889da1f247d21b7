"""A registry that changes, and hour records for their numbers alone, for the tests of roll-ups.

`Places.expected` adds up the same from records and dated facts, day by day and in Python: what roll-ups are held
against.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from collector.registry import instruments
from collector.registry.described import Facility, Instrument, Unit
from collector.registry.descriptions import describe
from collector.registry.places import Move, move
from collector.rollups.line import Line
from collector.rollups.period import Period
from collector.rollups.rollup import By, Question, load_lines
from tests.collector.province import Province

OURS, OTHERS = "91610131MA6TYUUC74", "12100000400000624D"
EARLY = date(2020, 1, 1)
TODAY = date(2026, 11, 20)
HOUR = 3600
SUMMED = ("effective_s", "claimed_s", "verified_s", "unresolved_s", "hand_s", "counted_s", "days")


class Served(NamedTuple):
    """External seconds of a record for a beneficiary."""

    beneficiary: str
    seconds: int
    standing: str = "verified"


@dataclass
class Places:
    """Facts and records, also kept here."""

    province: Province
    records: dict[tuple[str, date], dict[str, int]] = field(default_factory=dict)

    def unit(
        self, uscc: str, *, division: str = "", kind: str = "", from_day: date = EARLY, name: str = "单位"
    ) -> None:
        said = Unit(uscc=uscc, name_zh=name, kind=kind, division=division)
        with self.province.connection.transaction():
            describe(self.province.connection, [(said, from_day)], recorded_by="li")

    def instrument(self, asset_no: str, *, owner: str | None = OURS, from_day: date = EARLY, **said: object) -> None:
        with self.province.connection.transaction():
            made = Instrument(asset_no=asset_no, name_zh=f"仪器{asset_no}", **said)  # type: ignore[arg-type]
            describe(self.province.connection, [(made, from_day)], recorded_by="li")
        if owner is not None:
            self.owner(asset_no, owner, from_day)

    def owner(self, asset_no: str, uscc: str | None, from_day: date) -> None:
        instruments.register_owner(self.province.connection, asset_no, uscc=uscc, from_day=from_day)

    def centre(self, *numbers: str, owner: str = OURS) -> None:
        with self.province.connection.transaction():
            made = [
                (Facility(facility_no=number, kind="centre", name_zh=f"平台{number}", uscc=owner), EARLY)
                for number in numbers
            ]
            describe(self.province.connection, made, recorded_by="li")

    def member(self, asset_no: str, centre: str | None, from_day: date) -> None:
        with self.province.connection.transaction():
            moved = [Move(asset_no, "centre", centre, from_day)]
            move(self.province.connection, moved, recorded_by="li", existed=())

    def work(
        self,
        asset_no: str,
        day: date,
        effective_s: int,
        *,
        served: Sequence[Served] = (),
        owner: str | None = None,
        until_s: int = 86_400,
        hand_s: int = 60,
    ) -> None:
        """A record as the deriver would put it, and its grades: two thirds of its effective time count."""
        told = [["SO-1", *each[:1], each.standing, each.seconds, 1] for each in served]
        parts = Counter({"claimed": 0, "verified": 0})
        for each in served:
            parts[each.standing] += each.seconds
        found = instruments.find_owner(self.province.connection, asset_no, day=day) if owner is None else owner
        values = {
            "asset_no": asset_no,
            "day": day,
            "owner": found or "",
            "body": json.dumps([effective_s, until_s, hand_s]).encode()
            + b',"served":' + json.dumps(told, separators=(",", ":")).encode() + b',"told":[]',
            "until_s": until_s,
            "run_s": effective_s,
            "claimed_s": parts["claimed"],
            "verified_s": parts["verified"],
            "unresolved_s": effective_s - parts["claimed"] - parts["verified"],
            "hand_s": hand_s,
            "counted_s": effective_s * 2 // 3,
        }  # fmt: skip
        with self.province.connection.transaction():
            self.province.connection.execute(_PUT, values)
            self.province.connection.execute(_GRADE, values)
        self.records[asset_no, day] = {
            "effective_s": effective_s,
            **{name: values[name] for name in SUMMED if name in values},  # type: ignore[dict-item]
            "days": 1,
        }

    def forget(self, asset_no: str, day: date) -> None:
        self.province.connection.execute("DELETE FROM hour_record WHERE asset_no = %s AND day = %s", [asset_no, day])
        self.records.pop((asset_no, day), None)

    def lines(self, by: By, year: int, month: int | None = None, **more: object) -> dict[str, Line]:
        asked = Question(by, Period(year, month), TODAY, **more)  # type: ignore[arg-type]
        return {line.key: line for line in load_lines(self.province.connection, asked)}

    def expected(self, by: By, period: Period) -> dict[str, dict[str, int]]:
        """What the records of a period sum up to, each under what the registry says of its day."""
        sums: dict[str, Counter[str]] = {}
        for (asset_no, day), numbers in self.records.items():
            if period.first_day <= day <= period.last_day:
                sums.setdefault(self._key(by, asset_no, day), Counter()).update(numbers)
        return {key: {name: found[name] for name in SUMMED} for key, found in sums.items()}

    def _key(self, by: By, asset_no: str, day: date) -> str:
        [row] = self.province.rows(_TOLD, asset_no, day)
        told = dict(zip(("unit", "centre", "class", "origin", "division", "kind"), map(str, row), strict=True))
        digits: Mapping[str, int] = {"province": 2, "city": 4, "county": 6}
        return "" if by == "all" else told["division"][: digits[by]] if by in digits else told[by]


def sums(lines: Mapping[str, Line]) -> dict[str, dict[str, int]]:
    """What `expected` gives, of the lines that have hours."""
    return {key: {name: getattr(line, name) for name in SUMMED} for key, line in lines.items() if line.days}


def total(lines: Mapping[str, Line], names: Sequence[str]) -> dict[str, int]:
    return {name: sum(getattr(line, name) for line in lines.values()) for name in names}


def merged(lines: Mapping[str, Line], shorten: Callable[[str], str], names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Lines added up under shorter keys."""
    found: dict[str, Counter[str]] = {}
    for key, line in lines.items():
        found.setdefault(shorten(key), Counter()).update({name: getattr(line, name) for name in names})
    return {key: {name: numbers[name] for name in names} for key, numbers in found.items()}


def days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days)]


_TOLD = """
SELECT coalesce(owner_on(a, d), ''), coalesce(member_on(a, 'centre', d), ''), i.class_code, i.origin,
       coalesce(u.division, ''), coalesce(u.kind, '')
FROM (VALUES (%s::text, %s::date)) AS asked (a, d)
CROSS JOIN LATERAL instrument_on(a, d) i LEFT JOIN LATERAL unit_on(owner_on(a, d), d) u ON true
"""
_PUT = """
INSERT INTO hour_record (asset_no, day, body, policy, owner, lead_in, lead_out, phase_in, phase_out, follow, head,
    looks_ahead, until_s, off_s, standby_s, prepare_s, run_s, post_s, calibrate_s, maintain_s, fault_s, unobserved_s,
    energised_s, inferred_s, bridged_s, no_run_s, effective_s, internal_s, claimed_s, verified_s, unresolved_s, hand_s,
    hand_external_s)
SELECT %(asset_no)s, %(day)s, %(body)s, sha256, %(owner)s, 'off', 'off', 'new', 'new', '', '', false, %(until_s)s,
    %(until_s)s - %(run_s)s, 0, 0, %(run_s)s, 0, 0, 0, 0, 0, %(run_s)s, 0, 0, 0, %(run_s)s, 0, %(claimed_s)s,
    %(verified_s)s, %(unresolved_s)s, %(hand_s)s, 0 FROM policy LIMIT 1
ON CONFLICT (asset_no, day) DO UPDATE SET body = excluded.body, owner = excluded.owner, until_s = excluded.until_s,
    off_s = excluded.off_s, run_s = excluded.run_s, energised_s = excluded.energised_s,
    effective_s = excluded.effective_s, claimed_s = excluded.claimed_s, verified_s = excluded.verified_s,
    unresolved_s = excluded.unresolved_s, hand_s = excluded.hand_s
WHERE hour_record.body <> excluded.body
"""
_GRADE = """
INSERT INTO day_grade (asset_no, day, body, owner, a_s, b_s, c_s, d_s, x_s, lost_s, counted_s, counted_external_s)
VALUES (%(asset_no)s, %(day)s, %(body)s, %(owner)s, %(counted_s)s, 0, 0, 0, %(run_s)s - %(counted_s)s, 0,
    %(counted_s)s, 0)
ON CONFLICT (asset_no, day) DO UPDATE SET body = excluded.body, owner = excluded.owner, a_s = excluded.a_s,
    x_s = excluded.x_s, counted_s = excluded.counted_s
"""
