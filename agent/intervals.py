"""The intervals of an open block: when one ends and the next begins, and what each tells (signals.md section 2).
Pure.

Tried on 19 instrument-days: fixed 60 s intervals or a minimum length spoil the hours by up to 9 h a day on
thermostatted devices; cutting where the load changes costs none, as long as the lowest and highest value of each
interval are kept.

Each kind of channel has its class here. All of them hold finished *rows*, one for each interval with its length in ms
first, and the interval that still grows. Units: ms, and for a gauge mW (or the channel's own unit), all integers, so
that the same samples give the same bytes.
"""

from bisect import bisect_left, bisect_right
from typing import Any, NamedTuple

import msgspec

BAND_FLOOR = 5_000  # 5 W
BAND_PERCENT = 2
BAND_STEPS = 3
BAND_CAP_PERCENT = 15
STEP_SHARE = 8
"""A new step enters the smoothed one with an eighth: it has forgotten a start-up after some twenty samples."""

TOKENS = 60
TOKEN_MS = 10_000
TOKENS_KEPT = 30
"""These last tokens are for level crossings, which decide hours; a restless load may not use them up."""

SETTLED_MS = 10_000
CONSEQUENCE_FLOOR = 20_000  # 20 W
CONSEQUENCE_PERCENT = 25

UNSTEADY = "unsteady"
"""The word of an interval in which a state changed more often than the token bucket lets it write."""

Row = tuple[Any, ...]


class TokenBucket:
    """Bounds what a restless or hostile load can write: 60 cuts at once, then one each 10 s."""

    def __init__(self) -> None:
        self._credit_ms = TOKENS * TOKEN_MS
        self._told_ms: int | None = None

    def take(self, now_ms: int, *, keep: int) -> bool:
        """Take a token if more than `keep` are left at monotonic `now_ms`."""
        if self._told_ms is not None:
            self._credit_ms = min(TOKENS * TOKEN_MS, self._credit_ms + now_ms - self._told_ms)
        self._told_ms = now_ms
        if self._credit_ms < (keep + 1) * TOKEN_MS:
            return False
        self._credit_ms -= TOKEN_MS
        return True


