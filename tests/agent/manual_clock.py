"""A clock that a test moves."""

from agent.clock import Instant


class ManualClock:
    """Both clocks stand still until `advance` (both go on), `step` (wall clock set) or `sleep` (machine suspended)."""

    def __init__(
        self, *, wall_ms: int = 1_764_554_400_000, mono_ms: int = 1_000_000, boot_id: str = "5f3a9c01"
    ) -> None:
        self._now = Instant(wall_ms, mono_ms)
        self._asleep_ms = 0
        self.boot_id = boot_id

    def now(self) -> Instant:
        return self._now

    def asleep_ms(self) -> int:
        return self._asleep_ms

    def advance(self, ms: int) -> Instant:
        self._now = Instant(self._now.wall_ms + ms, self._now.mono_ms + ms)
        return self._now

    def step(self, ms: int) -> Instant:
        self._now = self._now._replace(wall_ms=self._now.wall_ms + ms)
        return self._now

    def sleep(self, ms: int) -> Instant:
        self._asleep_ms += ms
        return self.step(ms)
