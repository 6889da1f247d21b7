"""Which road is taken: MQTT, and HTTPS while MQTT does not work. Pure: it is told what happened and the time.

                 failed                 failing for 5 min
    BROKER ◀──────────────▶ DOUBTED ─────────────────────▶ DETOUR (by HTTPS)
      ▲         answered                                    ▲   │ after 15 min to 4 h, or when that fails, too
      │                                              failed │   ▼
      └────────────────────── answered ─────────────────── TRIAL

MQTT comes first because the broker spares the collector's door and answers at once; a restart of the broker is no
reason to leave it. A detour says since when and why, and does not last: MQTT is tried again, more and more rarely
where it keeps failing. "Answered" is a word of the collector, not of the broker: one that takes everything and
delivers nothing has failed.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from random import Random
from typing import NamedTuple

PATIENCE_MS = 300_000
FIRST_TRIAL_MS = 900_000
LAST_TRIAL_MS = 14_400_000


class State(Enum):
    BROKER = auto()
    DOUBTED = auto()
    DETOUR = auto()
    TRIAL = auto()


class Answered(NamedTuple):
    """The collector was heard."""


class Failed(NamedTuple):
    """The road does not work: since when (monotonic ms), and why."""

    since_ms: int
    why: str


class Due(NamedTuple):
    """`due_ms` has come."""


Event = Answered | Failed | Due


class Choice(NamedTuple):
    """What holds now. `since_ms` and `why` say since when and why MQTT does not work, where it does not."""

    state: State = State.BROKER
    since_ms: int = 0
    why: str = ""
    trials: int = 0
    due_ms: int | None = None

    @property
    def is_detour(self) -> bool:
        """Whether HTTPS is the road now."""
        return self.state is State.DETOUR

    def after(self, event: Event, now_ms: int, chance: Random) -> Choice:
        """The choice once this has happened; ValueError for what cannot happen in this state."""
        step = _TABLE.get((self.state, type(event)))
        if step is None:
            raise ValueError(f"{type(event).__name__} in state {self.state.name}")
        return step(self, event, now_ms, chance)

    def _keep(self, _event: Event, _now_ms: int, _chance: Random) -> Choice:
        return self

    def _trust(self, _event: Event, _now_ms: int, _chance: Random) -> Choice:
        return Choice()

    def _doubt(self, event: Failed, now_ms: int, chance: Random) -> Choice:
        since_ms = self.since_ms if self.state is State.DOUBTED else event.since_ms
        if now_ms - since_ms >= PATIENCE_MS:
            return _detour(Choice(since_ms=since_ms, why=event.why), now_ms, chance)
        return Choice(State.DOUBTED, since_ms, event.why)

    def _try(self, _event: Event, _now_ms: int, _chance: Random) -> Choice:
        return self._replace(state=State.TRIAL, due_ms=None)

    def _go_round(self, event: Failed, now_ms: int, chance: Random) -> Choice:
        return _detour(self._replace(why=event.why, trials=self.trials + 1), now_ms, chance)


def _detour(choice: Choice, now_ms: int, chance: Random) -> Choice:
    ceiling_ms = min(FIRST_TRIAL_MS << min(choice.trials, 8), LAST_TRIAL_MS)
    # From three quarters on, so that a fleet that lost its broker does not come back to it together.
    return choice._replace(state=State.DETOUR, due_ms=now_ms + chance.randint(3 * ceiling_ms // 4, ceiling_ms))


_TABLE: dict[tuple[State, type], Callable[..., Choice]] = {
    (State.BROKER, Answered): Choice._keep,
    (State.BROKER, Failed): Choice._doubt,
    (State.DOUBTED, Answered): Choice._trust,
    (State.DOUBTED, Failed): Choice._doubt,
    (State.DETOUR, Answered): Choice._keep,
    (State.DETOUR, Failed): Choice._try,
    (State.DETOUR, Due): Choice._try,
    (State.TRIAL, Answered): Choice._trust,
    (State.TRIAL, Failed): Choice._go_round,
}
