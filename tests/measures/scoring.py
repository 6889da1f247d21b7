"""Draws instruments from a seed, scores a day of each, and says whether the limits of signals.md hold."""

from collections.abc import Iterator, Sequence
from random import Random
from statistics import median
from typing import NamedTuple

from tests.measures.instruments import FAMILIES, SCORED, TUNING, Instrument, day_of, draw
from tests.measures.way import Polling, Score, policy_for, score

PERFECT = Polling(every_s=2.0)
ROUGH = Polling(every_s=2.0, loss=0.3, outages=5)


class Result(NamedTuple):
    """One instrument's day; `why` says why calibration found no thresholds, in place of a score."""

    instrument: Instrument
    score: Score | None
    why: str


class Limits(NamedTuple):
    """Errors of a day's run hours, as shares; seconds claimed of unobserved time."""

    median_error: float
    worst_error: float
    over_unobserved_s: float

    def hold(self, results: Sequence[Result]) -> bool:
        """Whether they hold for all of these together."""
        scores = [each.score for each in results if each.score]
        errors = [each.error for each in scores]
        return (
            bool(scores)
            and median(errors) <= self.median_error
            and max(errors) <= self.worst_error
            and sum(each.over_unobserved_s for each in scores) <= self.over_unobserved_s
        )


LIMITS = Limits(median_error=0.01, worst_error=0.05, over_unobserved_s=0)


def measure(seed: int, *, each: int, polling: Polling, tuning: bool = False) -> Iterator[Result]:
    """Score `each` instruments of every family; the same instruments and days whatever the polling."""
    for family in FAMILIES:
        for number in range(each):
            chance = Random(f"{seed}/{family}/{number}")
            instrument = draw(family, chance, TUNING if tuning else SCORED)
            policy = policy_for(instrument, chance)
            phases = day_of(chance)
            if isinstance(policy, str):
                yield Result(instrument, None, policy)
                continue
            yield Result(instrument, score(instrument, phases, policy, polling=polling, chance=chance), "")
