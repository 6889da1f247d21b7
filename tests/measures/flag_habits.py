"""Months of honest habits, and of lies, for the rules that look at hours, products and at what people said.

Values are drawn as people behave, the awkward ones among them: who imports once a month, serves a tenth for nothing,
signs out late, aligns an instrument for hours without a product, switches the PC off when he leaves early.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from protocol.flags import bulk_entry, energy, external, feeder, product, ratio, regular, silence, two_places
from protocol.flags.bulk_entry import Entered
from protocol.flags.energy import Spent
from protocol.flags.external import ServedOrder
from protocol.flags.flag import Finding
from protocol.flags.shape import Shape
from protocol.flags.two_places import Attended
from protocol.interval import DAY_MS

MONTH_DAYS = 30
MONTH_MS = MONTH_DAYS * DAY_MS
HOUR_S, HOUR_MS = 3600, 3_600_000
BEGAN_MS = 1_772_294_400_000  # 2026-03-01 in Asia/Shanghai

Found = Finding | None


class Habit(NamedTuple):
    """A rule, and a month of it with or without the lie: how often it alarms."""

    rule: str
    lie: str
    month: Callable[[Random, bool], list[Found]]


def _product(chance: Random, lies: bool) -> list[Found]:
    """A product on most days, of very different size; nothing on one day in forty; a lie's files stop for two days."""
    days = [
        Shape(run_s=(run := chance.randint(HOUR_S, 9 * HOUR_S)), product_s=run, product=_made(chance, run))
        for _ in range(MONTH_DAYS + product.MIN_DAYS)
    ]
    if lies:
        days[-2:] = [Shape(run_s=6 * HOUR_S, product_s=6 * HOUR_S, product=0)] * 2
    return [product.find_no_product(days[: at + 1]) for at in range(product.MIN_DAYS, len(days))]


def _made(chance: Random, run_s: int) -> int:
    is_test = chance.random() < (0.3 if run_s < product.MIN_RUN_S else 0.025)
    return 0 if is_test else round(run_s * chance.lognormvariate(7, 1.2))


def _energy(chance: Random, lies: bool) -> list[Found]:
    """Eight of one model, with accessories and other methods; the lie is a fifth of the power."""
    watts = [chance.gauss(1200, 180) * chance.uniform(0.8, 1.25) for _ in range(8)]
    if lies:
        watts[0] = 1200 * chance.uniform(0.12, 0.25)
    spent = [_spent(each, chance.uniform(15, 200)) for each in watts]
    return [energy.find_low_energy(spent[0], spent[1:])]


def _spent(watts: float, hours: float) -> Spent:
    return Spent(round(watts * hours * 1000), round(hours * HOUR_S))


def _regular(chance: Random, lies: bool) -> list[Found]:
    """Honest: booked slots that begin and end some minutes off; the lie: hours that are round to the minute."""
    days = [_booked(chance) if chance.random() < 0.5 else chance.randint(HOUR_S, 14 * HOUR_S) for _ in range(22)]
    if lies:
        days = [chance.randint(2, 9) * 2 * 1800 + chance.randint(-20, 20) for _ in range(22)]
    return [regular.find_regular_hours(days)]


def _booked(chance: Random) -> int:
    return max(0, chance.choice((3, 4, 8)) * HOUR_S + round(chance.gauss(-240, 300)))


