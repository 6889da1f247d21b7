"""A proposal as a policy file, as protocol.policy reads it: for the collector to approve. Pure."""

import json

from agent.calibration.dwells import Dwells, Pair
from agent.calibration.proposal import Proposal
from agent.calibration.verdict import Finding
from protocol.policy import MAX_NAME

UNNAMED = "calibrated"


def write_policy(finding: Finding, proposal: Proposal, *, name: str) -> bytes:
    """The bytes of the file."""
    members: dict[str, object] = {
        "v": 1,
        "name": "".join(c for c in name if c.isprintable())[:MAX_NAME].strip() or "calibrated",
        "valid_mw": list(proposal.valid_mw),
        "standby": _trigger(proposal.standby, proposal.choice.dwells),
        "run": _trigger(proposal.run, proposal.choice.dwells),
        "gap_ms": finding.gap_ms,
    }
    if finding.counter:
        members["counter"] = {"step_mwh": finding.counter.step_mwh, "window_ms": finding.counter.window_ms}
    return (json.dumps(members, ensure_ascii=False, indent=2) + "\n").encode()


def _trigger(pair: Pair, dwells: Dwells) -> dict[str, int]:
    return {"on_mw": pair.on_mw, "off_mw": pair.off_mw, "on_ms": dwells.on_ms, "off_ms": dwells.off_ms}
