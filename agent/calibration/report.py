"""What calibration found, in words for people and as JSON for programs. Pure."""

import json
from collections.abc import Iterator

from agent.calibration.dwells import Pair
from agent.calibration.examine import Result
from agent.calibration.levels import Mode, Rest
from agent.calibration.proposal import Proposal
from agent.calibration.rates import slowest_that_serves
from protocol.policy import Counter

SHOWN_SESSIONS = 12


def as_json(result: Result) -> str:
    """One line for programs: power in mW, times as the recording writes them."""
    finding, proposal = result.finding, result.finding.proposal
    members: dict[str, object] = {
        "serves": finding.serves,
        "objections": finding.objections,
        "remarks": finding.remarks,
        "levels_mw": [[mode.low_mw, mode.high_mw] for mode in finding.modes],
    }
    if proposal and result.policy:
        members |= _members(result, proposal)
        members |= {"policy": json.loads(result.raw_policy), "sha256": result.policy.sha256}
    return json.dumps(members, ensure_ascii=False)


def _members(result: Result, proposal: Proposal) -> dict[str, object]:
    choice = proposal.choice
    spread = {"on_ms": choice.on_spread, "off_ms": choice.off_spread, "threshold": proposal.threshold_spread}
    return {
        "idle": _rest_members(proposal.idle_rest),
        "off": _rest_members(proposal.off_rest) if proposal.off_rest else None,
        "spread": {name: round(share, 4) for name, share in spread.items()},
        "seconds": result.seconds,
        "sessions": _sessions(result),
        "run_s_by_poll_ms": {str(rate.poll_ms): rate.run_ms // 1000 for rate in result.rates},
        "poll_ms": slowest_that_serves(result.rates),
    }


def _rest_members(rest: Rest) -> dict[str, int]:
    """The grain only where there is one."""
    return {name: mw for name, mw in rest._asdict().items() if name != "grain_mw" or mw}


def _sessions(result: Result) -> list[list[int | str]]:
    write = result.recording.notation.write
    return [[write(span.start_ms), write(span.end_ms)] for span in result.sessions]


def as_text(result: Result) -> str:
    """The same with its reasons."""
    return "\n".join(_lines(result))


def _lines(result: Result) -> Iterator[str]:
    finding, proposal = result.finding, result.finding.proposal
    yield f"levels    {'; '.join(_mode(mode) for mode in finding.modes) or 'none'}"
    if proposal and result.policy:
        yield from _reasons(proposal, finding.counter)
        yield from _outcome(result, proposal)
    for remark in finding.remarks:
        yield f"note      {remark}"
    for objection in finding.objections:
        yield f"against   {objection}"
    yield "verdict   " + (
        "this pair of thresholds serves" if finding.serves else "NO pair of thresholds and dwells serves"
    )


def _reasons(proposal: Proposal, counter: Counter | None) -> Iterator[str]:
    if counter:
        yield (
            f"counter   the run by the energy counter, in windows of {counter.window_ms / 1000:g} s: "
            f"its step of {counter.step_mwh / 1000:g} Wh makes {proposal.idle_rest.grain_mw / 1000:.4g} W"
        )
    if proposal.off_rest:
        yield f"off       {_rest(proposal.off_rest)}"
    told_apart = proposal.standby != proposal.run
    yield f"{'idle' if told_apart else 'rest'}      {_rest(proposal.idle_rest)}"
    yield f"standby   {_pair(proposal.standby) if told_apart else 'not told apart from off'}"
    yield f"run       {_pair(proposal.run)}"
    on_ms, off_ms = proposal.choice.dwells
    yield f"dwells    a rise counts after {on_ms / 1000:g} s, a fall after {off_ms / 1000:g} s"


def _outcome(result: Result, proposal: Proposal) -> Iterator[str]:
    choice = proposal.choice
    yield "hours     " + ", ".join(f"{state} {seconds / 3600:.2f} h" for state, seconds in result.seconds.items())
    yield (
        f"settled   hours of run change by {choice.on_spread:.1%} with the dwell upwards, {choice.off_spread:.1%} "
        f"downwards, {proposal.threshold_spread:.1%} with the thresholds"
    )
    sessions = _sessions(result)
    for start, end in sessions[:SHOWN_SESSIONS]:
        yield f"  run     {start} to {end}"
    if len(sessions) > SHOWN_SESSIONS:
        yield f"  run     and {len(sessions) - SHOWN_SESSIONS} more"
    shown = ", ".join(f"{rate.poll_ms / 1000:g} s {rate.run_ms / 3_600_000:.2f} h" for rate in result.rates)
    slowest_s = slowest_that_serves(result.rates) / 1000
    yield f"polling   hours of run by poll period: {shown}; each {slowest_s:g} s or faster is enough"


def _mode(mode: Mode) -> str:
    low, high = f"{mode.low_mw / 1000:.4g}", f"{mode.high_mw / 1000:.4g}"
    levels = low if low == high else f"{low} to {high}"
    return f"{levels} W for {mode.total_ms / 3_600_000:.2f} h"


def _rest(rest: Rest) -> str:
    return (
        f"floor {rest.floor_mw / 1000:.4g} W (10th percentile), MAD {rest.mad_mw / 1000:.3g} W, "
        f"95th percentile {rest.reach_mw / 1000:.4g} W: a step is {rest.step_mw / 1000:.4g} W"
    )


def _pair(pair: Pair) -> str:
    return f"begins at {pair.on_mw / 1000:.4g} W, ends at {pair.off_mw / 1000:.4g} W"