class SmoothedStep:
    """How far the value moves from sample to sample, smoothed: the load's own restlessness."""

    def __init__(self) -> None:
        self._scaled = 0

    def add(self, step: int) -> None:
        """Let the difference of two samples in."""
        self._scaled += abs(step) - self._scaled // STEP_SHARE

    def band(self, mean: int) -> int:
        """Return how far from the mean a sample may lie without ending the interval."""
        size = abs(mean)
        restless = min(BAND_STEPS * (self._scaled // STEP_SHARE), size * BAND_CAP_PERCENT // 100)
        return max(BAND_FLOOR, size * BAND_PERCENT // 100, restless)


class Step(NamedTuple):
    """From one sample to the next of a channel: it is the later value that holds for the time between them."""

    before: Any
    value: Any
    ms: int
    delta_mwh: int | None  # rise of the energy counter, where both samples had one


class Intervals:
    """What all kinds have in common. `growing_ms`: length of the interval that is not finished, 0 if there is none."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.growing_ms = 0
        self._sent: Row | None = None

    def all_rows(self) -> list[Row]:
        """Return the finished rows and the growing one as it stands."""
        return [*self.rows, self._row()] if self.growing_ms else list(self.rows)

    def shut(self) -> None:
        """Finish the growing interval."""
        if self.growing_ms:
            self.rows.append(self._row())
            self.growing_ms = 0

    def clear(self) -> None:
        """Begin a new block, remembering what the old one told last."""
        self.shut()
        if self.rows:
            self._sent = self.rows[-1]
        self.rows = []

    def row_bytes(self) -> int:
        """Return how many bytes the growing row takes on the wire at present."""
        return sum(len(str(number)) + 1 for number in self._row()) if self.growing_ms else 0

    def cut_before(self, step: Step) -> int | None:
        """Say how many tokens must stay in the bucket if the interval is to end before `step`; None: it goes on."""
        raise NotImplementedError

    def add(self, step: Step) -> None:
        """Let the step's value hold for its time within the growing interval."""
        raise NotImplementedError

    def is_of_consequence(self) -> bool:
        """Whether what grows has lasted, and differs so much from what was sent last that it should go at once."""
        return self.growing_ms >= SETTLED_MS and (self._sent is None or self._differs(self._row(), self._sent))

    def members(self, rows: list[Row]) -> dict[str, Any]:
        """Return the rows as the members of a protocol Reading."""
        raise NotImplementedError

    def _row(self) -> Row:
        raise NotImplementedError

    @staticmethod
    def _differs(row: Row, sent: Row) -> bool:
        raise NotImplementedError


class GaugeIntervals(Intervals):
    """Rows of (ms, mean, low, high, delta); `levels` are hints of the policy where cuts matter most."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: tuple[int, ...] = ()
        self._restlessness = SmoothedStep()
        self._zone = 0
        self._zone_ms = 0
        self._sent_zone: int | None = None
        self._low = self._high = self._area = 0
        self._delta_mwh: int | None = None

    def zone_of(self, value: int) -> int:
        """Number the place of a value among the levels; being exactly on a level is a place of its own.

        For the kernel a trigger goes up at `>=` and down at `<=`, so touching a level is neither above nor below it.
        """
        return bisect_left(self.levels, value) + bisect_right(self.levels, value)

    def cut_before(self, step: Step) -> int | None:
        if self.zone_of(step.before) != self.zone_of(step.value):
            return 0
        mean = self._area // self.growing_ms
        return TOKENS_KEPT if abs(step.value - mean) > self._restlessness.band(mean) else None

    def add(self, step: Step) -> None:
        value = step.value
        if self.growing_ms:
            self._low, self._high = min(self._low, value), max(self._high, value)
        else:
            self._low = self._high = value
            self._area = 0
            self._delta_mwh = None if step.delta_mwh is None else 0
        self._area += value * step.ms
        if step.delta_mwh is not None and self._delta_mwh is not None:
            self._delta_mwh += step.delta_mwh
        self.growing_ms += step.ms
        self._restlessness.add(value - step.before)
        self._note_zone(self.zone_of(value), step.ms)

    def clear(self) -> None:
        super().clear()
        self._sent_zone = self._zone

    def is_of_consequence(self) -> bool:
        kept_side = self._zone_ms >= SETTLED_MS and self._zone != self._sent_zone
        return kept_side or super().is_of_consequence()

    def members(self, rows: list[Row]) -> dict[str, Any]:
        durations, means, lows, highs, deltas = zip(*rows, strict=True)
        gauge = {"durations_ms": durations, "means": means, "lows": lows, "highs": highs}
        return gauge if deltas[0] is None else {**gauge, "deltas": deltas}

    def _note_zone(self, zone: int, ms: int) -> None:
        self._zone_ms = self._zone_ms + ms if zone == self._zone else ms
        self._zone = zone

    def _row(self) -> Row:
        # Rounded down, so that low <= mean <= high holds in integers.
        return (self.growing_ms, self._area // self.growing_ms, self._low, self._high, self._delta_mwh)

    @staticmethod
    def _differs(row: Row, sent: Row) -> bool:
        mean, sent_mean = row[1], sent[1]
        limit = max(CONSEQUENCE_FLOOR, abs(sent_mean) * CONSEQUENCE_PERCENT // 100)
        return bool(abs(mean - sent_mean) > limit)


class StateIntervals(Intervals):
    """Rows of (ms, word)."""

    def __init__(self) -> None:
        super().__init__()
        self._word = ""

    def cut_before(self, step: Step) -> int | None:
        return 0 if step.value != self._word else None

    def add(self, step: Step) -> None:
        self._word = UNSTEADY if self.growing_ms and step.value != self._word else step.value
        self.growing_ms += step.ms

    def row_bytes(self) -> int:
        return len(str(self.growing_ms)) + len(msgspec.json.encode(self._word)) + 2 if self.growing_ms else 0

    def members(self, rows: list[Row]) -> dict[str, Any]:
        durations, words = zip(*rows, strict=True)
        return {"durations_ms": durations, "states": words}

    def _row(self) -> Row:
        return (self.growing_ms, self._word)

    @staticmethod
    def _differs(row: Row, sent: Row) -> bool:
        return bool(row[1] != sent[1])


class CountIntervals(Intervals):
    """Rows of (ms, number): something happened, or nothing did."""

    def __init__(self) -> None:
        super().__init__()
        self._total = 0

    def cut_before(self, step: Step) -> int | None:
        return 0 if (step.value == 0) != (self._total == 0) else None

    def add(self, step: Step) -> None:
        self._total = step.value + (self._total if self.growing_ms else 0)
        self.growing_ms += step.ms

    def members(self, rows: list[Row]) -> dict[str, Any]:
        durations, totals = zip(*rows, strict=True)
        return {"durations_ms": durations, "counts": totals}

    def _row(self) -> Row:
        return (self.growing_ms, self._total)

    @staticmethod
    def _differs(row: Row, sent: Row) -> bool:
        return bool((row[1] == 0) != (sent[1] == 0))


class EventIntervals(Intervals):
    """Rows of (ms since the event before, word); events have no extent, so nothing grows."""

    def add(self, step: Step) -> None:
        self.rows.append((step.ms, step.value))

    def members(self, rows: list[Row]) -> dict[str, Any]:
        durations, words = zip(*rows, strict=True)
        return {"durations_ms": durations, "events": words}
