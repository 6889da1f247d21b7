"""`make flag-measures SEED=n`: how often each rule of protocol/flags alarms on honest months, and what it finds.

Two figures a rule: honest instrument-months with an alarm, and planted lies that were found. The rules that look at
power are tried on traces that go the whole way (flag_traces.py), the others on months of habits (flag_habits.py).
Instruments are drawn from ranges that were not used for tuning, unless --tuning is given. Exit code 1 where an honest
rate is above LIMIT. The table of docs/flags.md is what this prints.
"""

import argparse
import sys
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from protocol.flags.constant_load import find_constant_load
from protocol.flags.replay import find_replayed, find_same_pattern
from tests.measures.flag_habits import HABITS
from tests.measures.flag_traces import LIES, WEEKS_BACK, Day, Lie, honest_days, lie_about, named_runs, workers
from tests.measures.instruments import SCORED, TUNING, Ranges

DAYS_A_MONTH = 22
LEARNING_DAYS = 12
"""Before the first month: a rule says nothing while it knows no history."""
HABIT_MONTHS = 400
"""Months of every habit, honest ones and lies; they cost little."""
LIMIT = 0.05
"""Honest instrument-months with an alarm, as a share, that we bear."""
RULES_OF: dict[Lie, tuple[str, ...]] = {
    "constant": ("constant-load",),
    "resistor": ("constant-load",),
    "copied": ("replayed-trace", "same-pattern"),
    "played": ("replayed-trace",),
}


class Rate(NamedTuple):
    """Of so many months (or lies) so many had an alarm."""

    rule: str
    what: str
    alarms: int
    of: int

    @property
    def share(self) -> float:
        return self.alarms / self.of if self.of else 0.0


def measure(seed: int, *, each: int, months: int, ranges: Ranges = SCORED) -> Iterator[Rate]:
    """All rates: `honest` ones first, then those of the lies."""
    honest, lies = _of_traces(seed, each=each, months=months, ranges=ranges)
    for habit in HABITS:
        for is_lie, into in ((False, honest), (True, lies)):
            drawn = (Random(f"habits/{seed}/{habit.rule}/{is_lie}/{number}") for number in range(HABIT_MONTHS))
            found = [any(habit.month(chance, is_lie)) for chance in drawn]
            into.append(Rate(habit.rule, habit.lie if is_lie else "honest", sum(found), len(found)))
    yield from honest
    yield from lies


def _of_traces(seed: int, *, each: int, months: int, ranges: Ranges) -> tuple[list[Rate], list[Rate]]:
    alarms = {rule: 0 for rules in RULES_OF.values() for rule in rules}
    found: dict[tuple[str, Lie], int] = {(rule, lie): 0 for lie, rules in RULES_OF.items() for rule in rules}
    tried = 0
    for worker in workers(seed, each=each, ranges=ranges):
        tried += 1
        chance = Random(f"days/{seed}/{tried}")
        days = honest_days(worker, LEARNING_DAYS + months * DAYS_A_MONTH, chance)
        twin = honest_days(worker, len(days), chance)
        for month in range(months):
            first = LEARNING_DAYS + month * DAYS_A_MONTH
            of_month = [_alarms(days[:at], days[at], twin[at]) for at in range(first, first + DAYS_A_MONTH)]
            for rule in {rule for of_day in of_month for rule in of_day}:
                alarms[rule] += 1
        for lie in LIES:
            lying = lie_about(worker, days, lie, chance)
            told = _alarms(days, lying, lying if lie == "copied" else twin[-1])
            for rule in told & set(RULES_OF[lie]):
                found[rule, lie] += 1
    honest = [Rate(rule, "honest", count, tried * months) for rule, count in sorted(alarms.items())]
    return honest, [Rate(rule, lie, count, tried) for (rule, lie), count in sorted(found.items())]


def _alarms(before: list[Day], day: Day, beside: Day) -> set[str]:
    """Which rules alarm on a day; `beside`: what another instrument did on it."""
    usual = [each.nearest_ppb for each in before[-WEEKS_BACK:] if each.nearest_ppb is not None]
    runs, others = day.shape.runs, [("A002", run) for run in beside.shape.runs]
    found = (
        find_constant_load(day.shape, [each.shape for each in before[-2 * WEEKS_BACK :]]),
        find_replayed(runs, named_runs(before), usual_ppb=usual),
        find_same_pattern(runs, others, usual_ppb=usual),
    )
    return {each.rule for each in found if each is not None}


def main() -> int:
    """Prints the table; 1 where an honest rate is above LIMIT."""
    parser = argparse.ArgumentParser(prog="python -m tests.measures.flags", description=__doc__)
    parser.add_argument("--seed", type=int, required=True, help="which instruments, months and lies")
    parser.add_argument("--each", type=int, default=1, help="instruments of each family and habit (default 1)")
    parser.add_argument("--months", type=int, default=2, help="months of each (default 2)")
    parser.add_argument("--tuning", action="store_true", help="draw from the ranges for tuning instead")
    arguments = parser.parse_args()
    ranges = TUNING if arguments.tuning else SCORED
    rates = list(measure(arguments.seed, each=arguments.each, months=arguments.months, ranges=ranges))
    print(f"seed {arguments.seed}\n\n| rule | what | alarms | of | share |\n|---|---|---:|---:|---:|")
    for rate in rates:
        print(f"| {rate.rule} | {rate.what} | {rate.alarms} | {rate.of} | {rate.share:.1%} |")
    return int(any(rate.share > LIMIT for rate in rates if rate.what == "honest"))


if __name__ == "__main__":
    sys.exit(main())
