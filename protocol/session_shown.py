"""How long an instrument ran, by the readings of one session and nothing else: what a selective bundle states. Pure.

The record of the day rests on more than its session's readings: on what came before it (the lead-in, a dwell that had
begun). Whoever shows one session alone shows what these readings give by themselves, beginning from nothing that was
observed; so its `run_s` may be some seconds less than the session has in the record, never more than its length.
"""

from collections.abc import Iterable

from protocol.fusion import derive_states
from protocol.lead import UNOBSERVED
from protocol.policy import Policy
from protocol.witness import Block, gather, within


def run_s(blocks: Iterable[Block], policy: Policy, *, start_ms: int, end_ms: int) -> int:
    """Whole seconds of run over [start_ms, end_ms) UTC, by these readings alone."""
    evidence = within(gather(blocks, policy), start_ms, end_ms=end_ms)
    states = derive_states(evidence, policy, start_ms=start_ms, end_ms=end_ms, lead_in=UNOBSERVED)
    return sum(span[1] - span[0] for span in states.spans if span[2] == "run") // 1000
