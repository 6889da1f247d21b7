"""What a recording says of its instrument: which level is idling, and whether any thresholds and dwells serve. Pure.

Rules 3, 6 and 7 of docs/calibration.md. Nobody says what the instrument is, unless the recording was guided. The
lowest level at which it rests is its floor; a run is what rises above the floor, unless a higher level shows by its
length and its place that there the instrument idles.

A proposal *serves* when its hours would be the same with somewhat other thresholds and dwells. One that does not is
kept with its objections, for whoever wants to see it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agent.calibration.dwells import spread
from agent.calibration.levels import LEAST_GAP_MW, Mode
from agent.calibration.proposal import Proposal, Proposer
from protocol.interval import Interval, clip, length
from protocol.observation import Observation
from protocol.policy import Counter

LEAST_RECORDING_MS = 300_000
LEAST_RUN_MS = 60_000
GAP_MS = 60_000
GAP_POLLS = 3
FAST_POLL_MS = 2_000
TOLERANCE = 0.08
"""By how much of themselves hours may depend on the choice of one number."""
MOST_AT_REST = 0.5
IDLE_MS, IDLE_OF_RECORDING, IDLE_OF_RUN = 900_000, 0.05, 0.25
SHORT_RECORDING_MS = 18_000_000
SURELY_IDLE_MS, SURELY_IDLE_OF_RECORDING = 1_800_000, 0.1
LEADS_TO_RUNS = 0.8
RUN_SHARE = 0.05
LEAST_WINDOWS = 3
"""Of idling that was told, where the counter decides."""


class Phases(NamedTuple):
    """When a guided recording was what, in UTC ms; no `off` where the instrument is never switched off."""

    off: Interval | None
    idle: Interval
    run: Interval


class Finding(NamedTuple):
    """What calibration found. `objections`: why nothing serves. `remarks`: what whoever approves should know.

    `counter`: what decides in place of the watts.
    """

    modes: list[Mode]
    proposal: Proposal | None
    objections: tuple[str, ...]
    remarks: tuple[str, ...]
    gap_ms: int
    counter: Counter | None = None
    is_open: bool = False  # at which level the instrument idles: nobody told, and the power does not

    @property
    def serves(self) -> bool:
        """Whether the proposal is an answer."""
        return self.proposal is not None and not self.objections


def calibrate(
    observed: Sequence[Observation], *, poll_ms: int, phases: Phases | None = None, counter: Counter | None = None
) -> Finding:
    """Judge observations in order, one at least; of a guided recording, its phases hold something observed each.

    With a `counter`, the power of its windows is judged in place of the watts, by the same rules.
    """
    gap_ms = max(GAP_MS, GAP_POLLS * poll_ms)
    span_ms = observed[-1].end_ms - observed[0].start_ms
    proposer = Proposer(observed, poll_ms=poll_ms, gap_ms=gap_ms, counter=counter)
    modes = proposer.modes()
    if phases and counter and _whole_windows(_inner(phases.idle), counter) < LEAST_WINDOWS:
        return Finding(modes, None, (_short_idle(counter),), (), gap_ms, counter)
    if phases:
        proposal, doubts = _told(proposer, phases, grid_ms=counter.window_ms if counter else 1)
    elif modes:
        proposal, doubts = _untold(proposer, modes, span_ms=span_ms)
    else:
        return Finding(modes, None, (_NO_REST,), (), gap_ms, counter)
    smear = _smear(proposal, counter) if counter else ()
    objections = [*_too_little(observed, proposal), *doubts, *_unsettled(proposal), *smear]
    remarks = _remarks(proposal, poll_ms, counter=counter)
    is_open = bool(doubts) and phases is None
    return Finding(modes, proposal, tuple(objections), tuple(remarks), gap_ms, counter, is_open)


def _untold(proposer: Proposer, modes: list[Mode], *, span_ms: int) -> tuple[Proposal, list[str]]:
    """Rule 3: the run begins above the lowest level, unless the instrument idles at a higher one, or may."""
    lowest = proposer.above(modes[0].rests)
    surely_ms = min(SURELY_IDLE_MS, SURELY_IDLE_OF_RECORDING * span_ms)
    for mode in modes[1:]:
        rests = proposer.is_rest(mode) and _is_long(mode, lowest, span_ms=span_ms)
        if not rests and proposer.stays_ms(mode) < surely_ms:
            continue
        other = proposer.above(mode.rests if rests else mode.stretches, off=modes[0].rests, from_reach=not rests)
        if not _may_idle(proposer, mode, other=other):
            continue
        if rests and mode.longest_ms >= surely_ms:
            return other, []
        if spread(lowest.choice.run_ms, other.choice.run_ms, of_ms=lowest.choice.run_ms) > TOLERANCE:
            return lowest, [_either(mode, lowest=lowest, other=other)]
    return lowest, []


def _is_long(mode: Mode, lowest: Proposal, *, span_ms: int) -> bool:
    """Whether the time at this level may be more than a step of a programme; a short recording tells less of that."""
    if mode.longest_ms >= min(IDLE_MS, IDLE_OF_RECORDING * span_ms):
        return True
    return span_ms < SHORT_RECORDING_MS and mode.total_ms >= IDLE_OF_RUN * lowest.choice.run_ms


def _may_idle(proposer: Proposer, mode: Mode, *, other: Proposal) -> bool:
    """Whether there are runs above this level, which stand out from it and begin from it."""
    return (
        other.choice.run_ms >= max(LEAST_RUN_MS, RUN_SHARE * mode.total_ms)
        and proposer.leads_from(mode, other) >= LEADS_TO_RUNS
        and proposer.stands_out(other)
    )


def _told(proposer: Proposer, phases: Phases, *, grid_ms: int) -> tuple[Proposal, list[str]]:
    """Rule 7: somebody said what was when, so thresholds may begin at what idling reaches, where its floor fails.

    The run is dated to a grid of `grid_ms`; of idling, only what lies whole on it is asked.
    """
    idle, off = [_on_grid(_inner(phases.idle), grid_ms)], [_inner(phases.off)] if phases.off else []
    proposal = proposer.above(idle, off=off)
    doubts = _unlike_told(proposal, phases, grid_ms=grid_ms)
    if doubts or any(_unsettled(proposal)):
        higher = proposer.above(idle, off=off, from_reach=True)
        if not _unlike_told(higher, phases, grid_ms=grid_ms) and not any(_unsettled(higher)):
            return higher, []
    return proposal, doubts


def _unlike_told(proposal: Proposal, phases: Phases, *, grid_ms: int) -> list[str]:
    """Where the run that is found is not the run that was told."""
    told_ms = length([phases.run])
    found_ms = length(clip(proposal.sessions, *phases.run))
    elsewhere_ms = length(proposal.sessions) - found_ms
    borne_ms = max(TOLERANCE * told_ms, 2 * grid_ms)
    doubts = []
    if told_ms - found_ms > borne_ms:
        doubts.append(f"of the run of {_min(told_ms)} only {_min(found_ms)} lie above the idling instrument")
    if elsewhere_ms > borne_ms:
        doubts.append(f"{_min(elsewhere_ms)} outside the run lie as high as the run")
    return doubts


def _inner(phase: Interval) -> Interval:
    """Without a tenth at each end: nobody presses Enter at the very moment."""
    margin_ms = length([phase]) // 10
    return phase[0] + margin_ms, phase[1] - margin_ms


def _on_grid(phase: Interval, grid_ms: int) -> Interval:
    return -(-phase[0] // grid_ms) * grid_ms, phase[1] // grid_ms * grid_ms


def _whole_windows(phase: Interval, counter: Counter) -> int:
    start_ms, end_ms = _on_grid(phase, counter.window_ms)
    return (end_ms - start_ms) // counter.window_ms


def _too_little(observed: Sequence[Observation], proposal: Proposal) -> Iterator[str]:
    seen_ms = sum(each.end_ms - each.start_ms for each in observed)
    if seen_ms < LEAST_RECORDING_MS:
        yield f"only {seen_ms // 1000} s were observed; record off, idle and one run, five minutes at least"
    if proposal.idle_rest.floor_mw < -LEAST_GAP_MW:
        yield f"the power rests at {_w(proposal.idle_rest.floor_mw)}: turn the meter round, or its transformer"
    if proposal.choice.run_ms < LEAST_RUN_MS:
        yield (
            f"no run was seen: the power rests at {_w(proposal.idle_rest.floor_mw)} and was above "
            f"{_w(proposal.run.on_mw)} for {(proposal.choice.run_ms + proposal.choice.missed_ms) // 1000} s in all; "
            "record the instrument off or idle, and a run"
        )


def _unsettled(proposal: Proposal) -> Iterator[str]:
    """Rule 6, where there is a run to speak of."""
    choice, run_ms = proposal.choice, proposal.choice.run_ms
    if run_ms < LEAST_RUN_MS:
        return
    on_s, off_s = choice.dwells.on_ms / 1000, choice.dwells.off_ms / 1000
    if choice.off_spread > TOLERANCE:
        yield f"{_h(run_ms)} of run change by {choice.off_spread:.0%} with how long a pause may be, around {off_s:g} s"
    if choice.on_spread > TOLERANCE:
        yield f"{_h(run_ms)} of run change by {choice.on_spread:.0%} with how long a rise must last, around {on_s:g} s"
    if proposal.threshold_spread > TOLERANCE:
        around = f"around {_w(proposal.run.on_mw)}: no gap divides the run from what is below it"
        yield f"{_h(run_ms)} of run change by {proposal.threshold_spread:.0%} with the threshold, {around}"
    if proposal.rest_ms > MOST_AT_REST * run_ms:
        yield f"{_h(proposal.rest_ms)} of {_h(run_ms)} of run are pauses at rest, bridged by the dwell alone"
    if choice.missed_ms > TOLERANCE * run_ms:
        yield f"beside {_h(run_ms)} of run the power is as high for {_h(choice.missed_ms)}, too briefly to count"


def _smear(proposal: Proposal, counter: Counter) -> Iterator[str]:
    """Rule 10: a run that is dated to windows is longer or shorter by up to one."""
    run_ms, smear_ms = proposal.choice.run_ms, len(proposal.sessions) * counter.window_ms
    if smear_ms > TOLERANCE * run_ms >= TOLERANCE * LEAST_RUN_MS:
        yield (
            f"{_h(run_ms)} of run may be wrong by {_h(smear_ms)}, for each of its runs ({len(proposal.sessions)}) is "
            f"dated to windows of {counter.window_ms // 1000} s"
        )


def _remarks(proposal: Proposal, poll_ms: int, *, counter: Counter | None) -> Iterator[str]:
    if poll_ms > FAST_POLL_MS and not counter:
        yield f"recorded each {poll_ms / 1000:g} s: what a load does within that time was not seen; record at 1 or 2 s"
    if proposal.standby == proposal.run:
        yield "no standby level was seen: what is no run counts as off"
    elif proposal.off_rest is None:
        yield "the instrument was never off: off begins below half of the floor; record it switched off to know better"


def _short_idle(counter: Counter) -> str:
    least_s = LEAST_WINDOWS * counter.window_ms // 1000
    return f"less than {least_s} s of idling were recorded whole, which its counter needs; idle for longer"


def _either(mode: Mode, *, lowest: Proposal, other: Proposal) -> str:
    return (
        f"at {_w(mode.low_mw)} to {_w(mode.high_mw)} the instrument may idle, which gives {_h(other.choice.run_ms)} of "
        f"run, or work, which gives {_h(lowest.choice.run_ms)}; a guided recording asks (calibrate -c … --watcher …)"
    )


def _w(power_mw: int) -> str:
    return f"{power_mw / 1000:.4g} W"


def _h(ms: int) -> str:
    return f"{ms / 3_600_000:.2f} h"


def _min(ms: int) -> str:
    return f"{ms / 60_000:.1f} min"


_NO_REST = (
    "the power never rests at one level, so there is no floor to go up from; record five minutes of the instrument "
    "off or idle"
)
