"""Whether polled watts may have missed, outside the runs, what would have made them longer. Pure; rule 10 of
docs/calibration.md.

A heater that keeps itself warm by pulses shorter than two polls, more often than a pause may be long, ends a run for
the kernel only while the polls happen to miss the pulses. Where they were seen now and then, the watts tell. Where poll
and heater keep in step, none may be seen in all of a recording, but the energy counter has counted them.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from agent.calibration.dwells import SMALL
from agent.calibration.proposal import Proposal
from protocol.interval import Interval, length, subtract, union
from protocol.observation import Observation, between
from protocol.policy import MS_PER_HOUR

METERS_DIFFER = 0.08
"""Watts and counter of one meter agree within this share, where nothing was missed."""


def hangs_on_polls(observed: Sequence[Observation], proposal: Proposal, *, step_mwh: int) -> bool:
    """Whether the ends of runs by watts depend on which moments the polls met; there is a run."""
    open_ms = max(_between_pulses_ms(observed, proposal), _missed_ms(observed, proposal, step_mwh=step_mwh))
    return open_ms > SMALL * proposal.choice.run_ms


def _between_pulses_ms(observed: Sequence[Observation], proposal: Proposal) -> int:
    """How long the pauses are, outside the runs, that would not end one: between moments at a run's power."""
    high = [(each.start_ms, each.end_ms) for each in observed if each.high_mw >= proposal.run.on_mw]
    moments = subtract(union(high), proposal.sessions)
    pauses = [(before[1], after[0]) for before, after in pairwise(moments)]
    short = [pause for pause in pauses if length([pause]) < proposal.choice.dwells.off_ms]
    return length(subtract(short, proposal.sessions))


def _missed_ms(observed: Sequence[Observation], proposal: Proposal, *, step_mwh: int) -> int:
    """For how long a run's power makes the energy that was counted outside the runs and not seen in watts."""
    outside = subtract([(observed[0].start_ms, observed[-1].end_ms)], proposal.sessions)
    counted_mwh, seen_mwh = _energy_mwh(observed, outside)
    missed_mwh = counted_mwh - seen_mwh - step_mwh * len(outside)
    above_mw = proposal.busy_mw - proposal.idle_rest.floor_mw
    if missed_mwh <= METERS_DIFFER * counted_mwh or above_mw <= 0:
        return 0
    return missed_mwh * MS_PER_HOUR // above_mw


def _energy_mwh(observed: Sequence[Observation], when: Sequence[Interval]) -> tuple[int, int]:
    """By the counter, and by the watts."""
    counted = [each for each in _whole(observed, when) if each.delta_mwh is not None]
    seen_mw_ms = sum(each.mean_mw * (each.end_ms - each.start_ms) for each in counted)
    return sum(each.delta_mwh or 0 for each in counted), seen_mw_ms // MS_PER_HOUR


def _whole(observed: Sequence[Observation], when: Sequence[Interval]) -> Iterator[Observation]:
    """Observations that lie inside as a whole."""
    for start_ms, end_ms in when:
        inside = between(observed, start_ms, end_ms=end_ms)
        yield from (each for each in inside if each.counter_mwh is not None)
