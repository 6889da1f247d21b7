"""Watts or the energy counter: by which of them a recording tells its runs. Pure; rule 10 of docs/calibration.md.

Watts that are polled each 2 s or faster date a run best, so where they serve they decide. Where they do not (a heater
of fixed period whose idling and work differ only in how long it is on), or where they were polled more slowly and the
counter tells other hours, the counter is tried, window by window, and proposed if it serves by the same rules.
"""

from collections.abc import Sequence
from itertools import pairwise

from agent.calibration.counter import find_step
from agent.calibration.dwells import SMALL
from agent.calibration.proposal import HIGHER
from agent.calibration.unseen import hangs_on_polls
from agent.calibration.verdict import FAST_POLL_MS, Finding, Phases, calibrate
from protocol.observation import Observation
from protocol.policy import Counter

WINDOWS_MS = (30_000, 60_000, 120_000, 300_000, 600_000, 900_000)
"""In order of preference, for a run is dated to a window; parts of an hour, as policies want them."""
POLLS_IN_A_WINDOW = 2
ENDS = 2
"""Of a run, each dated to a window."""


def find(observed: Sequence[Observation], *, poll_ms: int, phases: Phases | None = None) -> Finding:
    """What `calibrate` finds by watts, or by the counter where that is the better answer."""
    by_watts = calibrate(observed, poll_ms=poll_ms, phases=phases)
    step_mwh = find_step(observed)
    if step_mwh is None or POLLS_IN_A_WINDOW * poll_ms > WINDOWS_MS[-1]:
        return by_watts
    if _hangs(observed, by_watts, step_mwh=step_mwh):
        by_watts = by_watts._replace(objections=(_HANGS,))
    if by_watts.is_open or (by_watts.serves and poll_ms <= FAST_POLL_MS):
        return by_watts  # which level is idling is no question of how the power is measured
    by_counter = _by_counter(observed, step_mwh, poll_ms=poll_ms, phases=phases)
    if not by_counter.serves:
        return _with_remark(by_watts, f"the energy counter does not serve: {by_counter.objections[0]}")
    if by_watts.serves and not phases and _idles_above_off(by_watts) != _idles_above_off(by_counter):
        return _with_remark(by_watts, _other_levels(by_counter))
    if by_watts.serves and _says_no_more(by_counter, by_watts, told=phases is not None):
        return by_watts
    return _with_remark(by_counter, _why(by_counter, by_watts, poll_ms=poll_ms))


def _by_counter(observed: Sequence[Observation], step_mwh: int, *, poll_ms: int, phases: Phases | None) -> Finding:
    """The first window that serves, with low thresholds if any has them.

    Where nobody told what was when, the next one that serves, shorter or longer, has to tell the same hours.
    """
    tried = [
        calibrate(observed, poll_ms=poll_ms, phases=phases, counter=Counter(step_mwh, window_ms))
        for window_ms in WINDOWS_MS
        if POLLS_IN_A_WINDOW * poll_ms <= window_ms
    ]
    serving = [each for each in tried if each.serves]
    agreed = [pair for pair in pairwise(serving) if _tell_the_same(*pair)]
    settled = serving if phases else [each for each in serving if any(each in pair for pair in agreed)]
    if serving and not settled:
        return serving[0]._replace(objections=(_unlike(serving),))
    return next(filter(_is_low, settled), None) or next(iter(settled or tried))


def _is_low(finding: Finding) -> bool:
    """Whether the run begins in the lower half between rest and work: a weaker run than this one counts too."""
    proposal = finding.proposal
    return proposal is not None and 2 * proposal.run.on_mw <= proposal.idle_rest.floor_mw + proposal.busy_mw


def _hangs(observed: Sequence[Observation], by_watts: Finding, *, step_mwh: int) -> bool:
    proposal = by_watts.proposal
    return proposal is not None and by_watts.serves and hangs_on_polls(observed, proposal, step_mwh=step_mwh)


def _tell_the_same(finding: Finding, by_counter: Finding) -> bool:
    """Whether the hours differ by no more than dating to windows explains."""
    proposal, counter = by_counter.proposal, by_counter.counter
    explained_ms = ENDS * len(proposal.sessions) * counter.window_ms if proposal and counter else 0
    apart_ms = abs(_run_ms(finding) - _run_ms(by_counter))
    return apart_ms <= explained_ms + SMALL * _run_ms(by_counter)


def _says_no_more(by_counter: Finding, by_watts: Finding, *, told: bool) -> bool:
    """Whether the counter tells the same hours, or is so coarse that it may miss a run that the watts see.

    By watts, thresholds up to HIGHER were tried and changed nothing. A counter that needs higher ones is no witness
    against them, unless somebody told when the run was.
    """
    if by_watts.proposal is None or by_counter.proposal is None or _tell_the_same(by_watts, by_counter):
        return True
    return not told and by_counter.proposal.idle_rest.step_mw > HIGHER * by_watts.proposal.idle_rest.step_mw


def _idles_above_off(finding: Finding) -> bool:
    return finding.proposal is not None and finding.proposal.off_rest is not None


def _other_levels(by_counter: Finding) -> str:
    return (
        f"the energy counter tells {_run_ms(by_counter) / 3_600_000:.2f} h of run, for by it the instrument idles at "
        "another level; a guided recording asks (calibrate -c … --watcher …)"
    )


def _unlike(serving: Sequence[Finding]) -> str:
    told = (f"{_run_ms(each) / 3_600_000:.2f} h by windows of {_window_s(each)} s" for each in serving)
    return f"it tells {', '.join(told)}; a guided recording asks (calibrate -c … --watcher …)"


def _run_ms(finding: Finding) -> int:
    return finding.proposal.choice.run_ms if finding.proposal else 0


def _why(by_counter: Finding, by_watts: Finding, *, poll_ms: int) -> str:
    decides = f"the energy counter decides, in windows of {_window_s(by_counter)} s"
    if not by_watts.serves:
        return f"{decides}, for watts do not serve: {by_watts.objections[0]}"
    return f"{decides}; by watts each {poll_ms / 1000:g} s the run would be {_run_ms(by_watts) / 3_600_000:.2f} h"


def _window_s(finding: Finding) -> int:
    return finding.counter.window_ms // 1000 if finding.counter else 0


def _with_remark(finding: Finding, remark: str) -> Finding:
    return finding._replace(remarks=(*finding.remarks, remark))


_HANGS = (
    "outside the runs the power is as high in pulses that polls meet or miss, more often than a pause may be long: "
    "where a run ends hangs on the polls"
)
