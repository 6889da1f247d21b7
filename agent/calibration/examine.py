"""A recording in, a result out: judged, turned into a policy, and seen through that policy. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from agent.calibration.policy_file import write_policy
from agent.calibration.rates import Rate, compare_rates
from agent.calibration.verdict import GAP_MS, Finding, Phases
from agent.calibration.yardstick import find
from agent.errors import CalibrationError
from protocol.counted import count_energy
from protocol.lead import STATES, UNOBSERVED, State
from protocol.policy import Policy, parse_policy
from protocol.sample_file import Recording
from protocol.samples import hole_limit_ms, observe_samples, poll_period_ms
from protocol.timeline import Span, derive

SLOWEST_POLL_MS = 600_000


class Result(NamedTuple):
    """A finding and, where it holds a proposal, the policy and what it makes of the recording."""

    finding: Finding
    recording: Recording
    poll_ms: int
    raw_policy: bytes
    policy: Policy | None
    spans: Sequence[Span]
    rates: Sequence[Rate]

    @property
    def seconds(self) -> dict[State, int]:
        """By state, rounded once."""
        return {state: sum(e - s for s, e, at in self.spans if at == state) // 1000 for state in STATES}

    @property
    def sessions(self) -> list[Span]:
        """The runs."""
        return [span for span in self.spans if span.state == "run"]


def examine(recording: Recording, name: str, *, poll_ms: int | None = None, phases: Phases | None = None) -> Result:
    """Calibrate; `name` is that of the policy, `poll_ms` the median step where nobody says it.

    CalibrationError where samples are too far apart for a policy, or no two are close enough to cover any time.
    """
    samples = recording.samples
    poll_ms = poll_ms or poll_period_ms(samples)
    if poll_ms > SLOWEST_POLL_MS:
        raise CalibrationError(f"a sample each {poll_ms // 1000} s tells no run; record each 1 or 2 s")
    observed = observe_samples(samples, hole_limit_ms=hole_limit_ms(poll_ms, GAP_MS))
    if not observed:
        raise CalibrationError(f"no two samples lie within {hole_limit_ms(poll_ms, GAP_MS) // 1000} s; poll more often")
    finding = find(observed, poll_ms=poll_ms, phases=phases)
    if finding.proposal is None:
        return Result(finding, recording, poll_ms, b"", None, (), ())
    raw_policy = write_policy(finding, finding.proposal, name=name)
    policy = parse_policy(raw_policy)
    counted = count_energy(observed, policy)
    spans = derive(counted, policy, start_ms=samples[0].at_ms, end_ms=samples[-1].at_ms, lead_in=UNOBSERVED).spans
    return Result(
        finding, recording, poll_ms, raw_policy, policy, spans, compare_rates(samples, policy, poll_ms=poll_ms)
    )
