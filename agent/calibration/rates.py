"""How often an instrument has to be looked at: the hours of a policy on thinned recordings. Pure; rule 8.

A meter tells the power of an instant. Of a load that changes within seconds, a slow poll sees another share of its
time than a fast one; how much that is worth, the recording itself tells: it is thinned, and the hours compared.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from protocol.counted import count_energy
from protocol.lead import UNOBSERVED
from protocol.policy import Policy
from protocol.samples import Sample, hole_limit_ms, observe_samples
from protocol.timeline import derive

RATES_MS = (1_000, 2_000, 5_000, 10_000)
SAME = 0.01
"""Hours that differ by no more than this are the same."""


class Rate(NamedTuple):
    """Milliseconds of run that a poll period shows."""

    poll_ms: int
    run_ms: int


def compare_rates(samples: Sequence[Sample], policy: Policy, *, poll_ms: int) -> list[Rate]:
    """The recording as it is, then thinned to each slower rate that it is long enough for.

    `poll_ms` is how it was recorded, and `samples` cover some time.
    """
    slower = [rate_ms for rate_ms in RATES_MS if rate_ms > poll_ms]
    thinned = [(poll_ms, samples), *((rate_ms, list(_thin(samples, rate_ms))) for rate_ms in slower)]
    return [Rate(rate_ms, _run_ms(some, policy, poll_ms=rate_ms)) for rate_ms, some in thinned if len(some) > 1]


def slowest_that_serves(rates: Sequence[Rate]) -> int:
    """The longest poll period, in ms, up to which all show the same hours as the first."""
    slowest = rates[0]
    for rate in rates[1:]:
        if abs(rate.run_ms - rates[0].run_ms) > SAME * rates[0].run_ms:
            break
        slowest = rate
    return slowest.poll_ms


def _thin(samples: Sequence[Sample], rate_ms: int) -> Iterator[Sample]:
    """What a poll each `rate_ms` would have got: the first sample at or after each due time."""
    due_ms = samples[0].at_ms
    for sample in samples:
        if sample.at_ms >= due_ms:
            yield sample
            due_ms = max(due_ms + rate_ms, sample.at_ms - rate_ms // 2)


def _run_ms(samples: Sequence[Sample], policy: Policy, *, poll_ms: int) -> int:
    limit_ms = hole_limit_ms(poll_ms, policy.gap_ms)
    observed = observe_samples(samples, hole_limit_ms=limit_ms, valid_mw=policy.valid_mw)
    start_ms, end_ms = samples[0].at_ms, samples[-1].at_ms
    spans = derive(count_energy(observed, policy), policy, start_ms=start_ms, end_ms=end_ms, lead_in=UNOBSERVED).spans
    return sum(span.end_ms - span.start_ms for span in spans if span.state == "run")
