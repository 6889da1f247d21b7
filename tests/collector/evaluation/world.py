"""A generated year: units, instruments, facilities, and closed days with grades, of which the test knows every second.

What is inserted is what the deriver and the registry insert; what is known of it is kept here as plain numbers, so that
a test can add it up again without any code of the product.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any

from collector.accounts.closing import close_days
from collector.accounts.freezing import Frozen, Period, freeze, one_snapshot
from collector.evaluation.rounds import By
from collector.registry import people, units
from collector.registry.access import Access
from collector.registry.audit import Actor
from collector.registry.people import Person
from protocol import grades, hours
from protocol.attribution import Served
from protocol.grades import GradeRecord
from protocol.hours import HourRecord
from tests.collector.province import POLICY, USCC, Province

YEAR = 2025
FIRST, LAST = date(YEAR, 1, 1), date(YEAR, 12, 31)
NOW = datetime(2026, 1, 20, 4, tzinfo=UTC)
XIAN, BEIJING, SHENZHEN = USCC, "12100000400000624D", "91440300708461136T"
UNITS = (XIAN, BEIJING, SHENZHEN)
LIMIT_FEN = 20_000_000
WEIGHED = {"A": "two controls", "B": "one control", "C": "late", "D": "too late", "X": "excluded"}
"""Grades, each with a reason that it may have."""


@dataclass
class Day:
    """One closed day; `by_grade` are its effective seconds."""

    asset_no: str
    day: date
    owner: str
    policy: str
    unobserved_s: int
    by_grade: dict[str, int]
    accepted_s: int
    internal_s: int
    claimed_s: int
    verified_s: int
    unresolved_s: int
    uncounted_external_s: int
    hand_s: int


@dataclass
class Held:
    """An instrument or a facility as the registry has it; `owners` from which day on."""

    name: str
    value_fen: int | None
    government_fen: int | None
    shareable: bool | None
    owners: list[tuple[date, str | None]]
    kind: str = "instrument"
    bookable: bool | None = None


@dataclass
class World:
    """What was generated."""

    province: Province
    held: list[Held] = field(default_factory=list)
    days: list[Day] = field(default_factory=list)

    @property
    def connection(self) -> Any:
        return self.province.connection

    def freeze(self, name: str = "2025", *, first: date = FIRST, last: date = LAST, unit: str | None = None) -> Frozen:
        with one_snapshot(self.connection):
            return freeze(self.connection, Period(name, first, last, unit), by="Wang", now=NOW)

    def person(self, name: str, role: str | None) -> Person:
        with self.connection.transaction():
            made = people.register_person(self.connection, name)
            people.appoint(self.connection, made, Access(role), now=NOW)
        return made

    def add(self, held: Held) -> None:
        """Registers an instrument or a facility."""
        self.held.append(held)
        values = {**held.__dict__, "day": date(2020, 1, 1)}
        if held.kind == "facility":
            self.connection.execute(
                "INSERT INTO facility (facility_no, kind, name_zh) VALUES (%(name)s, 'facility', '大科学装置')", values
            )
            self.connection.execute(
                "INSERT INTO facility_description (facility_no, from_day, name_zh, name_en, uscc, value_fen,"
                " government_fen, recorded_by) VALUES (%(name)s, %(day)s, '大科学装置', '', %(uscc)s, %(value_fen)s,"
                " %(government_fen)s, 'li')",
                {**values, "uscc": held.owners[-1][1]},
            )
            return
        self.connection.execute("INSERT INTO instrument (asset_no, name_zh) VALUES (%(name)s, '电子显微镜')", values)
        self.connection.execute(
            "INSERT INTO instrument_description (asset_no, from_day, name_zh, name_en, class_code, value_fen, funding,"
            " government_fen, maker, model, origin, country, shareable, exempt_document, exempt_reason, bookable,"
            " recorded_by)"
            " VALUES (%(name)s, %(day)s, '电子显微镜', '', '', %(value_fen)s, '', %(government_fen)s, '', '', '', '',"
            " %(shareable)s, %(document)s, %(document)s, %(bookable)s, 'li')",
            {**values, "document": "密字1号" if held.shareable is False else ""},
        )
        for from_day, uscc in held.owners:
            self.connection.execute(
                "INSERT INTO ownership (asset_no, uscc, from_day) VALUES (%s, %s, %s)", [held.name, uscc, from_day]
            )

    def put(self, day: Day) -> None:
        """Stores the records of a day as the deriver does, and remembers it."""
        self.days.append(day)
        record = _record(day)
        raw = hours.encode(record)
        said = record.__struct_fields__
        columns = {name: getattr(record, name) for name in said if name.endswith("_s")}
        columns |= {"asset_no": day.asset_no, "day": day.day, "body": raw, "policy": day.policy, "owner": day.owner,
                    "lead_in": "off", "lead_out": record.lead_out, "phase_in": "new", "phase_out": "new", "follow": "",
                    "head": "", "looks_ahead": False, "until_s": 86_400}  # fmt: skip
        _insert(self.province, "hour_record", columns)
        graded = _grades(day, record, raw)
        _insert(self.province, "day_grade", {
            "asset_no": day.asset_no, "day": day.day, "body": grades.encode(graded), "owner": day.owner,
            **{f"{grade.lower()}_s": day.by_grade[grade] for grade in WEIGHED}, "lost_s": 0,
            "counted_s": graded.counted_s, "counted_external_s": graded.counted_external_s,
        })  # fmt: skip

    def close(self, today: date | None = None) -> None:
        """Closes what is over at a local day, else at that of NOW."""
        close_days(self.connection, today=today or NOW.date(), after_days=3)

    def regrade(self, day: Day, *, number: int, accepted_s: int) -> None:
        """Two people accepted time in doubt of a closed day: its grades have one more revision."""
        day.accepted_s = accepted_s
        record = _record(day)
        raw = grades.encode(_grades(day, record, hours.encode(record)))
        self.connection.execute(
            "INSERT INTO closed_grade (asset_no, day, number, record, body, sha256, cites, why)"
            " SELECT asset_no, day, %(number)s, 1, %(body)s, %(sha256)s, sha256, 'decision' FROM closed_grade"
            " WHERE asset_no = %(asset_no)s AND day = %(day)s AND number = %(number)s - 1",
            {
                "asset_no": day.asset_no,
                "day": day.day,
                "body": raw,
                "sha256": sha256(raw).hexdigest(),
                "number": number,
            },
        )


def by(why: str = "test", *, name: str = "Wang", now: datetime = NOW) -> By:
    return By(Actor(name, "command", "wang@host"), why, now)


def generate(province: Province, seed: int, *, instruments: int = 10, days: int = 14) -> World:
    """A year of three units, drawn by chance; closed and not frozen yet."""
    random = Random(seed)
    made = World(province)
    for uscc in (BEIJING, SHENZHEN):
        units.register_unit(province.connection, uscc, name_zh=f"单位{uscc[:4]}")
    policies = [province.policy.sha256, province.put_policy(POLICY.replace(b"test policy", b"other policy"))]
    for number in range(instruments):
        made.add(_draw_instrument(random, f"A{number:03}"))
    made.add(Held("F01", 10 * LIMIT_FEN, 10 * LIMIT_FEN, None, [(date(2020, 1, 1), XIAN)], "facility"))
    made.add(Held("F02", 10 * LIMIT_FEN, LIMIT_FEN, None, [(date(2020, 1, 1), BEIJING)], "facility"))
    for held in made.held:
        if held.kind == "instrument" and random.random() < 0.85:
            for number in sorted(random.sample(range(365), random.randrange(days))):
                made.put(_draw_day(random, held, FIRST + timedelta(days=number), random.choice(policies)))
    made.close()
    return made


def owner_on(held: Held, day: date) -> str | None:
    """Who owned it, by the latest of the facts up to that day."""
    return max((each for each in held.owners if each[0] <= day), key=lambda each: each[0])[1]


def _draw_instrument(random: Random, name: str) -> Held:
    value = random.choice([None, LIMIT_FEN - 1, LIMIT_FEN, *(random.randrange(LIMIT_FEN, 10**10) for _ in range(6))])
    government = None if value is None else random.choice([None, value // 2, value // 2 + 1, value, value, value])
    owners: list[tuple[date, str | None]] = [(date(2020, 1, 1), random.choice(UNITS))]
    if random.random() < 0.4:
        owners.append((date(YEAR, random.randrange(1, 13), 2), random.choice([*UNITS, None])))
    shareable = random.choice([True, True, True, None, False])
    # The last digit of the name: other draws of the same seed stay what they were.
    is_odd = int(name[-1]) % 2 == 1
    return Held(name, value, government, shareable, owners, bookable=None if shareable is False else is_odd)


def _draw_day(random: Random, held: Held, day: date, policy: str) -> Day:
    by_grade = {grade: random.choice([0, random.randrange(1, 9000)]) for grade in WEIGHED}
    effective = sum(by_grade.values())
    cuts = sorted(random.randrange(effective + 1) for _ in range(3))
    internal, claimed, verified, unresolved = (b - a for a, b in zip([0, *cuts], [*cuts, effective], strict=True))
    accepted = random.choice([0, by_grade["D"], by_grade["D"] // 2])
    uncounted, external = by_grade["D"] - accepted + by_grade["X"], claimed + verified
    least = max(0, external - (effective - uncounted))
    return Day(
        held.name, day, owner_on(held, day) or "", policy, random.choice([0, 86_400 - 45_001]), by_grade, accepted,
        internal, claimed, verified, unresolved,
        uncounted_external_s=random.randrange(least, min(uncounted, external) + 1),
        hand_s=random.choice([0, 600]),
    )  # fmt: skip


def _record(day: Day) -> HourRecord:
    effective = sum(day.by_grade.values())
    edges = [(0, effective, "run"), (effective, 86_400 - day.unobserved_s, "off"),
             (86_400 - day.unobserved_s, 86_400, "unobserved")]  # fmt: skip
    standings = {"internal": day.internal_s, "claimed": day.claimed_s, "verified": day.verified_s,
                 "unresolved": day.unresolved_s}  # fmt: skip
    served = tuple(sorted(Served("", "", name, s, 0) for name, s in standings.items() if s))  # type: ignore[arg-type]
    zero = dict.fromkeys(("standby_s", "prepare_s", "post_s", "calibrate_s", "maintain_s", "fault_s", "inferred_s",
                          "bridged_s", "no_run_s", "hand_external_s"), 0)  # fmt: skip
    spans: Any = tuple(each for each in edges if each[0] < each[1])
    return HourRecord(
        v=2, asset=day.asset_no, day=day.day.isoformat(), policy=day.policy, owner=day.owner, lead_in="off",
        lead_out="unobserved" if day.unobserved_s else "off", phase_in="new", phase_out="new", follow="", until=86_400,
        off_s=86_400 - day.unobserved_s - effective, run_s=effective, unobserved_s=day.unobserved_s,
        energised_s=effective, effective_s=effective, internal_s=day.internal_s, claimed_s=day.claimed_s,
        verified_s=day.verified_s, unresolved_s=day.unresolved_s, hand_s=day.hand_s, journals=(), facts=(), spans=spans,
        classes=(), bridged=(), served=served, told=(), flags=(), **zero,
    )  # fmt: skip


def _grades(day: Day, record: HourRecord, raw: bytes) -> GradeRecord:
    spans, at = [], 0
    for grade, why in WEIGHED.items():
        if seconds := day.by_grade[grade]:
            spans.append((at, at + seconds, grade, why))
            at += seconds
    if at < 86_400 - day.unobserved_s:
        spans.append((at, 86_400 - day.unobserved_s, "B", WEIGHED["B"]))
    seconds_of = [(grade, "run", seconds) for grade, seconds in day.by_grade.items() if seconds]
    if record.off_s:
        seconds_of.append(("B", "off", record.off_s))
    external = day.claimed_s + day.verified_s
    counted = sum(day.by_grade[grade] for grade in "ABC") + day.accepted_s
    counted_external = external - day.uncounted_external_s
    of_external = {"A": counted_external, "D": day.uncounted_external_s}
    values: Any = {
        "spans": tuple(spans), "seconds": tuple(seconds_of),
        "effective": tuple((grade, seconds) for grade, seconds in day.by_grade.items() if seconds),
        "external": tuple((grade, seconds) for grade, seconds in of_external.items() if seconds),
    }  # fmt: skip
    return GradeRecord(
        v=1, asset=day.asset_no, day=record.day, record=sha256(raw).hexdigest(), policy=day.policy, lost_s=0,
        counted_s=counted, counted_external_s=counted_external, error_ms=-1, decisions=(), **values,
    )  # fmt: skip


def _insert(province: Province, table: str, columns: dict[str, object]) -> None:
    names = ", ".join(columns)
    places = ", ".join(f"%({name})s" for name in columns)
    province.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})".encode(), columns)
