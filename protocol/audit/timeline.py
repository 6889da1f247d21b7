"""`jishi-audit timeline`: what a policy makes of a recording, in whole seconds. Pure; the derivation is the kernel's.

The recording is covered from its first to its last sample. Instants are rounded down to seconds once, durations never,
as in hour records: the seconds of all states add up to the covered span, and those of sessions to the run.
"""

import json
from typing import NamedTuple

from protocol.counted import count_energy
from protocol.interval import Interval
from protocol.lead import STATES, UNOBSERVED, State
from protocol.policy import Policy
from protocol.sample_file import Notation, Recording
from protocol.samples import Sample, hole_limit_ms, observe_samples, poll_period_ms
from protocol.timeline import Span, derive

_WORDS: dict[State, str] = {
    "off": "off 关机",
    "standby": "standby 空载",
    "run": "run 运行",
    "unobserved": "unobserved 未观测",
}


class Told(NamedTuple):
    """Seconds by state, sessions (UTC s), and by what: the policy, and how often the meter was asked, in ms."""

    seconds: dict[State, int]
    sessions: list[Interval]
    covered: Interval
    policy: Policy
    poll_ms: int
    notation: Notation


def tell(recording: Recording, policy: Policy, *, poll_ms: int | None = None) -> Told:
    """Derive; `poll_ms` is the median step of the recording where nobody says it."""
    samples = [_behind_transformers(sample, policy) for sample in recording.samples]
    poll_ms = poll_period_ms(samples) if poll_ms is None else poll_ms
    limit_ms = hole_limit_ms(poll_ms, policy.gap_ms)
    observed = observe_samples(samples, hole_limit_ms=limit_ms, valid_mw=policy.valid_mw)
    start_ms, end_ms = samples[0].at_ms, samples[-1].at_ms
    counted = count_energy(observed, policy)
    spans = derive(counted, policy, start_ms=start_ms, end_ms=end_ms, lead_in=UNOBSERVED).spans
    seconds = {state: sum(_seconds(span) for span in spans if span.state == state) for state in STATES}
    sessions = [_whole(span) for span in spans if span.state == "run" and _seconds(span)]
    return Told(seconds, sessions, (start_ms // 1000, end_ms // 1000), policy, poll_ms, recording.notation)


def _behind_transformers(sample: Sample, policy: Policy) -> Sample:
    """What the instrument drew, where the meter measures through transformers (the policy's `ratio`)."""
    counter_mwh = None if sample.counter_mwh is None else policy.scaled(sample.counter_mwh)
    return sample._replace(power_mw=policy.scaled(sample.power_mw), counter_mwh=counter_mwh)


def as_json(told: Told) -> str:
    """One line for programs; times as the recording writes them, always with a zone."""
    sessions = [_times(session, told.notation) for session in told.sessions]
    return json.dumps({"seconds": told.seconds, "sessions": sessions, "policy": told.policy.sha256})


def as_table(told: Told) -> str:
    """The same for people."""
    start, end = _times(told.covered, told.notation)
    span_s = max(1, told.covered[1] - told.covered[0])
    return "\n".join(
        [
            f"policy      {told.policy.name} ({told.policy.sha256})",
            f"covered     {start} to {end}, a sample each {told.poll_ms / 1000:g} s",
            *(
                f"{_WORDS[state]:<18}{s:>8} s {s / 3600:>8.2f} h {s / span_s:>7.1%}"
                for state, s in told.seconds.items()
            ),
            f"sessions    {len(told.sessions)}",
            *(_session_line(session, told.notation) for session in told.sessions),
        ]
    )


def _session_line(session: Interval, notation: Notation) -> str:
    start, end = _times(session, notation)
    return f"  {start} to {end} {(session[1] - session[0]) / 3600:>8.2f} h"


def _times(interval: Interval, notation: Notation) -> list[int | str]:
    return [notation.write(second * 1000) for second in interval]


def _whole(span: Span) -> Interval:
    return span.start_ms // 1000, span.end_ms // 1000


def _seconds(span: Span) -> int:
    start, end = _whole(span)
    return end - start
