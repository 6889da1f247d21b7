"""A year of a small province as the test knows it: what goes into the API, and the figures that have to come out.

Everything here is plain numbers and Fractions; nothing of collector or protocol takes part in what is expected. Hours
alone do not come over the API but out of instruments: tests/collector/evaluation/world.py puts their records where the
deriver would.
"""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

from tests.collector.evaluation.world import WEIGHED, Day, Held

YEAR = 2025
XIAN, BEIJING, SHENZHEN = "91610131MA6TYUUC74", "12100000400000624D", "91440300708461136T"
UNITS = {XIAN: ("西安测试大学", "610131"), BEIJING: ("北京示例研究院", "110108"), SHENZHEN: ("深圳示例企业", "440305")}
MOST = {1: 500, 3: 1000, 4: 1000, 6: 2000, 8: 1000}
"""Hundredths of a point that experts can give under the example scheme."""


class Instrument(NamedTuple):
    """One line of the registry's file; money in fen."""

    asset_no: str
    owner: str
    value_fen: int
    government_fen: int
    shareable: bool | None
    bookable: bool | None = None

    @property
    def is_counted(self) -> bool:
        """指引二: from 200 000 CNY on, by public money for more than half, and not exempt (意见二(一))."""
        return self.value_fen >= 20_000_000 and 2 * self.government_fen > self.value_fen and self.shareable is not False

    @property
    def held(self) -> Held:
        owners: list[tuple[date, str | None]] = [(date(2020, 1, 1), self.owner)]
        return Held(self.asset_no, self.value_fen, self.government_fen, self.shareable, owners)


def draw_instruments(random: Random) -> list[Instrument]:
    """Four instruments a unit that count, and three of all kinds that do not."""
    counted = [
        Instrument(
            f"{name}{number:02}",
            uscc,
            value := random.randrange(20_000_000, 10**10),
            value,
            random.choice([True, True, None]),
            bookable=number == 2,
        )
        for name, uscc in zip("ABC", UNITS, strict=True)
        for number in range(4)
    ]
    return [
        *counted,
        Instrument("D01", XIAN, 19_999_999, 19_999_999, True),
        Instrument("D02", BEIJING, 50_000_000, 25_000_000, True),
        Instrument("D03", SHENZHEN, 50_000_000, 50_000_000, False),
    ]


def draw_days(random: Random, instruments: Iterable[Instrument], policy: str, year: int, idle: str) -> list[Day]:
    """Closed days of a year, up to twelve hours each; the instruments of unit `idle` hardly run at all."""
    found = []
    for each in instruments:
        days = random.randrange(1, 3) if each.owner == idle else random.randrange(20, 30)
        for number in sorted(random.sample(range(365), days)):
            by_grade = {grade: random.randrange(1, 9_000) for grade in WEIGHED}
            effective = sum(by_grade.values())
            verified, claimed = random.randrange(effective // 3), random.randrange(effective // 4)
            accepted = random.choice([0, by_grade["D"]])
            uncounted = by_grade["D"] - accepted + by_grade["X"]
            found.append(
                Day(
                    each.asset_no, date(year, 1, 1) + timedelta(days=number), each.owner, policy,
                    random.choice([0, 41_000]), by_grade, accepted, internal_s=effective - verified - claimed,
                    claimed_s=claimed, verified_s=verified, unresolved_s=0,
                    uncounted_external_s=max(0, verified + claimed + uncounted - effective), hand_s=0,
                )
            )  # fmt: skip
    return found


_SAID = {True: "是", None: "", False: "否"}
_SHARED = {True: "是,,", None: ",,", False: "否,密字1号,涉密"}


def units_csv() -> bytes:
    lines = [f"{uscc},{name},{division}" for uscc, (name, division) in UNITS.items()]
    return "\n".join(["统一社会信用代码,单位名称,行政区划代码", *lines]).encode("gb18030")


def instruments_csv(instruments: Iterable[Instrument]) -> bytes:
    head = (
        "资产编号,仪器名称,原值(元),财政经费(元),是否开放共享,豁免文号,豁免原因,是否开放预约,验收日期,"
        "管理单位统一社会信用代码"
    )
    lines = [
        f"{each.asset_no},电子显微镜,{yuan(each.value_fen)},{yuan(each.government_fen)},"
        f"{_SHARED[each.shareable]},{_SAID[each.bookable]},2020-03-02,{each.owner}"
        for each in instruments
    ]
    return "\n".join([head, *lines]).encode("gb18030")


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"


# What has to come out


def expected_measures(instruments: Iterable[Instrument], days: Iterable[Day], uscc: str) -> dict[str, tuple[int, int]]:
    """Numerator and denominator of every measure of a unit; "": of all."""
    mine = {each.asset_no: each for each in instruments if each.is_counted and uscc in ("", each.owner)}
    seen = [day for day in days if day.asset_no in mine]
    value = sum(each.value_fen for each in mine.values())
    opened = [each for each in mine.values() if each.shareable]
    counted = sum(sum(day.by_grade[grade] for grade in "ABC") + day.accepted_s for day in seen)
    verified = sum(max(0, day.verified_s - day.uncounted_external_s) for day in seen)
    return {
        "open_rate_value": (sum(each.value_fen for each in opened), value),
        "opened_rate_count": (len(opened), len(mine)),
        "docked_share": (len({day.asset_no for day in seen}), len(mine)),
        "bookable_share": (sum(each.bookable is True for each in mine.values()), len(mine)),
        "average_effective": (counted, len(mine)),
        "sharing_rate_verified": (verified, counted),
    }


def expected_points(scheme: str, measures: Mapping[str, tuple[int, int]], given: Mapping[int, Fraction]) -> Fraction:
    """Hundredths of a point: what the curves make of the quotients, and what experts gave."""
    total = sum(given.values(), Fraction(0))
    for curve in tomllib.loads(scheme)["curve"]:
        numerator, denominator = measures[curve["measure"]]
        unit = Fraction(1, 3600) if curve["measure"] == "average_effective" else Fraction(10_000)
        total += on_curve(curve["knots"], Fraction(numerator, denominator) * unit)
    return total


def on_curve(knots: list[tuple[int, int]], value: Fraction) -> Fraction:
    """Linear between two knots, level beyond them."""
    if value <= knots[0][0]:
        return Fraction(knots[0][1])
    for (left, low), (right, high) in pairwise(knots):
        if value <= right:
            return low + Fraction(high - low) * (value - left) / (right - left)
    return Fraction(knots[-1][1])


def expected_ranks(points: Mapping[str, Fraction]) -> dict[str, int]:
    """Equal points share a rank, and the next one is left free."""
    return {uscc: 1 + sum(other > mine for other in points.values()) for uscc, mine in points.items()}


def expected_rating(scheme: str, hundredths: Fraction) -> str:
    cutoffs = tomllib.loads(scheme)["cutoffs"]
    reached = [name for name in ("excellent", "good", "qualified") if hundredths >= cutoffs[name] * 100]
    return reached[0] if reached else "poor"


def expected_draw(round_name: str, seed: str, count: int) -> list[str]:
    """docs/cases.md: the lowest SHA-256 over four lines."""

    def key(uscc: str) -> str:
        return hashlib.sha256(f"jishi-visits/v1\n{round_name}\n{seed}\n{uscc}\n".encode()).hexdigest()

    return sorted(UNITS, key=key)[:count]


def measures_of(shown: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """What the API says, in the same form."""
    return {each["measure"]: (each["numerator"], each["denominator"]) for each in shown["measures"]}
