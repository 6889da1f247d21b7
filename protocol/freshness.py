"""Frozen meters: a value that stays while its own counter contradicts it. Rule 1 of timeline.py (signals.md 3.1).

A gateway can go on answering with the last thing that it heard. Then the power stays the same to the milliwatt, and
the energy counter does not move although that power would move it. Neither alone would be suspicious: a coarse meter
may show the same watts for hours, and a small load takes long for one step of a counter. So a stretch counts as frozen
only when both hold for longer than the policy's `frozen_ms`, above the power that counts as off, counting observed
time only. What continues the stretch after that is not believed, until either moves.

Without `frozen_ms` in the policy, and for meters without a counter, everything is fresh.
"""

from collections.abc import Iterable

from protocol.observation import Observation
from protocol.policy import Policy

Steady = tuple[int, int]
"""A power in mW, and for how many ms it was observed without a change: at most frozen_ms."""


class Freshness:
    """Drops what a frozen meter says; `steady` is what has to be known of the past."""

    def __init__(self, policy: Policy, steady: Steady | None) -> None:
        self._frozen_ms = policy.frozen_ms
        self._off_mw = policy.standby.off_mw
        self.steady = None if policy.frozen_ms is None else steady

    def believed(self, observed: list[Observation]) -> Iterable[Observation]:
        """The observations, in order, as far as they are fresh."""
        if self._frozen_ms is None:
            return observed
        return [part for each in observed if (part := self._fresh_part(each, self._frozen_ms))]

    def _fresh_part(self, each: Observation, frozen_ms: int) -> Observation | None:
        if each.delta_mwh != 0 or each.low_mw != each.high_mw or each.low_mw <= self._off_mw:
            self.steady = None
            return each
        so_far = self.steady[1] if self.steady and self.steady[0] == each.low_mw else 0
        end_ms = min(each.end_ms, each.start_ms + frozen_ms - so_far)
        self.steady = each.low_mw, min(frozen_ms, so_far + each.end_ms - each.start_ms)
        return each._replace(end_ms=end_ms) if each.start_ms < end_ms else None
