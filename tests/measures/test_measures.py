"""The measures of signals.md section 3, on a few instruments drawn from a seed; `make measures SEED=n` takes more.

JISHI_SEED names another seed. It is printed with a failure, and draws instruments that were not used for tuning.
"""

import os

import pytest

from tests.measures.instruments import SCORED, TUNING
from tests.measures.scoring import LIMITS, PERFECT, ROUGH, measure

SEED = int(os.environ.get("JISHI_SEED", "2026"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("polling", [PERFECT, ROUGH], ids=["every poll heard", "30 % lost and five outages"])
def test_hours_of_unknown_instruments_are_exact_and_nothing_is_claimed_that_nobody_saw(polling):
    results = list(measure(SEED, each=1, polling=polling))
    told = [(each.instrument.family, each.score or each.why) for each in results]
    assert LIMITS.hold(results), f"JISHI_SEED={SEED}: {told}"
    assert sum(each.score is not None for each in results) >= len(results) - 1, f"JISHI_SEED={SEED}: {told}"


def test_what_is_scored_lies_outside_of_what_was_tuned_with():
    for tuned, scored in zip(TUNING, SCORED, strict=True):
        assert tuned[1] < scored[0] or scored[1] < tuned[0]
