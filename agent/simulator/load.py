"""An instrument's load as time goes on: what a meter in its feed measures."""

from collections.abc import Callable, Iterator

from agent.clock import Instant
from agent.simulator.models import Segment

MW_MS_PER_WH = 1000 * 3_600_000


class Load:
    """An instrument as time goes on: its power now, the energy since the start, and the state that it is in."""

    def __init__(self, segments: Iterator[Segment], start: Instant, *, changed: Callable[[int, Segment], None]) -> None:
        self._segments = segments
        self._start = start
        self._changed = changed
        self._until_ms = start.mono_ms
        self._mw_ms = 0
        self.segment = self._next(None)

    def advance(self, mono_ms: int) -> None:
        """Let time pass up to `mono_ms`."""
        while self._until_ms <= mono_ms:
            self._mw_ms += self.segment.ms * self.segment.power_mw
            self.segment = self._next(self.segment)

    def energy_wh(self, mono_ms: int) -> int:
        """Return the whole watt-hours drawn up to `mono_ms`, which must not be before the last `advance`."""
        left_ms = self._until_ms - mono_ms
        return (self._mw_ms + (self.segment.ms - left_ms) * self.segment.power_mw) // MW_MS_PER_WH

    def _next(self, before: Segment | None) -> Segment:
        segment = next(self._segments)
        if before is None or segment.state != before.state:
            self._changed(self._start.wall_ms + self._until_ms - self._start.mono_ms, segment)
        self._until_ms += segment.ms
        return segment