def _bulk(chance: Random, lies: bool) -> list[Found]:
    """Honest: told at once, by the week, or by the month before; the lie: five months on one day."""
    every_days = chance.choice((1, 7, 31))
    entered = []
    for _ in range(chance.randint(12, 60)):
        was_ms = BEGAN_MS - chance.randrange(every_days + 1) * DAY_MS + chance.randrange(MONTH_MS)
        told_ms = BEGAN_MS + (1 + (was_ms - BEGAN_MS) // (every_days * DAY_MS)) * every_days * DAY_MS
        forgotten_ms = chance.randrange(60) * DAY_MS if chance.random() < 0.1 else 0
        entered.append(Entered(told_ms + forgotten_ms, was_ms, chance.randint(HOUR_S, 6 * HOUR_S)))
    if lies:
        day_ms = BEGAN_MS + 20 * DAY_MS
        entered += [
            Entered(day_ms, day_ms - chance.randint(31, 150) * DAY_MS, chance.randint(HOUR_S, 6 * HOUR_S))
            for _ in range(80)
        ]
    return [bulk_entry.find_bulk_entry(entered, is_first=False)]


def _external(chance: Random, lies: bool) -> list[Found]:
    """Honest: nine of ten orders leave a document or a fee; the lie: internal hours under orders that leave none."""
    orders = [
        ServedOrder(f"SO-{n}", chance.randint(HOUR_S, 12 * HOUR_S), documents=0 if chance.random() < 0.25 else 1,
                    paid_fen=0 if chance.random() < 0.4 else 50_000)
        for n in range(chance.randint(1, 15))
    ]  # fmt: skip
    if lies:
        orders += [ServedOrder(f"SO-X{n}", chance.randint(5, 12) * HOUR_S, 0, 0) for n in range(len(orders) + 4)]
    return [external.find_external_unproved(orders)]


def _places(chance: Random, lies: bool) -> list[Found]:
    """Honest: two instruments side by side at once, and a late sign-out before the next house; a month of days."""
    return [two_places.find_two_places("A001", _attended(chance, lies=lies and day == 7)) for day in range(22)]


def _attended(chance: Random, *, lies: bool) -> list[Attended]:
    start_ms = BEGAN_MS + 9 * HOUR_MS
    end_ms = start_ms + chance.randint(1, 5) * HOUR_MS
    late_ms = chance.randrange(20 * 60_000) if chance.random() < 0.3 else 0
    beside = Attended("li", "A002", "house 1", start_ms, end_ms + HOUR_MS)
    then = Attended("li", "B001", "house 2", start_ms - HOUR_MS if lies else end_ms - late_ms, end_ms + 4 * HOUR_MS)
    return [Attended("li", "A001", "house 1", start_ms, end_ms), beside, then]


def _feeder(chance: Random, lies: bool) -> list[Found]:
    """Honest: the feeder's clock is some minutes off at both ends of each run; the lie: nothing hangs on it."""
    found = []
    for day in range(22):
        run_s = chance.randint(600, 9 * HOUR_S)
        idle_s = run_s if lies and day == 3 else min(run_s // 2, 60 * chance.randint(0, 6))
        found.append(feeder.find_feeder_idle(Shape(run_s=run_s, feeder_s=run_s, feeder_idle_s=idle_s)))
    return found


def _ratio(chance: Random, lies: bool) -> list[Found]:
    """Honest: in one month of ten the instrument is changed, and its run takes more; the lie: a ratio of two."""
    changed = chance.uniform(1.5, 3) if chance.random() < 0.1 else 1.0
    days = []
    for day in range(MONTH_DAYS):
        by_ratio, by_change = (2.0 if lies and day >= 20 else 1.0), (changed if day >= 15 else 1.0)
        run_mw = round(900_000 * by_ratio * by_change * chance.uniform(0.7, 1.3))
        days.append(Shape(run_mw=run_mw, standby_mw=round(200_000 * by_ratio * chance.uniform(0.9, 1.1))))
    return [ratio.find_ratio_changed(days[: at + 1]) for at in range(MONTH_DAYS)]


def _silence(chance: Random, lies: bool) -> list[Found]:
    """Honest: nights without a PC, outages at any time, uses that end early; the lie: silent whenever it is used."""
    used, silent = [], []
    for day in range(MONTH_DAYS):
        start_ms = BEGAN_MS + day * DAY_MS + chance.randint(8, 12) * HOUR_MS
        end_ms = start_ms + chance.randint(2, 6) * HOUR_MS
        used.append((start_ms, end_ms))
        if chance.random() < 0.5:
            silent.append((end_ms - (chance.randrange(40 * 60_000) if chance.random() < 0.5 else 0), end_ms + HOUR_MS))
        if chance.random() < 0.2:
            at_ms = BEGAN_MS + day * DAY_MS + chance.randrange(DAY_MS)
            silent.append((at_ms, at_ms + chance.randint(5, 90) * 60_000))
        if lies and day % 2:
            silent.append((start_ms + 600_000, start_ms + 7_200_000))
    return [silence.find_silence(silent, used, within=(BEGAN_MS, BEGAN_MS + MONTH_MS))]


HABITS = (
    Habit("run-without-product", "two days without a file", _product),
    Habit("low-energy", "a fifth of the power", _energy),
    Habit("regular-hours", "hours round to the minute", _regular),
    Habit("bulk-entry", "five months on one day", _bulk),
    Habit("external-unproved", "internal hours as external", _external),
    Habit("two-places", "two houses at once for an hour", _places),
    Habit("feeder-idle", "nothing hangs on the feeder", _feeder),
    Habit("ratio-changed", "a ratio of two", _ratio),
    Habit("silent-when-used", "silent in every second use", _silence),
)
