"""A guided on/off test of an instrument, held against what its watchers measured in that time. Pure.

An inspector switches the instrument off, on, lets it run, and notes the times by his own clock; what was measured then
must show the same. A change takes its time (a warm-up, a dwell of the policy, somebody's reaction), so `tolerance_ms`
at both ends of each step says nothing. Figures only: what they mean is for people.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from protocol.findings import Deed, Step
from protocol.interval import Interval, clip, length, union

TOLERANCE_MS = 30_000

SHOWS: dict[Deed, frozenset[str]] = {
    "off": frozenset({"off"}),
    "on": frozenset({"standby", "run"}),
    "idle": frozenset({"standby"}),
    "run": frozenset({"run"}),
}
"""Which measured states agree with what the instrument was brought to."""


class Measured(NamedTuple):
    """One state over [start_ms, end_ms), UTC."""

    start_ms: int
    end_ms: int
    state: str


class Compared(NamedTuple):
    """One step: how long it is judged over, how much of that agreed, disagreed, and nobody saw; ms."""

    do: Deed
    start_ms: int
    end_ms: int
    judged_ms: int
    agreed_ms: int
    differed_ms: int

    @property
    def unseen_ms(self) -> int:
        return self.judged_ms - self.agreed_ms - self.differed_ms

    @property
    def agrees(self) -> bool:
        """Whether all that was seen agreed, and something was."""
        return self.agreed_ms > 0 and self.differed_ms == 0


def compare(steps: Sequence[Step], measured: Iterable[Measured], *, tolerance_ms: int = TOLERANCE_MS) -> list[Compared]:
    """Each step up to the next one; the last one, which nothing ends, and `end` are not judged."""
    seen = [each for each in measured if each.state != "unobserved"]
    found = []
    for step, following in pairwise(steps):
        if step.do == "end":
            continue
        judged = step.at + tolerance_ms, following.at - tolerance_ms
        good = [(each.start_ms, each.end_ms) for each in seen if each.state in SHOWS[step.do]]
        bad = [(each.start_ms, each.end_ms) for each in seen if each.state not in SHOWS[step.do]]
        found.append(
            Compared(
                step.do,
                step.at,
                following.at,
                max(0, judged[1] - judged[0]),
                _within(good, judged),
                _within(bad, judged),
            )
        )
    return found


def _within(spans: list[Interval], window: Interval) -> int:
    return length(clip(union(spans), *window)) if window[0] < window[1] else 0
